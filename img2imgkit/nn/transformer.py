"""Building blocks of transformers for super-resolution: what SwinIR, HAT and DAT have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.nn.layers.attention import WindowAttention
from img2imgkit.nn.layers.convolution import initializer
from img2imgkit.nn.layers.gating import Gelu
from img2imgkit.nn.layers.padding import CropLike, PadToMultiple
from img2imgkit.nn.layers.resizing import Repeated
from img2imgkit.nn.layers.shuffle import PixelShuffle

Connection = Literal["1conv", "3conv", "identity"]
Upsampler = Literal["pixelshuffle", "pixelshuffledirect", "nearest+conv", "none"]
LEAK = 0.2
LEAK_BEFORE = 0.01  # of the convolution before the upsampling: PyTorch's default


def window_transformer(
    name: str,
    group: Callable[[Any, int], Any],
    groups: int,
    *,
    scale: int,
    width: int,
    window: int,
    patch_norm: bool,
    upsampler: Upsampler,
    factors: Sequence[int],
    connection: Connection,
    features: int,
    gain: float,
    mean: Sequence[float],
) -> keras.Model:
    """The network of SwinIR (Liang et al. 2021, https://arxiv.org/abs/2108.10257, section 3) around groups of blocks.

    Images whose sizes are not multiples of ``window`` are padded by reflection at the bottom and on the right, and the
    output is cropped. The first and the last layers are float32 under every precision policy.

    Shapes:
        (N, H, W, C) in [0, 1] -> (N, scale * H, scale * W, C), about the same range; C is ``len(mean)``

    Args:
        group: returns the output of a group for its input and its number
        factors, features: see ``upsampled``
    """
    source = keras.Input((None, None, len(mean)), name="source")
    centre = centred(PadToMultiple(window, dtype=wide(), name="padded")(source), gain, mean)
    first = conv(centre, width, "first")  # (N, H', W', width)
    x = normed(first, "patch_norm") if patch_norm else first
    for number in range(groups):
        x = group(x, number)
    x = residual(first, normed(x, "norm"), connection, "body", "body")
    x = shown(upsampled(x, upsampler, factors, len(mean), features, centre), gain, mean)
    return keras.Model(source, CropLike(scale, dtype=wide(), name="cropped")([x, source]), name=name)


def residual(x: Any, y: Any, connection: Connection, name: str, convs: str) -> Any:
    """The input of some blocks plus their output, convolved. Shapes: (N, H, W, C) twice -> (N, H, W, C).

    Args:
        convs: the name of the convolutions
    """
    return layers.Add(name=f"{name}_sum")([x, connected(y, connection, convs)])


def swin_block(
    x: Any, heads: int, window: int, shift: int, hidden: int, qkv_bias: bool, name: str, beside: Any = None
) -> Any:
    """A Swin transformer block (Liu et al. 2021, https://arxiv.org/abs/2103.14030, section 3.2).

    Shapes:
        (N, H, W, C), H and W multiples of ``window`` -> (N, H, W, C)

    Args:
        hidden: width inside the MLP
        beside: a function that returns what is added beside the attention, for its normalized input
    """
    width, y = x.shape[-1], normed(x, f"{name}_norm1")
    qkv = linear(y, 3 * width, f"{name}_qkv", qkv_bias)
    seen = WindowAttention(heads, (window, window), (shift, shift), name=f"{name}_attention")(qkv)
    seen = linear(seen, width, f"{name}_projection")
    x = layers.Add(name=f"{name}_sum1")([x, seen, *([beside(y)] if beside else [])])
    return layers.Add(name=f"{name}_sum2")([x, mlp(normed(x, f"{name}_norm2"), hidden, name)])


def wide() -> str:
    """The type of the first and the last layers: float32 under every precision policy but float64."""
    found: str = keras.backend.result_type(keras.config.dtype_policy().variable_dtype, "float32")
    return found


def centred(image: Any, gain: float, mean: Sequence[float]) -> Any:
    """``gain`` times the image without its mean colour. Shapes: unchanged."""
    shift = [-gain * each for each in mean]
    return layers.Rescaling(gain, shift, dtype=wide(), name="centred")(image)


def shown(image: Any, gain: float, mean: Sequence[float]) -> Any:
    """The inverse of ``centred``. Shapes: unchanged."""
    return layers.Rescaling(1 / gain, list(mean), dtype=wide(), name="shown")(image)


def conv(x: Any, filters: int, name: str, size: int = 3, bias: bool = True, dtype: str | None = None) -> Any:
    """A convolution with PyTorch's initialization. Shapes: (N, H, W, C) -> (N, H, W, filters)."""
    kernels = initializer("uniform")
    made = layers.Conv2D(
        filters, size, padding="same", use_bias=bias, kernel_initializer=kernels, dtype=dtype, name=name
    )
    return made(x)


def linear(x: Any, width: int, name: str, bias: bool = True) -> Any:
    """A linear layer, initialized as in Swin transformers. Shapes: (..., C) -> (..., width)."""
    kernels = keras.initializers.TruncatedNormal(stddev=0.02)
    return layers.Dense(width, use_bias=bias, kernel_initializer=kernels, name=name)(x)


def normed(x: Any, name: str, epsilon: float = 1e-5) -> Any:
    """Layer normalization (Ba et al. 2016, https://arxiv.org/abs/1607.06450) of each pixel. Shapes: unchanged."""
    return layers.LayerNormalization(epsilon=epsilon, name=name)(x)


def mlp(x: Any, hidden: int, name: str) -> Any:
    """Two linear layers with a GELU in between. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    y = Gelu(name=f"{name}_gelu")(linear(x, hidden, f"{name}_fc1"))
    return linear(y, x.shape[-1], f"{name}_fc2")


def squeezed(x: Any, hidden: int, name: str) -> Any:
    """Channel attention (Zhang et al. 2018, https://arxiv.org/abs/1807.02758, section 3.3).

    Shapes:
        (N, H, W, C) -> (N, H, W, C)
    """
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    y = layers.ReLU(name=f"{name}_relu")(conv(y, hidden, f"{name}_squeeze", 1))
    y = layers.Activation("sigmoid", name=f"{name}_sigmoid")(conv(y, x.shape[-1], f"{name}_excite", 1))
    return layers.Multiply(name=f"{name}_scaled")([x, y])


def connected(x: Any, kind: Connection, name: str) -> Any:
    """The convolutions at the end of a group of blocks. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    if kind == "identity":
        return x
    width = x.shape[-1]
    if kind == "1conv":
        return conv(x, width, name)
    x = _leaky(conv(x, width // 4, f"{name}0"), LEAK, f"{name}0_act")
    x = _leaky(conv(x, width // 4, f"{name}1", 1), LEAK, f"{name}1_act")
    return conv(x, width, f"{name}2")


def upsampled(x: Any, kind: Upsampler, factors: Sequence[int], channels: int, features: int, centre: Any = None) -> Any:
    """The image, from features at low resolution. The last convolution is float32 under every precision policy.

    Shapes:
        (N, H, W, C) -> (N, scale * H, scale * W, channels)

    Args:
        factors: of the upsampling steps; of "pixelshuffledirect", one
        features: channels during the upsampling
        centre: with "none": the image that the result is added to
    """
    if kind == "none":
        return layers.Add(dtype=wide(), name="sum")([centre, conv(x, channels, "last", dtype=wide())])
    if kind == "pixelshuffledirect":
        [scale] = factors
        x = conv(x, channels * scale**2, "last", dtype=wide())
        return PixelShuffle(scale, dtype=wide(), name="shuffle")(x)
    x = _leaky(conv(x, features, "before"), LEAK_BEFORE, "before_act")
    for number, factor in enumerate(factors):
        if kind == "pixelshuffle":
            x = PixelShuffle(factor, name=f"up{number}_shuffle")(conv(x, features * factor**2, f"up{number}_conv"))
        else:
            x = Repeated(factor, name=f"up{number}_nearest")(x)
            x = _leaky(conv(x, features, f"up{number}_conv"), LEAK, f"up{number}_act")
    if kind == "nearest+conv":
        x = _leaky(conv(x, features, "fine"), LEAK, "fine_act")
    return conv(x, channels, "last", dtype=wide())


def _leaky(x: Any, slope: float, name: str) -> Any:
    return layers.LeakyReLU(slope, name=name)(x)
