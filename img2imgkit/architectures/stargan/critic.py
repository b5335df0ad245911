"""The critic of StarGAN: a PatchGAN with a domain classifier."""

from __future__ import annotations

import math
from typing import Any, Literal

import keras

from img2imgkit.nn.layers import HalvingConv, SpectralConv, initializer

LEAK = 0.01


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
