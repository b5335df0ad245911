"""Building blocks that several transformers for super-resolution have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
from keras import layers

from img2imgkit.nn.layers.attention import WindowAttention
from img2imgkit.nn.layers.channels import ChannelRange
from img2imgkit.nn.layers.convolution import DepthwiseConv, initializer
from img2imgkit.nn.layers.gating import Gelu
from img2imgkit.nn.layers.padding import CropLike, Padding, PadToMultiple
from img2imgkit.nn.layers.positions import RelativePositions
from img2imgkit.nn.layers.resizing import Repeated
from img2imgkit.nn.layers.shuffle import PixelShuffle

Connection = Literal["1conv", "3conv", "identity"]
Upsampler = Literal["pixelshuffle", "pixelshuffledirect", "nearest+conv", "none"]
LEAK = 0.2
LEAK_BEFORE = 0.01  # of the convolution before the upsampling: PyTorch's default


def transformer(
    name: str,
    group: Callable[[Any, int], Any],
    groups: int,
    *,
    scale: int,
    width: int,
    upsampler: Upsampler,
    factors: Sequence[int],
    connection: Connection,
    features: int,
    gain: float,
    mean: Sequence[float],
    norm: str = "",
    window: int | None = None,
    padding: Padding = "reflect",
) -> keras.Model:
    """The network of SwinIR (Liang et al. 2021, https://arxiv.org/abs/2108.10257, section 3) around groups of blocks.

    The first and the last layers are float32 under every precision policy.

    Shapes:
        (N, H, W, C) in [0, 1] -> (N, scale * H, scale * W, C), about the same range; C is ``len(mean)``

    Args:
        group: returns the output of a group for its input and its number
        factors, features: see ``upsampled``
        norm: name of a layer normalization before the groups; "": none
        window: images are padded to multiples of it at the bottom and on the right, and the output is cropped
        padding: see ``PadToMultiple``
    """
    source = keras.Input((None, None, len(mean)), name="source")
    padded = PadToMultiple(window, padding, dtype=wide(), name="padded")(source) if window else source
    centre = centred(padded, gain, mean)
    first = conv(centre, width, "first")  # (N, H', W', width)
    x = normed(first, norm) if norm else first
    for number in range(groups):
        x = group(x, number)
    x = residual(first, normed(x, "norm"), connection, "body", "body")
    x = shown(upsampled(x, upsampler, factors, len(mean), features, centre), gain, mean)
    made = CropLike(scale, dtype=wide(), name="cropped")([x, source]) if window else x
    return keras.Model(source, made, name=name)


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
    return dense(width, name, bias)(x)


def dense(width: int, name: str, bias: bool = True) -> keras.Layer:
    """The layer of ``linear``."""
    kernels = keras.initializers.TruncatedNormal(stddev=0.02)
    return layers.Dense(width, use_bias=bias, kernel_initializer=kernels, name=name)


def normed(x: Any, name: str, epsilon: float = 1e-5) -> Any:
    """Layer normalization (Ba et al. 2016, https://arxiv.org/abs/1607.06450) of each pixel. Shapes: unchanged."""
    return layers.LayerNormalization(epsilon=epsilon, name=name)(x)


def mlp(x: Any, hidden: int, name: str) -> Any:
    """Two linear layers with a GELU in between. Shapes: (N, H, W, C) -> (N, H, W, C)."""
    y = Gelu(name=f"{name}_gelu")(linear(x, hidden, f"{name}_fc1"))
    return linear(y, x.shape[-1], f"{name}_fc2")


def gated_mlp(x: Any, hidden: int, name: str) -> Any:
    """An MLP whose one half of channels gates the other, after a convolution (Chen et al. 2023, section 3.3).

    https://arxiv.org/abs/2308.03364: the spatial-gate feed-forward network.

    Shapes:
        (N, H, W, C) -> (N, H, W, C)
    """
    half = hidden // 2
    y = Gelu(name=f"{name}_gelu")(linear(x, hidden, f"{name}_fc1"))
    kept, gate = ChannelRange(0, half, name=f"{name}_kept")(y), ChannelRange(half, 2 * half, name=f"{name}_gating")(y)
    gate = DepthwiseConv(3, name=f"{name}_gate")(normed(gate, f"{name}_gate_norm"))
    return linear(layers.Multiply(name=f"{name}_gated")([kept, gate]), x.shape[-1], f"{name}_fc2")


def convolved_mlp(x: Any, hidden: int, size: int, name: str) -> Any:
    """An MLP with a depthwise convolution inside (Zhou et al. 2023, https://arxiv.org/abs/2303.09735, section 3.3).

    Shapes:
        (N, H, W, C) -> (N, H, W, C)

    Args:
        size: height and width of the kernels
    """
    y = Gelu(name=f"{name}_gelu")(linear(x, hidden, f"{name}_fc1"))
    local = Gelu(name=f"{name}_local_gelu")(DepthwiseConv(size, name=f"{name}_local")(y))
    return linear(layers.Add(name=f"{name}_local_sum")([y, local]), x.shape[-1], f"{name}_fc2")


def attended_both_ways(qkv: Any, heads: int, split: tuple[int, int], shifted: bool, name: str) -> Any:
    """Attention in rectangular windows, of which those of the second half of the heads lie across.

    Chen et al. 2022, https://arxiv.org/abs/2211.13654, section 3.2. Windows beyond the border see zeros. A small
    network computes the biases from relative positions.

    Shapes:
        (N, H, W, 3 * C), queries, keys and values -> (N, H, W, C)

    Args:
        split: height and width of the windows of the first half
    """
    width = qkv.shape[-1] // 3
    padded = PadToMultiple(max(split), "zeros", name=f"{name}_padded")(qkv)
    halves = []
    for half, window in enumerate((split, split[::-1])):
        shift = (window[0] // 2, window[1] // 2) if shifted else (0, 0)
        attention = WindowAttention(heads // 2, window, shift, part=(half, 2), name=f"{name}_half{half}_attention")
        biases = _biases(qkv, window, width // 32, heads // 2, f"{name}_half{half}")
        halves.append(attention([padded, biases]))
    return CropLike(name=f"{name}_cropped")([layers.Concatenate(name=f"{name}_halves")(halves), qkv])


def shifts_both_ways(group: int, number: int) -> bool:
    """Whether the windows of a block of DAT or RGT are shifted: of every second block with windows."""
    return number % 4 == (0 if group % 2 else 2)


def _biases(x: Any, window: tuple[int, int], width: int, heads: int, name: str) -> Any:
    """Position biases by a small network. Shapes: any -> (relative positions, heads)."""
    y = RelativePositions(window, name=f"{name}_offsets")(x)
    y = linear(y, width, f"{name}_positions")
    for step, size in enumerate((width, width, heads), start=1):
        y = layers.ReLU(name=f"{name}_positions{step}_act")(normed(y, f"{name}_positions{step}_norm"))
        y = linear(y, size, f"{name}_positions{step}_linear")
    return y


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
