"""Options that transformers for super-resolution have in common: fields, what cannot be built, receptive fields."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from img2imgkit.architectures.contract import Arguments
from img2imgkit.architectures.mean_colour import DIV2K
from img2imgkit.architectures.receptive_field import CONVOLUTION, Step, enlargement_problem, enlargements

Count = Annotated[int, Field(ge=1)]
Width = Annotated[int, Field(ge=1, description="channels of the blocks (embed_dim)")]
Depths = Annotated[tuple[Count, ...], Field(min_length=1, description="blocks in each group")]
Heads = Annotated[tuple[Count, ...], Field(min_length=1, description="attention heads in each group")]
EvenHeads = Annotated[tuple[Count, ...], Field(min_length=1, description="attention heads in each group, even")]
Window = Annotated[int, Field(ge=1, description="height and width of the windows of attention")]
Split = Annotated[
    tuple[int, int],
    Field(description="height and width of the windows of half of the heads; the others' lie across"),
]
Shifted = Annotated[bool, Field(description="shift the windows of every second block by half of their side")]
MlpRatio = Annotated[float, Field(gt=0, description="hidden width of each block's MLP, as a multiple of `width`")]
QkvBias = Annotated[bool, Field(description="biases of queries, keys and values")]
PatchNorm = Annotated[bool, Field(description="layer normalization before the first group")]
AnyUpsampler = Annotated[
    Literal["pixelshuffle", "pixelshuffledirect", "nearest+conv", "none"],
    Field(description="how the features become the enlarged image; none: a residual at scale 1"),
]
Convolutions = Annotated[Literal["1conv", "3conv"], Field(description="convolutions at the end of each group")]
Features = Annotated[int, Field(ge=1, description="channels during upsampling in several steps")]
Mean = Annotated[
    tuple[float, ...] | None, Field(description="mean of each channel; null: DIV2K's for 3 channels, else 0")
]


def mean_of(channels: int, stated: Sequence[float] | None) -> tuple[float, ...]:
    """The mean of each channel; officially that of DIV2K for colour, and 0 for other images."""
    if stated is not None:
        return tuple(stated)
    return DIV2K if channels == len(DIV2K) else (0.0,) * channels


def network_arguments(arguments: Arguments) -> dict[str, Any]:
    """The arguments of a network's function: the mean of each channel instead of the number of channels."""
    mean = mean_of(arguments["channels"], arguments["mean"])
    return {**{name: value for name, value in arguments.items() if name != "channels"}, "mean": mean}


def connection_steps(kind: str) -> list[Step]:
    """The 3x3 convolutions of a residual connection."""
    return [CONVOLUTION] * {"identity": 0, "1conv": 1, "3conv": 2}[kind]


def upsampling_steps(kind: str, scale: int) -> list[Step]:
    """The steps after the groups."""
    if kind in ("none", "pixelshuffledirect"):
        return [CONVOLUTION, *([scale] if scale > 1 else [])]
    order = (lambda factor: (CONVOLUTION, factor)) if kind == "pixelshuffle" else (lambda factor: (factor, CONVOLUTION))
    ups = [step for factor in enlargements(scale) for step in order(factor)]
    return [CONVOLUTION, *ups, *([CONVOLUTION] if kind == "nearest+conv" else []), CONVOLUTION]


def factors_of(kind: str, scale: int) -> list[int]:
    """The factors of the upsampling steps."""
    return [scale] if kind in ("none", "pixelshuffledirect") else enlargements(scale)


def problem_around(kind: str, scale: int, channels: int, written: int, mean: Sequence[float] | None) -> str:
    """Why the layers before and after the groups cannot be built; empty if they can."""
    if channels != written:
        return f"{channels} input and {written} output channels: expected as many"
    if mean is not None and len(mean) != channels:
        return f"mean has {len(mean)} values, but there are {channels} channels"
    if kind == "none" and scale != 1:
        return f"scale {scale}: upsampler 'none' does not enlarge"
    if kind == "nearest+conv" and scale == 3:
        return "scale 3: upsampler 'nearest+conv' enlarges by powers of 2"
    return "" if kind in ("none", "pixelshuffledirect") else enlargement_problem(scale)


def groups_problem(width: int, depths: Collection[int], heads: Sequence[int]) -> str:
    """Why the groups cannot be built; empty if they can."""
    if len(depths) != len(heads):
        return f"{len(depths)} depths and {len(heads)} numbers of heads: expected one of each for each group"
    wrong = next((count for count in heads if width % count), None)
    return "" if wrong is None else f"width {width} is not a multiple of {wrong} heads"


def halves_problem(width: int, split: tuple[int, int], heads: Sequence[int]) -> str:
    """Why windows of two directions cannot be built; empty if they can."""
    if min(split) < 2 or max(split) % min(split):
        return f"split {list(split)}: expected sides of at least 2, one a multiple of the other"
    wrong = next((count for count in heads if count % 2 or width % 2 or width // 2 % (count // 2 or 1)), None)
    return "" if wrong is None else f"{wrong} heads of width {width}: expected two equal halves of heads"
