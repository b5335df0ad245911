"""ATD: transformer blocks that attend to windows, to a dictionary of tokens, and to pixels of the same token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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


class Sizes(NamedTuple):
    """What all blocks have in common; ``hidden`` is the width inside their MLPs."""

    window: int
    category_size: int
    tokens: int
    token_width: int
    kernel_size: int
    hidden: int
    qkv_bias: bool


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
    sizes = Sizes(window, category_size, tokens, token_width, kernel_size, round(width * mlp_ratio), qkv_bias)

    def group(x: Any, number: int) -> Any:
        name = f"group{number}"
        return residual(x, _blocks(x, depths[number], heads[number], sizes, name), connection, name, f"{name}_conv")

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


def _blocks(x: Any, depth: int, heads: int, sizes: Sizes, name: str) -> Any:
    """The blocks of a group, which refine a dictionary of tokens from one to the next. Shapes: unchanged."""
    dictionary = TokenDictionary(sizes.tokens, name=f"{name}_dictionary")(x)
    for number in range(depth):
        block, shift = f"{name}_block{number}", sizes.window // 2 if number % 2 else 0
        x, shares = _block(x, dictionary, heads, shift, sizes, block)
        if number < depth - 1:
            similarity = InstanceNorm(affine=True, name=f"{block}_norm3")(shares)
            dictionary = TokenRefinement(name=f"{block}_refined")([dictionary, similarity, x])
    return x


def _block(x: Any, dictionary: Any, heads: int, shift: int, sizes: Sizes, name: str) -> tuple[Any, Any]:
    """A block with attention to the same window, to tokens, and to the same category, side by side.

    Shapes:
        x (N, H, W, C), dictionary (N, tokens, C) -> (N, H, W, C), and the shares of tokens (N, H, W, tokens)
    """
    width, inner, bias, y = x.shape[-1], sizes.token_width, sizes.qkv_bias, normed(x, f"{name}_norm1")
    qkv, query = linear(y, 3 * width, f"{name}_qkv", bias), linear(y, inner, f"{name}_query", bias)
    key, value = linear(dictionary, inner, f"{name}_key", bias), linear(dictionary, width, f"{name}_value", bias)
    of_tokens, shares = TokenAttention(name=f"{name}_tokens")([query, key, value])
    alike = CategoryAttention(heads, sizes.category_size, name=f"{name}_categories")([qkv, shares])
    near = WindowAttention(heads, (sizes.window, sizes.window), (shift, shift), name=f"{name}_attention")(qkv)
    of_category = linear(alike, width, f"{name}_categories_projection", bias)
    of_window = linear(near, width, f"{name}_projection")
    x = layers.Add(name=f"{name}_sum1")([x, of_window, of_tokens, of_category])
    mixed = convolved_mlp(normed(x, f"{name}_norm2"), sizes.hidden, sizes.kernel_size, name)
    return layers.Add(name=f"{name}_sum2")([x, mixed]), shares
