"""FUNIT's class-conditional critic: a real-or-generated score for each class."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from img2imgkit.architectures.class_critic.widths import block_widths
from img2imgkit.nn.layers import ReflectionPad, SpectralConv, initializer

SLOPE = 0.2  # of the leaky ReLUs


def class_critic(
    classes: int, width: int = 64, blocks: int = 10, channels: int = 3, spectral: bool = False
) -> keras.Model:
    """The patch critic of FUNIT (Liu et al. 2019, https://arxiv.org/abs/1905.01723, section 3.2).

    Pre-activation residual blocks (Mescheder et al. 2018, https://arxiv.org/abs/1801.04406); every second one doubles
    the channels up to 1024, and all pairs but the last are followed by downsampling. A last convolution returns a
    score map for each class, from which that of the image's class is selected. Scores and features are float32 under
    every precision policy.
    Departs from the paper: identity shortcuts add the activated input, and the features are activated, since the
    official code activates in place.

    Shapes:
        [(N, H, W, channels), (N,) int32 classes], H and W at least 4 and 2**(blocks / 2)
            -> [(N, h, w, 1), any range; features (N, h, w, C)], h being H / 2**(blocks / 2 - 1), rounded up

    Args:
        blocks: an even number
        spectral: spectral normalization of every convolution, see ``SpectralConv``

    Raises:
        ValueError: ``blocks`` is odd or less than 2.

    >>> scores, features = class_critic(classes=5, width=2, blocks=2)([ops.zeros((2, 8, 8, 3)), ops.array([0, 4])])
    >>> ops.shape(scores)
    (2, 8, 8, 1)
    """
    if blocks < 2 or blocks % 2:
        raise ValueError(f"blocks is {blocks}: expected an even number, at least 2")
    source = keras.Input((None, None, channels), name="source")
    label = keras.Input((), dtype="int32", name="class")
    x = _conv(source, width, 7, "stem", spectral)
    for number, filters in enumerate(block_widths(width, blocks)):
        x = _block(x, filters, f"block{number}", spectral)
        if number % 2 and number < blocks - 1:
            x = ReflectionPad(1, name=f"pool{number // 2}_pad")(x)
            x = layers.AveragePooling2D(3, 2, name=f"pool{number // 2}")(x)
    features = layers.LeakyReLU(SLOPE, dtype="float32", name="features")(x)
    class_scores = _conv(features, classes, 1, "last", spectral, dtype="float32")
    selected = ops.one_hot(label, classes, dtype="float32")[:, None, None, :]
    scores = ops.sum(class_scores * selected, axis=-1, keepdims=True)
    return keras.Model([source, label], [scores, features], name="class_critic")


def _block(x: Any, filters: int, name: str, spectral: bool) -> Any:
    active = layers.LeakyReLU(SLOPE, name=f"{name}_act0")(x)
    changes = filters != x.shape[-1]
    shortcut = _conv(x, filters, 1, f"{name}_shortcut", spectral, use_bias=False) if changes else active
    y = _conv(active, min(x.shape[-1], filters), 3, f"{name}_0", spectral)
    y = _conv(layers.LeakyReLU(SLOPE, name=f"{name}_act1")(y), filters, 3, f"{name}_1", spectral)
    return layers.Add(name=f"{name}_sum")([shortcut, y])


def _conv(
    x: Any, filters: int, size: int, name: str, spectral: bool, use_bias: bool = True, dtype: str | None = None
) -> Any:
    x = ReflectionPad(size // 2, name=f"{name}_pad")(x) if size > 1 else x
    options: dict[str, Any] = {"use_bias": use_bias, "kernel_initializer": initializer("kaiming"), "dtype": dtype}
    layer = SpectralConv if spectral else layers.Conv2D
    return layer(filters, size, name=f"{name}_conv", **options)(x)
