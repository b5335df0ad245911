"""State dicts: named arrays as PyTorch modules keep them, and what several architectures read off them alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from img2imgkit.architectures.contract import Arguments, Assumption, Places, State

IGNORED = (".num_batches_tracked", ".filt")  # a counter; the constant kernel of anti-aliasing


def modules(state: State) -> set[str]:
    """Names of the modules that hold something to learn."""
    return {name.rpartition(".")[0] for name in state if not name.endswith(IGNORED)}


def if_complete(
    state: State, arguments: dict[str, Any], places: Callable[[Arguments], Places]
) -> dict[str, Any] | None:
    """The arguments, if a network of these has just the modules that the state dict has."""
    return arguments if modules(state) == {module for module, _ in places(arguments)} else None


def has_batch_norm(state: State) -> bool:
    """Whether any running statistics stand beside a scale; early InstanceNorm kept some without one."""
    suffix = ".running_mean"
    return any(name.endswith(suffix) and f"{name.removesuffix(suffix)}.weight" in state for name in state)


def without_instance_statistics(state: State) -> dict[str, np.ndarray]:
    """The state dict less the running statistics that InstanceNorm kept, and never used, before PyTorch 0.4."""
    own = (".running_mean", ".running_var", ".num_batches_tracked")
    return {
        name: array
        for name, array in state.items()
        if not name.endswith(own) or f"{name.rpartition('.')[0]}.weight" in state
    }


def statistics_assumption(arguments: Arguments) -> tuple[Assumption, ...]:
    """What a file leaves open about batch normalization."""
    if arguments.get("norm") != "batch":
        return ()
    text = (
        "batch normalization uses the statistics of each picture, as the official test.py does; the running ones are "
        "what it uses in its evaluation mode"
    )
    return (Assumption("statistics", "image", ("running",), text),)


def norm_assumption(arguments: Arguments) -> tuple[Assumption, ...]:
    """What a file leaves open where every convolution has a bias, so that instance normalization leaves no trace."""
    if arguments["norm"] == "batch":
        return ()
    text = f"normalization is taken to be {arguments['norm']}, as in the official code; none would leave the same file"
    return (Assumption("norm", arguments["norm"], ("none",), text),)


def shuffled(state: State, wanted: re.Pattern[str], channels: int | None = None) -> dict[str, np.ndarray]:
    """The state dict with the filters of some convolutions in the order of ``PixelShuffle`` of ``img2imgkit.nn``.

    PyTorch's filter c * scale^2 + k makes pixel k of channel c; ours is filter k * channels + c.

    Args:
        wanted: the convolutions' names
        channels: that the shuffle leaves; None: as many as the convolution reads
    """
    found = dict(state)
    for name, kernel in state.items():
        module, _, leaf = name.rpartition(".")
        if leaf != "weight" or kernel.ndim != 4 or not wanted.fullmatch(module):
            continue
        left = channels or kernel.shape[1]
        for each in (name, f"{module}.bias"):
            if each in state and state[each].shape[:1] == kernel.shape[:1] and len(kernel) % left == 0:
                found[each] = reordered(state[each], 0, left)
    return found


def reordered(array: np.ndarray, axis: int, channels: int) -> np.ndarray:
    """Channels times places on an axis, in PyTorch's order, as places times channels. Shapes: the same."""
    before, after = array.shape[:axis], array.shape[axis + 1 :]
    split = array.reshape(*before, channels, -1, *after)
    return split.swapaxes(axis, axis + 1).reshape(array.shape)
