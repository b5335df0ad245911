"""Sizes that a model takes."""

from __future__ import annotations

from img2imgkit.task import Geometry

Size = tuple[int, int]
LEAST = 8  # pixels of a side, to try a model with


def legal_size(geometry: Geometry, number: int = 0) -> Size:
    """One of several sizes that a translation takes, none of them square; larger with each number."""
    unit = geometry.multiple
    least = -(-max(geometry.minimum, LEAST) // unit)
    return unit * (least + number), unit * (least + number + 1)
