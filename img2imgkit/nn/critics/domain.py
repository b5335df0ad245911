"""The critic of StarGAN: it judges patches, and says which domain an image is of."""

from __future__ import annotations

import math
from typing import Any

import keras

from img2imgkit.nn.layers import HalvingConv, initializer

LEAK = 0.01


def domain_critic(size: int, domains: int, width: int = 64, layers: int = 6, channels: int = 3) -> keras.Model:
    """The critic of StarGAN (Choi et al. 2018, https://arxiv.org/abs/1711.09020, table 5), without normalization.

    Each halving doubles the width, without bound. Both outputs are float32 whatever the precision of the layers before.

    Shapes:
        (N, size, size, channels) in [-1, 1] -> scores (N, size / 2**layers, size / 2**layers, 1), any range; logits of
        the domains (N, domains), any range

    Args:
        size: height and width of the images, a multiple of 2**layers; the last convolution covers all that is left

    Raises:
        ValueError: ``size`` is no such multiple.
    """
    if size % 2**layers:
        raise ValueError(f"size {size}: expected a multiple of {2**layers}, for it is halved {layers} times")
    source = keras.Input((size, size, channels), name="source")
    x = source
    for number in range(layers):
        reach = 1 / math.sqrt(4 * 4 * x.shape[-1])  # PyTorch's own first biases: as the kernels
        conv = HalvingConv(
            width * 2**number,
            kernel_initializer=initializer("uniform"),
            bias_initializer=keras.initializers.RandomUniform(-reach, reach),
            name=f"conv{number}",
        )
        x = keras.layers.LeakyReLU(LEAK, name=f"act{number}")(conv(x))
    scores = _conv(x, 1, 3, "same", "scores")
    logits = _conv(x, domains, x.shape[1], "valid", "logits")
    return keras.Model(
        source, [scores, keras.layers.Flatten(dtype="float32", name="domains")(logits)], name="domain_critic"
    )


def _conv(x: Any, filters: int, size: int, padding: str, name: str) -> Any:
    kernel = initializer("uniform")
    options: dict[str, Any] = {"use_bias": False, "kernel_initializer": kernel, "dtype": "float32", "name": name}
    return keras.layers.Conv2D(filters, size, padding=padding, **options)(x)
