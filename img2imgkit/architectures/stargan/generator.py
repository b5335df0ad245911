"""The generator of StarGAN: one network that translates an image to any of several domains."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from img2imgkit.nn.layers import DoublingConv, HalvingConv, InstanceNorm, LabelMaps, initializer


def stargan_generator(code: int, width: int = 64, blocks: int = 6, channels: int = 3) -> keras.Model:
    """The residual network of StarGAN (Choi et al. 2018, https://arxiv.org/abs/1711.09020, table 4).

    Two downsampling steps, residual blocks, two upsampling steps; every convolution has an affine instance norm. Its
    statistics are always those of the image: the official code never leaves training mode, so the running statistics in
    its checkpoints are unused. Zero padding is needed, since an instance norm would otherwise cancel the constant label
    maps. The last convolution is float32 under every precision policy.

    Shapes:
        source (N, H, W, channels) in [-1, 1], label (N, code); H and W multiples of 4
            -> (N, H, W, channels) in (-1, 1)

    Args:
        code: length of a label, including the mask vector (section 3.3)

    >>> ops.shape(stargan_generator(code=5, width=2, blocks=1)([ops.zeros((1, 8, 8, 3)), ops.zeros((1, 5))]))
    (1, 8, 8, 3)
    """
    source = keras.Input((None, None, channels), name="source")
    label = keras.Input((code,), name="label")
    x = _step(_conv(LabelMaps(name="label_maps")([source, label]), width, 7, "stem_conv"), "stem")
    options: dict[str, Any] = {"use_bias": False}
    for number in range(2):
        kernel = initializer("uniform")
        halving = HalvingConv(
            width * 2 ** (number + 1), kernel_initializer=kernel, name=f"down{number}_conv", **options
        )
        x = _step(halving(x), f"down{number}")
    for number in range(blocks):
        x = _block(x, f"block{number}")  # (N, H / 4, W / 4, 4 * width)
    for number in range(2):
        kernel = initializer("uniform")
        doubling = DoublingConv(
            width * 2 ** (1 - number), kernel_initializer=kernel, name=f"up{number}_conv", **options
        )
        x = _step(doubling(x), f"up{number}")
    x = _conv(x, channels, 7, "last_conv", "float32")
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model([source, label], image, name="stargan_generator")


def _conv(x: Any, filters: int, size: int, name: str, dtype: str | None = None) -> Any:
    options: dict[str, Any] = {
        "use_bias": False,
        "kernel_initializer": initializer("uniform"),
        "dtype": dtype,
        "name": name,
    }
    return layers.Conv2D(filters, size, padding="same", **options)(x)


def _step(x: Any, name: str) -> Any:
    return layers.ReLU(name=f"{name}_act")(InstanceNorm(affine=True, name=f"{name}_norm")(x))


def _block(x: Any, name: str) -> Any:
    y = _conv(x, x.shape[-1], 3, f"{name}_conv0")
    y = layers.ReLU(name=f"{name}_act")(InstanceNorm(affine=True, name=f"{name}_norm0")(y))
    y = InstanceNorm(affine=True, name=f"{name}_norm1")(_conv(y, x.shape[-1], 3, f"{name}_conv1"))
    return layers.Add(name=f"{name}_sum")([x, y])
