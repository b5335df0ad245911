"""State dicts: named arrays as saved by PyTorch modules, and what several architectures infer from them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from img2imgkit.architectures.contract import Arguments, Assumption, Places, State

PRO = "marked_pro"  # the name here of "pro", a mark in files of Real-CUGAN
COUNTED = (".num_batches_tracked", ".filt", "no_norm", PRO)  # a counter; the constant anti-aliasing kernel; marks
WINDOWS = ("relative_position_index", "_index_SA", "_index_OCA", ".attn_mask", ".attn_mask_0", ".attn_mask_1")
IGNORED = (*COUNTED, *WINDOWS, ".rpe_biases")  # constants that follow from the sizes of windows and pictures


def modules(state: State) -> set[str]:
    """Names of the modules with parameters."""
    return {name.rpartition(".")[0] for name in state if not name.endswith(IGNORED)}


def layer_index(name: str) -> int:
    """The layer's number in the name of an array of a ``Sequential``: 7 of "model.7.weight"."""
    return int(name.split(".")[1])


def if_complete(
    state: State, arguments: dict[str, Any], places: Callable[[Arguments], Places]
) -> dict[str, Any] | None:
    """Return the arguments if their network has exactly the modules of the state dict, else None."""
    return arguments if modules(state) == {module for module, _ in places(arguments)} else None


def has_batch_norm(state: State) -> bool:
    """Whether any module has running statistics and a scale; early InstanceNorm had statistics without a scale."""
    suffix = ".running_mean"
    return any(name.endswith(suffix) and f"{name.removesuffix(suffix)}.weight" in state for name in state)


def without_instance_statistics(state: State) -> dict[str, np.ndarray]:
    """Remove the running statistics that InstanceNorm stored, but never used, before PyTorch 0.4."""
    own = (".running_mean", ".running_var", ".num_batches_tracked")
    return {
        name: array
        for name, array in state.items()
        if not name.endswith(own) or f"{name.rpartition('.')[0]}.weight" in state
    }


def statistics_assumption(arguments: Arguments) -> tuple[Assumption, ...]:
    """What a file does not state about batch normalization."""
    if arguments.get("norm") != "batch":
        return ()
    text = (
        "batch normalization uses each image's statistics, as the official test.py does; in evaluation mode, the "
        "official code uses the running statistics"
    )
    return (Assumption("statistics", "image", ("running",), text),)


def norm_assumption(arguments: Arguments) -> tuple[Assumption, ...]:
    """What a file does not state if every convolution has a bias: instance normalization has no arrays."""
    if arguments["norm"] == "batch":
        return ()
    text = (
        f"normalization is assumed to be {arguments['norm']}, as in the official code; files without it look the same"
    )
    return (Assumption("norm", arguments["norm"], ("none",), text),)


def shuffled(state: State, names: re.Pattern[str], channels: int | None = None) -> dict[str, np.ndarray]:
    """Reorder the filters of some convolutions for ``PixelShuffle`` of ``img2imgkit.nn``.

    Pixel k of channel c comes from filter c * scale^2 + k in PyTorch, and from k * channels + c here.

    Args:
        names: pattern of the convolutions' names
        channels: channels after the shuffle; None: as many as the convolution's input
    """
    found = dict(state)
    for name, kernel in state.items():
        module, _, leaf = name.rpartition(".")
        if leaf != "weight" or kernel.ndim != 4 or not names.fullmatch(module):
            continue
        left = channels or kernel.shape[1]
        for each in (name, f"{module}.bias"):
            if each in state and state[each].shape[:1] == kernel.shape[:1] and len(kernel) % left == 0:
                found[each] = reordered(state[each], 0, left)
    return found


def samples_in_our_order(state: State, module: str, scale: int) -> dict[str, np.ndarray]:
    """Reorder what gives the positions of samples for ``DySample`` of ``img2imgkit.nn``.

    Args:
        module: the name of the official ``DySample``
    """
    found = dict(state)
    positions = state.get(f"{module}.init_pos")
    if positions is None or scale < 1 or positions.size % scale**2:
        return found
    found[f"{module}.init_pos"] = positions.ravel()
    for name in (f"{module}.{each}" for each in ("offset.weight", "offset.bias", "scope.weight", "init_pos")):
        if name in found and len(found[name]) == positions.size:
            found[name] = reordered(found[name], 0, positions.size // scale**2)
    return found


def reordered(array: np.ndarray, axis: int, channels: int) -> np.ndarray:
    """Reorder an axis from (channels, positions), PyTorch's order, to (positions, channels). Shapes: unchanged."""
    before, after = array.shape[:axis], array.shape[axis + 1 :]
    split = array.reshape(*before, channels, -1, *after)
    return split.swapaxes(axis, axis + 1).reshape(array.shape)
