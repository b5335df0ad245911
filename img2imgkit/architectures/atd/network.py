"""ATD: transformer blocks that attend to windows, to a dictionary of tokens, and to pixels of the same token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from img2imgkit.architectures.mean_colour import DIV2K
from img2imgkit.architectures.transformer_options import factors_of
from img2imgkit.nn.layers.attention import WindowAttention
from img2imgkit.nn.layers.norm import InstanceNorm
from img2imgkit.nn.layers.tokens import CategoryAttention, TokenAttention, TokenDictionary, TokenRefinement
from img2imgkit.nn.transformer import (
    Connection,
    Upsampler,
    convolved_mlp,
    linear,
    normed,
    residual,
    transformer,
)


def atd(
    scale: int = 4,
    width: int = 210,
    depths: Sequence[int] = (6,) * 6,
    heads: Sequence[int] = (6,) * 6,
    window: int = 16,
    category_size: int = 256,
    tokens: int = 128,
    token_width: int = 20,
    kernel_size: int = 5,
    mlp_ratio: float = 2.0,
    qkv_bias: bool = True,
    patch_norm: bool = True,
    upsampler: Upsampler = "pixelshuffle",
    connection: Connection = "1conv",
    features: int = 64,
    gain: float = 1.0,
    mean: Sequence[float] = DIV2K,
) -> keras.Model:
    """ATD (Zhang et al. 2024, https://arxiv.org/abs/2401.08209, section 3); see ``nn.transformer``.

    Shapes:
        (N, H, W, C) in [0, 1] -> (N, scale * H, scale * W, C), about the same range; C is ``len(mean)``

    Args:
        depths, heads: blocks, and attention heads of each, in each group
        category_size: pixels of one category that attend to each other
        tokens, token_width: tokens of each group's dictionary, and the width of queries and keys for them
        kernel_size: size of the depthwise convolutions
        gain: scale of the mean-subtracted input

    >>> small = atd(2, 4, (2,), (2,), window=4, tokens=3, token_width=2, upsampler="pixelshuffledirect")
    >>> ops.shape(small(ops.zeros((1, 5, 6, 3))))
    (1, 10, 12, 3)
    """
    hidden = round(width * mlp_ratio)

    def group(x: Any, number: int) -> Any:
        name, y = f"group{number}", x
        dictionary = TokenDictionary(tokens, name=f"{name}_dictionary")(x)
        for each in range(depths[number]):
            block, shift = f"{name}_block{each}", window // 2 if each % 2 else 0
            attention = WindowAttention(heads[number], (window, window), (shift, shift), name=f"{block}_attention")
            categories = CategoryAttention(heads[number], category_size, name=f"{block}_categories")
            y, shares = _attended(y, dictionary, attention, categories, token_width, qkv_bias, block)
            mixed = convolved_mlp(normed(y, f"{block}_norm2"), hidden, kernel_size, block)
            y = layers.Add(name=f"{block}_sum2")([y, mixed])
            if each < depths[number] - 1:
                similarity = InstanceNorm(affine=True, name=f"{block}_norm3")(shares)
                dictionary = TokenRefinement(name=f"{block}_refined")([dictionary, similarity, y])
        return residual(x, y, connection, name, f"{name}_conv")

    return transformer(
        "atd",
        group,
        len(depths),
        scale=scale,
        width=width,
        window=window,
        norm="patch_norm" if patch_norm else "",
        upsampler=upsampler,
        factors=factors_of(upsampler, scale),
        connection=connection,
        features=features,
        gain=gain,
        mean=mean,
        padding="symmetric",
    )


def _attended(
    x: Any, dictionary: Any, windows: keras.Layer, categories: keras.Layer, inner: int, bias: bool, name: str
) -> tuple[Any, Any]:
    """The three kinds of attention side by side.

    Shapes:
        x (N, H, W, C), dictionary (N, tokens, C) -> (N, H, W, C), and the shares of tokens (N, H, W, tokens)
    """
    width, y = x.shape[-1], normed(x, f"{name}_norm1")
    qkv = linear(y, 3 * width, f"{name}_qkv", bias)
    key, value = (linear(dictionary, size, f"{name}_{kind}", bias) for size, kind in ((inner, "key"), (width, "value")))
    of_tokens, shares = TokenAttention(name=f"{name}_tokens")([linear(y, inner, f"{name}_query", bias), key, value])
    alike = linear(categories([qkv, shares]), width, f"{name}_categories_projection", bias)
    near = linear(windows(qkv), width, f"{name}_projection")
    return layers.Add(name=f"{name}_sum1")([x, near, of_tokens, alike]), shares
