"""Sample sheets: centre crops of pictures side by side, one row per picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from img2imgkit.images import to_levels

SIDE = 192  # side of a cell, in pixels
GAP = 4


def row(
    source: np.ndarray, given: Sequence[np.ndarray], outputs: Sequence[np.ndarray], target: np.ndarray | None
) -> np.ndarray:
    """Place centre crops side by side. Small pictures, and sources of upscaling, are enlarged by repeating pixels.

    Shapes:
        source: (H, W, C) in [-1, 1], or class ids from 0, which are shown as greys
        given: pictures of other conditions, (h, w, 1 or 3) uint8
        outputs, target: (scale * H, scale * W, 1 or 3) uint8
        -> (SIDE, width of all cells and gaps, 3) uint8
    """
    factor = max(1, outputs[0].shape[0] // source.shape[0])
    larger = max(1, SIDE // max(outputs[0].shape[:2]))
    shown = [*given, *outputs, *([] if target is None else [target])]
    pictures = [_enlarged(_levels(source), factor * larger), *(_enlarged(each, larger) for each in shown)]
    cells = [cell for picture in pictures for cell in (_middle(picture), _white(GAP))]
    return np.concatenate(cells[:-1], axis=1)


def stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Stack rows vertically; shorter rows are padded with white."""
    width = max(each.shape[1] for each in rows)
    gap = np.full((GAP, width, 3), 255, np.uint8)
    padded = [np.concatenate([each, _white(width - each.shape[1])], axis=1) for each in rows]
    return np.concatenate([strip for each in padded for strip in (each, gap)][:-1])


def _enlarged(pixels: np.ndarray, factor: int) -> np.ndarray:
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def _levels(source: np.ndarray) -> np.ndarray:
    if source.min() >= -1 and source.max() <= 1:
        return to_levels(source, np.uint8)
    return to_levels((source / source.max() * 2 - 1).astype(np.float32), np.uint8)


def _middle(pixels: np.ndarray) -> np.ndarray:
    """Return a cell with the centre of the picture; a small picture is padded with white."""
    rgb = np.broadcast_to(pixels[..., :3], (*pixels.shape[:2], 3))
    top, left = (max(0, (size - SIDE) // 2) for size in rgb.shape[:2])
    crop = rgb[top : top + SIDE, left : left + SIDE]
    cell = _white(SIDE)
    cell[: crop.shape[0], : crop.shape[1]] = crop
    return cell


def _white(width: int) -> np.ndarray:
    return np.full((SIDE, width, 3), 255, np.uint8)
