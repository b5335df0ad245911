"""The critic of SRGAN and ESRGAN: one score for a whole image of fixed size."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from img2imgkit.nn.layers import initializer, normalized

LEAK = 0.2
LEFT = 4  # height and width of the dense layers' input
DENSE = 100  # units of the first dense layer
WIDEST = 8  # times the first width


def vgg_critic(size: int = 128, width: int = 64, channels: int = 3) -> keras.Model:
    """A VGG-style critic with batch norm (Ledig et al. 2017, https://arxiv.org/abs/1609.04802, section 2.1.1).

    ``VGGStyleDiscriminator`` of BasicSR: pairs of convolutions, the second of stride 2, down to 4x4 pixels.
    The score is float32 under every precision policy.

    Shapes:
        (N, size, size, channels) -> (N, 1), any range
    Departs from the paper, as the official code: one more downsampling step, 4x4 kernels at stride 2, 100 dense units.

    Args:
        size: height and width of the images; officially 128 or 256

    Raises:
        ValueError: ``size`` is not a power of 2, or less than 8.

    >>> ops.shape(vgg_critic(size=16, width=2)(ops.zeros((3, 16, 16, 3))))
    (3, 1)
    """
    if size < 2 * LEFT or size & (size - 1):
        raise ValueError(f"size {size}: expected a power of 2, at least {2 * LEFT}")
    source = keras.Input((size, size, channels), name="source")
    x = source
    for number in range((size // LEFT).bit_length() - 1):
        filters = width * min(2**number, WIDEST)
        x = _step(x, filters, 0, number)
        x = _step(x, filters, 1, number)
    x = layers.Flatten(name="flat")(x)  # (N, 16 * filters)
    x = _leaky(layers.Dense(DENSE, kernel_initializer=initializer("uniform"), name="dense0")(x), "dense0_act")
    score = layers.Dense(1, kernel_initializer=initializer("uniform"), dtype="float32", name="dense1")(x)
    return keras.Model(source, score, name="vgg_critic")


def _step(x: Any, filters: int, halves: int, number: int) -> Any:
    """Shapes: (N, H, W, C) -> (N, H, W, filters), or half of H and W."""
    name, first = f"{number}_{halves}", not number and not halves
    options: dict[str, Any] = {"use_bias": first, "kernel_initializer": initializer("uniform"), "padding": "same"}
    x = layers.Conv2D(filters, 3 + halves, 1 + halves, name=f"conv{name}", **options)(x)
    return _leaky(x if first else normalized(x, "batch", f"norm{name}"), f"act{name}")


def _leaky(x: Any, name: str) -> Any:
    return layers.LeakyReLU(LEAK, name=name)(x)
