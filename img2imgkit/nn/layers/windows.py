"""Windows of a map: cut out, put together again, and shifted, for sizes known only at run time."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

Side = tuple[int, int]
MASKED = -100.0  # added to the scores of pixels that must not see each other, as in Swin's official code


def windows(x: Any, size: tuple[Any, Any]) -> Any:
    """Cut a map into windows. Shapes: (N, H, W, C) -> (N * H / rows * W / columns, rows * columns, C)."""
    rows, columns = size
    width, channels = ops.shape(x)[2], x.shape[-1]
    x = ops.reshape(x, (-1, rows, width // columns, columns * channels))
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, rows * columns, channels))


def from_windows(x: Any, size: tuple[Any, Any], height: Any, width: Any) -> Any:
    """The inverse of ``windows``."""
    rows, columns = size
    channels = x.shape[-1]
    x = ops.reshape(x, (-1, width // columns, rows, columns * channels))
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, height, width, channels))


def spaced_windows(x: Any, size: tuple[Any, Any]) -> Any:
    """Like ``windows``, but the pixels of a window are H / rows and W / columns apart."""
    rows, columns = size
    _, height, width, channels = ops.shape(x)
    x = ops.reshape(x, (-1, rows, height // rows, width * channels))
    x = ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, rows * columns, width // columns, channels))
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, rows * columns, channels))


def from_spaced_windows(x: Any, size: tuple[Any, Any], height: Any, width: Any) -> Any:
    """The inverse of ``spaced_windows``."""
    rows, columns = size
    channels = x.shape[-1]
    x = ops.transpose(ops.reshape(x, (-1, width // columns, rows * columns, channels)), (0, 2, 1, 3))
    x = ops.transpose(ops.reshape(x, (-1, height // rows, rows, width * channels)), (0, 2, 1, 3))
    return ops.reshape(x, (-1, height, width, channels))


def rolled(x: Any, shift: Side) -> Any:
    """Move a map up and left; what leaves it enters at the other side. Shapes: (N, H, W, C), unchanged."""
    down, right = shift
    x = ops.concatenate([x[:, down:], x[:, :down]], axis=1) if down else x
    return ops.concatenate([x[:, :, right:], x[:, :, :right]], axis=2) if right else x


def shift_mask(x: Any, window: Side, shift: Side, block: int = 1) -> Any:
    """``MASKED`` for two pixels of a window that only ``rolled`` made neighbours, else 0.

    Such pixels exist in the last row and the last column of windows.

    Shapes:
        (N, H, W, C) -> (N * windows, 1, T, K), of the type of ``x``

    Args:
        block: keys are blocks of that many pixels on each side, K in a window of T pixels
    """
    masks = []
    count, height, width, _ = ops.shape(x)
    pixels, keys = _places(window), _places((window[0] // block, window[1] // block))  # rows and columns
    for length, side, moved, pixel, key in zip((height, width), window, shift, pixels, keys, strict=True):
        apart = (pixel >= side - moved)[:, None] != (key >= side // block - -(-moved // block))
        number = ops.arange(length // side, dtype="int32")
        last = ops.cast(ops.equal(number, length // side - 1), x.dtype)
        hidden = ops.cast((MASKED * apart).astype(np.float32), x.dtype)
        masks.append(last[:, None, None] * hidden)  # (windows on this axis, T, K)
    rows, columns = masks
    mask = ops.reshape(ops.minimum(rows[:, None], columns[None]), (-1, 1, *rows.shape[1:]))
    return mask if x.shape[0] == 1 else ops.tile(mask, (count, 1, 1, 1))


def _places(size: Side) -> tuple[np.ndarray, np.ndarray]:
    """The row and the column of each pixel of a window. Shapes: -> (rows * columns,) each."""
    rows, columns = np.divmod(np.arange(size[0] * size[1]), size[1])
    return rows, columns
