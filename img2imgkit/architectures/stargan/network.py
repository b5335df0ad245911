"""StarGAN's networks: one generator for several domains, and a PatchGAN with a domain classifier."""

from __future__ import annotations

import math
from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.nn.layers import DoublingConv, HalvingConv, InstanceNorm, LabelMaps, SpectralConv, initializer

LEAK = 0.01  # of the critic's leaky ReLUs


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


def domain_critic(
    size: tuple[int, int], classes: int, width: int = 64, layers: int = 6, channels: int = 3, spectral: bool = False
) -> keras.Model:
    """The critic of StarGAN (Choi et al. 2018, https://arxiv.org/abs/1711.09020, table 5), without normalization.

    Each layer doubles the filters, without limit. Both outputs are float32 under every precision policy.

    Shapes:
        (N, H, W, channels) in [-1, 1] -> scores (N, H / 2**layers, W / 2**layers, 1), any range; logits of the domains
        (N, classes), any range

    Args:
        size: H and W, equal multiples of 2**layers; the last convolution covers the whole map
        classes: number of domains
        spectral: spectral normalization of every convolution, see ``SpectralConv``

    Raises:
        ValueError: ``size`` is not square, or not a multiple of 2**layers.

    >>> scores, logits = domain_critic(size=(16, 16), classes=5, width=2, layers=2)(ops.zeros((1, 16, 16, 3)))
    >>> ops.shape(scores), ops.shape(logits)
    ((1, 4, 4, 1), (1, 5))
    """
    if size[0] != size[1] or size[0] % 2**layers:
        raise ValueError(f"size {size}: expected a square, a multiple of {2**layers} for {layers} downsampling steps")
    source = keras.Input((*size, channels), name="source")
    x = source
    for number in range(layers):
        x = _halving(x, width * 2**number, spectral, f"conv{number}")
        x = keras.layers.LeakyReLU(LEAK, name=f"act{number}")(x)
    scores = _output(x, 1, 3, "same", spectral, "scores")
    logits = _output(x, classes, x.shape[1], "valid", spectral, "logits")
    logits = keras.layers.Flatten(dtype="float32", name="domains")(logits)
    return keras.Model(source, [scores, logits], name="domain_critic")


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


def _halving(x: Any, filters: int, spectral: bool, name: str) -> Any:
    kernel = initializer("uniform")
    if spectral:
        return SpectralConv(filters, 4, 2, "same", kernel_initializer=kernel, name=name)(x)
    limit = 1 / math.sqrt(4 * 4 * x.shape[-1])  # PyTorch's default initialization of biases
    bias = keras.initializers.RandomUniform(-limit, limit)
    return HalvingConv(filters, kernel_initializer=kernel, bias_initializer=bias, name=name)(x)


def _output(x: Any, filters: int, size: int, padding: Literal["valid", "same"], spectral: bool, name: str) -> Any:
    options: dict[str, Any] = {"kernel_initializer": initializer("uniform"), "dtype": "float32", "name": name}
    layer = SpectralConv if spectral else keras.layers.Conv2D
    return layer(filters, size, padding=padding, use_bias=False, **options)(x)
