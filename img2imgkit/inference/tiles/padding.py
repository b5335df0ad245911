"""Regions of a picture padded by reflection at its right and bottom border, without building the padded picture."""

from __future__ import annotations

import numpy as np


def reflected(length: int, start: int, stop: int) -> np.ndarray:
    """Indices into an axis of ``length`` that pad it by reflection, repeatedly if necessary.

    The border itself is not repeated: 0 1 2 | 1 0 1 2 ... An axis of length 1 is repeated.

    Shapes:
        -> (stop - start,), int64 in [0, length)
    """
    places = np.arange(start, stop)
    if length == 1:
        return np.zeros_like(places)
    places %= 2 * (length - 1)
    return np.minimum(places, 2 * (length - 1) - places)


def region(pixels: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
    """Cut out a region of the padded picture; a view if it is inside the picture.

    Shapes:
        pixels: (H, W, C) -> (rows, columns, C) of the same type
    """
    height, width = pixels.shape[:2]
    inside = pixels[rows[0] : min(rows[1], height), columns[0] : min(columns[1], width)]
    if rows[1] <= height and columns[1] <= width:
        return inside
    return pixels[np.ix_(reflected(height, *rows), reflected(width, *columns))]
