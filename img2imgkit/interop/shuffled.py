"""Convolutions before a pixel shuffle, whose channels PyTorch orders otherwise than TensorFlow."""

from __future__ import annotations

import re

import numpy as np

from img2imgkit.interop.state import State


def shuffled(state: State, wanted: re.Pattern[str], channels: int | None = None) -> dict[str, np.ndarray]:
    """The state with the filters of some convolutions in the order of ``PixelShuffle`` of ``img2imgkit.nn``.

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
