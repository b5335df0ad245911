"""Sample sheets: the middles of pictures side by side, a row for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from img2imgkit.images import to_levels

SIDE = 192  # of a cell, in pixels
GAP = 4


def row(
    source: np.ndarray, given: Sequence[np.ndarray], outputs: Sequence[np.ndarray], target: np.ndarray | None
) -> np.ndarray:
    """The middle of the pictures side by side; a smaller source, and small pictures, are enlarged by repeating pixels.

    Shapes:
        source: (H, W, C) in [-1, 1], or numbers of classes from 0 up, which become greys
        given: other pictures, (h, w, 1 or 3) uint8
        outputs, target: (scale * H, scale * W, 1 or 3) uint8 -> (SIDE, cells with gaps, 3) uint8
    """
    factor = max(1, outputs[0].shape[0] // source.shape[0])
    larger = max(1, SIDE // max(outputs[0].shape[:2]))
    shown = [*given, *outputs, *([] if target is None else [target])]
    pictures = [_enlarged(_levels(source), factor * larger), *(_enlarged(each, larger) for each in shown)]
    cells = [part for picture in pictures for part in (_middle(picture), _white(GAP))]
    return np.concatenate(cells[:-1], axis=1)


def stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
    """The rows below each other; a shorter one is continued in white."""
    width = max(each.shape[1] for each in rows)
    gap = np.full((GAP, width, 3), 255, np.uint8)
    whole = [np.concatenate([each, _white(width - each.shape[1])], axis=1) for each in rows]
    return np.concatenate([part for each in whole for part in (each, gap)][:-1])


def _enlarged(pixels: np.ndarray, factor: int) -> np.ndarray:
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def _levels(source: np.ndarray) -> np.ndarray:
    if source.min() >= -1 and source.max() <= 1:
        return to_levels(source, np.uint8)
    return to_levels((source / source.max() * 2 - 1).astype(np.float32), np.uint8)


def _middle(pixels: np.ndarray) -> np.ndarray:
    """A cell with the middle of the picture in it; a small picture is set on white."""
    rgb = np.broadcast_to(pixels[..., :3], (*pixels.shape[:2], 3))
    top, left = (max(0, (size - SIDE) // 2) for size in rgb.shape[:2])
    part = rgb[top : top + SIDE, left : left + SIDE]
    cell = _white(SIDE)
    cell[: part.shape[0], : part.shape[1]] = part
    return cell


def _white(width: int) -> np.ndarray:
    return np.full((SIDE, width, 3), 255, np.uint8)
