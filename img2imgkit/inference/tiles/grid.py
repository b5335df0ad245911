"""Where tiles lie: which pixels the network sees, and which of its output is used.

Along one axis a tile is a ``Span``. Its input reaches ``halo`` pixels further than what is used of its output, except
at the ends of the axis, where it stops exactly at the end: there the network's own padding acts as it does for the
whole picture. With a halo as wide as the receptive field, every used pixel is the one the whole picture would give.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from img2imgkit.task import Geometry

INEXACT_OVERLAP = 64  # input pixels, where no overlap can be exact; a quarter on each side is dropped, half is blended


@dataclass(frozen=True)
class Span:
    """A tile along one axis, in input pixels.

    Attributes:
        start, stop: what the network sees
        keep_start, keep_stop: the output that is used
        fade_in, fade_out: how much of that is blended with the neighbour before and behind
    """

    start: int
    stop: int
    keep_start: int
    keep_stop: int
    fade_in: int = 0
    fade_out: int = 0


@dataclass(frozen=True)
class Overlap:
    """What neighbouring tiles share: ``halo`` pixels on each side are dropped, ``blend`` are mixed."""

    halo: int
    blend: int

    @property
    def shared(self) -> int:
        """Input pixels that two neighbours both see."""
        return 2 * self.halo + self.blend


@dataclass(frozen=True)
class Grid:
    """All tiles of a picture, and whether they give what the whole picture would."""

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    tile: int
    overlap: Overlap
    exact: bool

    @property
    def tiles(self) -> int:
        """How many there are."""
        return len(self.rows) * len(self.columns)

    @property
    def extent(self) -> tuple[int, int]:
        """Height and width of each tile's input."""
        return self.rows[0].stop - self.rows[0].start, self.columns[0].stop - self.columns[0].start


def round_up(length: int, multiple: int) -> int:
    """The next multiple that is not smaller."""
    return -(-length // multiple) * multiple


def padded(length: int, geometry: Geometry) -> int:
    """The length that the network is given for ``length`` pixels: no less than its minimum, and a multiple."""
    return round_up(max(length, geometry.minimum), geometry.multiple)


def overlap_for(geometry: Geometry, wanted: int | None = None) -> Overlap:
    """The overlap that makes tiles exact, or the one that the user wants.

    A wanted overlap that is too small to be exact is half dropped and half blended.
    """
    if geometry.radius is not None and (wanted is None or wanted >= 2 * geometry.radius):
        return Overlap(geometry.radius, 0 if wanted is None else wanted - 2 * geometry.radius)
    return inexact_overlap() if wanted is None else _split(wanted)


def inexact_overlap() -> Overlap:
    """What tiles share where they cannot be exact, or exactness would cost too much."""
    return _split(INEXACT_OVERLAP)


def smallest_tile(overlap: Overlap, geometry: Geometry) -> int:
    """The smallest tile that the network takes and that still moves on by a useful step.

    The step is large enough that a pixel lies in no more than two blends, wherever rounding puts the tiles.
    """
    multiple = geometry.multiple
    step = round_up(max(8, 2 * overlap.blend), multiple) + (multiple if overlap.blend else 0)
    return max(padded(1, geometry), round_up(overlap.shared, multiple) + step)


def fitted(geometry: Geometry, overlap: Overlap, tile: int) -> tuple[Overlap, int]:
    """Overlap and tile that go together: a tile too small for the network grows, for the overlap gets a smaller one."""
    tile = max(tile // geometry.multiple * geometry.multiple, padded(1, geometry))
    while tile < smallest_tile(overlap, geometry) and overlap.shared:
        overlap = _split(min(overlap.shared * 3 // 4, tile // 2))
    return overlap, tile


def make_grid(height: int, width: int, geometry: Geometry, overlap: Overlap, tile: int | None) -> Grid:
    """Lay tiles over a padded picture; ``tile`` None: the whole of it is one.

    Shapes:
        height, width: as ``padded`` gives them
    """
    if tile is None:
        tile = max(height, width)
    else:
        overlap, tile = fitted(geometry, overlap, tile)
    rows, columns = (spans(length, tile, overlap, geometry) for length in (height, width))
    whole = len(rows) == len(columns) == 1
    return Grid(rows, columns, tile, overlap, whole or _is_exact(geometry, overlap))


def fixed_grid(height: int, width: int, geometry: Geometry, overlap: Overlap, size: tuple[int, int]) -> Grid:
    """Tiles of one size, over a picture that is continued to at least that.

    Shapes:
        height, width: of the picture; ``size``: height and width of tiles, multiples of the geometry's
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
    """Equal tiles along one axis: as few as the largest allowed ``tile`` needs, then as small as that number allows."""
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
    """Where two neighbours meet: the middle of what both know, ``blend`` wide."""
    low = (valid_start + valid_stop - blend) // 2
    return low, low + blend
