"""Checkpoints of SwinIR, HAT and DAT: the modules, arguments and steps that these transformers have in common."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from img2imgkit.architectures.contract import Arguments, Assumption, Places, State
from img2imgkit.architectures.receptive_field import CONVOLUTION, Step, enlargement_problem, enlargements
from img2imgkit.architectures.state_dict import shuffled

DIV2K = (0.4488, 0.4371, 0.4040)  # mean R, G and B of the data set, in [0, 1]: rgb_mean of the official code
BLOCK = re.compile(r"layers\.(\d+)\.(?:residual_group\.)?blocks\.(\d+)\..+")
UP = re.compile(r"(?:conv_up|upsample\.)(\d+)\.weight")
BEFORE_SHUFFLES = re.compile(r"upsample\.\d+")
Count = Annotated[int, Field(ge=1)]
FIRST, BEFORE, LAST = "conv_first.weight", "conv_before_upsample.0.weight", "conv_last.weight"


def mean_of(channels: int, stated: Sequence[float] | None) -> tuple[float, ...]:
    """The mean of each channel; officially that of DIV2K for colour, and 0 for other images."""
    if stated is not None:
        return tuple(stated)
    return DIV2K if channels == len(DIV2K) else (0.0,) * channels


def network_arguments(arguments: Arguments) -> dict[str, Any]:
    """The arguments of a network's function: the mean of each channel instead of the number of channels."""
    mean = mean_of(arguments["channels"], arguments["mean"])
    return {**{name: value for name, value in arguments.items() if name != "channels"}, "mean": mean}


def in_our_order(state: State) -> dict[str, np.ndarray]:
    """Reorder the convolutions before pixel shuffles; a single step makes the image itself."""
    first = state.get(FIRST)
    if first is None or first.ndim != 4:
        return dict(state)
    return shuffled(state, BEFORE_SHUFFLES, None if BEFORE in state else first.shape[1])


def found_around(state: State) -> dict[str, Any] | None:
    """Arguments that are read from the layers before and after the groups; None if they contradict each other."""
    first = state.get(FIRST)
    steps = {name: array for name, array in state.items() if UP.fullmatch(name)}
    kernels = [first, *(state[name] for name in (BEFORE, LAST) if name in state), *steps.values()]
    if first is None or any(array is None or array.ndim != 4 for array in kernels):
        return None
    width, channels = first.shape[:2]
    found = {"channels": channels, "width": width, "connection": _connection(state)}
    upsampling = _upsampling(state, steps, channels)
    return None if upsampling is None else found | upsampling


def depths_of(state: State) -> tuple[int, ...]:
    """The number of blocks in each group."""
    blocks = {(match[1], match[2]) for name in state if (match := BLOCK.fullmatch(name))}
    groups = [group for group, _ in blocks]
    return tuple(groups.count(group) for group in sorted(set(groups), key=int))


def heads_of(state: State, groups: int, array: str) -> tuple[int, ...] | None:
    """The heads of each group, which are the columns of an array of its first block; None without such arrays."""
    found = [state.get(f"layers.{group}.{array}") for group in range(groups)]
    return None if any(each is None or each.ndim < 2 for each in found) else tuple(each.shape[-1] for each in found)  # type: ignore[union-attr]


def window_of(table: np.ndarray | None) -> int | None:
    """The side of windows with a table of position biases; None if there is none, or no side fits."""
    rows = 0 if table is None else len(table)
    side = (math.isqrt(rows) + 1) // 2
    return side if side and (2 * side - 1) ** 2 == rows else None


def shifted_in(state: State, depths: Collection[int]) -> dict[str, bool]:
    """The argument ``shifted``: whether the file has masks of shifted windows; empty if nothing in it would tell."""
    if any(name.endswith(".attn_mask") for name in state) or max(depths) == 1:
        return {"shifted": True}
    return {"shifted": False} if any(name.endswith("relative_position_index") for name in state) else {}


def shift_assumption(arguments: Arguments) -> tuple[Assumption, ...]:
    """What a file leaves open about windows: without masks, it may be of a network that has none, or not store them."""
    shifted, told = arguments.get("shifted", True), "shifted" in arguments
    if shifted and told:
        return ()
    text = (
        "windows of every second block are not shifted, as in networks whose training pictures were no larger than a "
        "window: the file has no masks of shifted windows"
        if told
        else "windows of every second block are shifted, as in networks whose training pictures were larger than one"
    )
    return (Assumption("shifted", shifted, (not shifted,), text),)


def connection_places(kind: str, module: str, layer: str) -> Places:
    """Yield the convolutions of a residual connection."""
    if kind == "1conv":
        yield module, layer
    elif kind == "3conv":
        yield from ((f"{module}.{2 * number}", f"{layer}{number}") for number in range(3))


def places_around(options: Arguments) -> Places:
    """Yield the modules before and after the groups, and their layers."""
    kind = options.get("upsampler", "pixelshuffle")
    yield "conv_first", "first"
    yield "norm", "norm"
    yield from connection_places(options["connection"], "conv_after_body", "body")
    if kind == "pixelshuffledirect":
        yield "upsample.0", "last"
        return
    if kind != "none":
        yield "conv_before_upsample.0", "before"
        for number in range(len(enlargements(options["scale"]))):
            module = f"upsample.{2 * number}" if kind == "pixelshuffle" else f"conv_up{number + 1}"
            yield module, f"up{number}_conv"
    if kind == "nearest+conv":
        yield "conv_hr", "fine"
    yield "conv_last", "last"


def block_places(module: str, layer: str, modules: Mapping[str, str]) -> Places:
    """Yield modules inside ``module``, and layers whose names begin with ``layer``, from a mapping of their ends."""
    yield from ((f"{module}.{inside}" if inside else module, f"{layer}_{end}") for inside, end in modules.items())


def assumptions_around(arguments: Arguments) -> tuple[Assumption, ...]:
    """What files do not state: how the input is scaled and centred."""
    gain, mean = arguments.get("gain", 1.0), mean_of(arguments["channels"], arguments.get("mean"))
    scaled = f"values are scaled by {gain:g}, the official img_range of such networks"
    colours = f"the mean colour is {', '.join(map(str, mean))}, as in the official code"
    return (Assumption("gain", gain, (), scaled), Assumption("mean", mean, (), colours))


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


def _connection(state: State) -> str:
    if "conv_after_body.weight" in state:
        return "1conv"
    return "3conv" if "conv_after_body.0.weight" in state else "identity"


def _upsampling(state: State, steps: Mapping[str, np.ndarray], channels: int) -> dict[str, Any] | None:
    """The kind of upsampling, its scale, and its channels; None if shapes are impossible."""
    before, last = state.get(BEFORE), state.get(LAST)
    if last is not None and len(last) != channels:
        return None
    if before is None:
        if not steps:
            return {"upsampler": "none", "scale": 1}
        scale = math.isqrt(max(map(len, steps.values())) // channels)
        return {"upsampler": "pixelshuffledirect", "scale": scale} if scale else None
    features = len(before)
    if "conv_hr.weight" in state:
        return {"upsampler": "nearest+conv", "scale": 2 ** len(steps), "features": features}
    scale = math.prod(math.isqrt(len(array) // features) for array in steps.values())
    known = not enlargement_problem(scale)
    return {"upsampler": "pixelshuffle", "scale": scale, "features": features} if known else None
