"""Positions of tiles, which regions of a network's output are used, and pictures padded by reflection."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from img2imgkit.task import Geometry

INEXACT_OVERLAP = 64  # input pixels, if no overlap can be exact; a quarter on each side is dropped, half is blended


@dataclass(frozen=True)
class Span:
    """A tile along one axis, in input pixels.

    Attributes:
        start, stop: the network's input
        keep_start, keep_stop: the region of the output that is used
        fade_in, fade_out: width of the region blended with the previous and the next tile
    """

    start: int
    stop: int
    keep_start: int
    keep_stop: int
    fade_in: int = 0
    fade_out: int = 0


@dataclass(frozen=True)
class Overlap:
    """The overlap of neighbouring tiles: ``halo`` pixels on each side are dropped, ``blend`` pixels are blended."""

    halo: int
    blend: int

    @property
    def shared(self) -> int:
        """Input pixels that two neighbours share."""
        return 2 * self.halo + self.blend


@dataclass(frozen=True)
class Grid:
    """All tiles of a picture, and whether they are exact: equal to processing the whole picture."""

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    tile: int
    overlap: Overlap
    exact: bool

    @property
    def tiles(self) -> int:
        """The number of tiles."""
        return len(self.rows) * len(self.columns)

    @property
    def extent(self) -> tuple[int, int]:
        """Height and width of each tile's input."""
        return self.rows[0].stop - self.rows[0].start, self.columns[0].stop - self.columns[0].start


def round_up(length: int, multiple: int) -> int:
    """The smallest multiple that is not less than ``length``."""
    return -(-length // multiple) * multiple


def padded(length: int, geometry: Geometry) -> int:
    """The padded length of the network's input: at least its minimum, and a multiple as required."""
    return round_up(max(length, geometry.minimum), geometry.multiple)


def overlap_for(geometry: Geometry, wanted: int | None = None) -> Overlap:
    """The overlap that makes tiles exact, or the user's.

    A user's overlap that is too small to be exact is half dropped and half blended.
    """
    if geometry.radius is not None and (wanted is None or wanted >= 2 * geometry.radius):
        return Overlap(geometry.radius, 0 if wanted is None else wanted - 2 * geometry.radius)
    return inexact_overlap() if wanted is None else _split(wanted)


def inexact_overlap() -> Overlap:
    """The overlap if tiles cannot be exact, or exactness would be too expensive."""
    return _split(INEXACT_OVERLAP)


def smallest_tile(overlap: Overlap, geometry: Geometry) -> int:
    """The smallest tile that the network accepts and that still advances by a useful step.

    The step is large enough that a pixel belongs to at most two blended regions, regardless of rounding.
    """
    multiple = geometry.multiple
    step = round_up(max(8, 2 * overlap.blend), multiple) + (multiple if overlap.blend else 0)
    return max(padded(1, geometry), round_up(overlap.shared, multiple) + step)


def fitted(geometry: Geometry, overlap: Overlap, tile: int) -> tuple[Overlap, int]:
    """Make overlap and tile compatible: enlarge a tile that is too small for the network, then reduce the overlap."""
    tile = max(tile // geometry.multiple * geometry.multiple, padded(1, geometry))
    while tile < smallest_tile(overlap, geometry) and overlap.shared:
        overlap = _split(min(overlap.shared * 3 // 4, tile // 2))
    return overlap, tile


def make_grid(height: int, width: int, geometry: Geometry, overlap: Overlap, tile: int | None) -> Grid:
    """Cover a padded picture with tiles; ``tile`` None: a single one.

    Shapes:
        height, width: results of ``padded``
    """
    if tile is None:
        tile = max(height, width)
    else:
        overlap, tile = fitted(geometry, overlap, tile)
    rows, columns = (spans(length, tile, overlap, geometry) for length in (height, width))
    whole = len(rows) == len(columns) == 1
    return Grid(rows, columns, tile, overlap, whole or _is_exact(geometry, overlap))


def fixed_grid(height: int, width: int, geometry: Geometry, overlap: Overlap, size: tuple[int, int]) -> Grid:
    """Cover a picture, padded to at least ``size``, with tiles of that size.

    Shapes:
        height, width: of the picture; ``size``: height and width of tiles, multiples of ``geometry.multiple``
    """
    axes = tuple(replace(geometry, minimum=max(geometry.minimum, tile)) for tile in size)
    for own, tile in zip(axes, size, strict=True):
        overlap, _ = fitted(own, overlap, tile)
    rows, columns = (
        spans(padded(length, own), tile, overlap, own)
        for length, tile, own in zip((height, width), size, axes, strict=True)
    )
    whole = len(rows) == len(columns) == 1
    fits = all(padded(length, geometry) >= tile for length, tile in zip((height, width), size, strict=True))
    return Grid(rows, columns, max(size), overlap, fits and (whole or _is_exact(geometry, overlap)))


def spans(length: int, tile: int, overlap: Overlap, geometry: Geometry) -> tuple[Span, ...]:
    """Equal tiles along one axis: as few as possible with ``tile`` as their maximum, then as small as possible."""
    if length <= tile:
        return (Span(0, length, 0, length),)
    multiple = geometry.multiple
    count = -(-(length - tile) // _step(tile, overlap, multiple)) + 1
    size = round_up(-(-(length + (count - 1) * overlap.shared) // count), multiple)
    size = min(tile, max(size, smallest_tile(overlap, geometry)))
    while -(-(length - size) // _step(size, overlap, multiple)) + 1 > count:
        size += multiple
    starts = [(length - size) * i // (count - 1) // multiple * multiple for i in range(count)]
    cuts = [
        _cut(before + size - overlap.halo, behind + overlap.halo, overlap.blend) for before, behind in pairwise(starts)
    ]
    return tuple(
        Span(
            start,
            start + size,
            cuts[i - 1][0] if i else 0,
            cuts[i][1] if i < len(cuts) else length,
            cuts[i - 1][1] - cuts[i - 1][0] if i else 0,
            cuts[i][1] - cuts[i][0] if i < len(cuts) else 0,
        )
        for i, start in enumerate(starts)
    )


def _is_exact(geometry: Geometry, overlap: Overlap) -> bool:
    return geometry.radius is not None and overlap.halo >= geometry.radius


def _split(shared: int) -> Overlap:
    return Overlap(shared // 4, shared - 2 * (shared // 4))


def _step(tile: int, overlap: Overlap, multiple: int) -> int:
    return max(multiple, (tile - overlap.shared) // multiple * multiple)


def _cut(valid_stop: int, valid_start: int, blend: int) -> tuple[int, int]:
    """The region where two neighbours are blended: ``blend`` wide, centred in their shared valid region."""
    low = (valid_start + valid_stop - blend) // 2
    return low, low + blend


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
