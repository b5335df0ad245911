"""Checkpoints of transformers for super-resolution: the modules and arguments that they have in common."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from img2imgkit.architectures.contract import Arguments, Assumption, Places, State
from img2imgkit.architectures.mean_colour import colour_assumptions
from img2imgkit.architectures.receptive_field import enlargement_problem, enlargements
from img2imgkit.architectures.state_dict import shuffled
from img2imgkit.architectures.transformer_options import mean_of

BLOCK = re.compile(r"layers\.(\d+)\.(?:residual_group\.(?:blocks|layers)|blocks)\.(\d+)\..+")
UP = re.compile(r"(?:conv_up|upsample\.)(\d+)\.weight")
BEFORE_SHUFFLES = re.compile(r"upsample\.\d+")
TABLE = "relative_position_bias_table"
POSITIONS = {
    "pos_proj": "positions",
    **{f"pos{step}.0": f"positions{step}_norm" for step in (1, 2, 3)},
    **{f"pos{step}.2": f"positions{step}_linear" for step in (1, 2, 3)},
}
SPLIT = (8, 32)  # of most official networks with windows of two directions
FIRST, BEFORE, LAST = "conv_first.weight", "conv_before_upsample.0.weight", "conv_last.weight"


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


def found_in_groups(state: State, blocks: str, attention: str = "attn", mlp: str = "mlp") -> dict[str, Any] | None:
    """Arguments that are read from groups of blocks with square windows; None without such groups.

    Args:
        blocks: the name of the blocks inside a group, such as "residual_group.blocks"
        attention, mlp: names inside a block
    """
    depths, first = depths_of(state), state.get(FIRST)
    heads = heads_of(state, len(depths), f"{blocks}.0.{attention}.{TABLE}")
    window = window_of(state.get(f"layers.0.{blocks}.0.{attention}.{TABLE}"))
    hidden = state.get(f"layers.0.{blocks}.0.{mlp}.fc1.weight")
    if first is None or not heads or window is None or hidden is None:
        return None
    sizes = {"depths": depths, "heads": heads, "window": window, "mlp_ratio": len(hidden) / len(first)}
    return {**sizes, "patch_norm": "patch_embed.norm.weight" in state}


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


def heads_of_halves(state: State, groups: int) -> tuple[int, ...] | None:
    """The heads of each group whose first block has windows of two directions; None without such groups."""
    last = [state.get(f"layers.{group}.blocks.0.attn.attns.0.pos.pos3.2.weight") for group in range(groups)]
    found = [2 * len(each) for each in last if each is not None and each.ndim == 2]
    return tuple(found) if groups and len(found) == groups else None


def split_in(state: State) -> dict[str, tuple[int, int]]:
    """The argument ``split``: the window whose relative positions the file lists; empty if it lists none or others."""
    offsets = state.get("layers.0.blocks.0.attn.attns.0.rpe_biases")
    if offsets is None or offsets.ndim != 2 or offsets.shape[1] != 2:
        return {}
    rows, columns = (int(each) + 1 for each in offsets.max(axis=0))
    return {"split": (rows, columns)} if (2 * rows - 1) * (2 * columns - 1) == len(offsets) else {}


def split_assumption(arguments: Arguments) -> tuple[Assumption, ...]:
    """What files without lists of relative positions leave open."""
    if "split" in arguments:
        return ()
    text = f"windows have {SPLIT[0]} x {SPLIT[1]} pixels, the split_size of most official networks"
    return (Assumption("split", SPLIT, ((8, 16),), text),)


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
    if options.get("patch_norm"):
        yield "patch_embed.norm", "patch_norm"
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


def group_places(options: Arguments, blocks: str, modules: Mapping[str, str]) -> Places:
    """Yield the modules of groups of equal blocks and of the convolutions after them, and their layers.

    Args:
        blocks: see ``found_in_groups``
        modules: see ``block_places``
    """
    for group, depth in enumerate(options["depths"]):
        for number in range(depth):
            yield from block_places(f"layers.{group}.{blocks}.{number}", f"group{group}_block{number}", modules)
        yield from connection_places(options["connection"], f"layers.{group}.conv", f"group{group}_conv")


def places_both_ways(options: Arguments, first: Mapping[str, str], second: Mapping[str, str]) -> Places:
    """Yield the modules of groups of two kinds of blocks by turns, of which the first has windows of two directions."""
    yield "before_RG.1", "norm_before"
    for group, depth in enumerate(options["depths"]):
        for number in range(depth):
            module, layer = f"layers.{group}.blocks.{number}", f"group{group}_block{number}"
            yield from block_places(module, layer, second if number % 2 else first)
            for half in () if number % 2 else range(2):
                yield from block_places(f"{module}.attn.attns.{half}.pos", f"{layer}_half{half}", POSITIONS)
        yield from connection_places(options["connection"], f"layers.{group}.conv", f"group{group}_conv")


def block_places(module: str, layer: str, modules: Mapping[str, str]) -> Places:
    """Yield modules inside ``module``, and layers whose names begin with ``layer``, from a mapping of their ends."""
    yield from ((f"{module}.{inside}" if inside else module, f"{layer}_{end}") for inside, end in modules.items())


def assumptions_around(arguments: Arguments) -> tuple[Assumption, ...]:
    """What files do not state: how the input is scaled and centred."""
    mean = mean_of(arguments["channels"], arguments.get("mean"))
    return colour_assumptions({"gain": arguments.get("gain", 1.0), "mean": mean})


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
