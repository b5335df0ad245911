"""Which tiles a picture gets: by the user's wish, the device's memory, and what has run out of memory before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from img2imgkit.errors import TranslateError
from img2imgkit.inference.tiles.grid import (
    Grid,
    Overlap,
    fixed_grid,
    inexact_overlap,
    make_grid,
    overlap_for,
    padded,
    round_up,
    smallest_tile,
)
from img2imgkit.task import Geometry

CPU_TILE, GPU_TILE = 512, 1024  # larger ones are not faster, and every machine that has the memory gets the same tiles
LADDER = (1024, 768, 512, 384, 256, 192, 128, 96, 64)
FORCED = 2  # times the room: a user's tile may take this much, beyond it the system would end the process
SHRINK = 0.7  # of a side, after running out of memory: half of the pixels
WORTHWHILE = 2  # times what tiles share, at least, is an exact tile's side: beyond, most of the work is done over again


@dataclass
class Tiling:
    """Chooses grids, and remembers the tile that memory allowed.

    If neither tile nor overlap are stated, tiles are exact; unless the network sees so far that memory has no room for
    exact tiles of use, as RRDBNet does: those overlap like tiles of other toolkits.

    Attributes:
        wanted: the option 'tile' of a translation
        shared: its option 'overlap'
        room: pixels of input that surely fit on the device at once
        preferred: the tile to take where memory is no matter
        size: height and width of every tile, where the model takes no other
        limit: the largest tile that may be tried, after running out of memory
    """

    geometry: Geometry
    wanted: int | Literal["auto", "off"]
    shared: int | Literal["auto"]
    room: float
    preferred: int = CPU_TILE
    size: tuple[int, int] | None = None
    limit: int | None = None
    overlap: Overlap = field(init=False)

    def __post_init__(self) -> None:
        self.overlap = overlap_for(self.geometry, None if self.shared == "auto" else self.shared)
        self._let_go_of_exactness(self.room)

    def grid(self, height: int, width: int) -> Grid:
        """The tiles of a picture of that size, padded to what the network takes."""
        if self.size is not None:
            return fixed_grid(height, width, self.geometry, self.overlap, self.size)
        height, width = (padded(length, self.geometry) for length in (height, width))
        tile = self._tile(height, width)
        if self.limit is not None:
            tile = self.limit if tile is None else min(tile, self.limit)
        return make_grid(height, width, self.geometry, self.overlap, tile)

    def shrink(self, grid: Grid, reason: str) -> None:
        """Remember that tiles as large as the grid's are too much.

        Raises:
            TranslateError: no smaller tile is of use.
        """
        if self.size is not None:
            tile = " x ".join(map(str, self.size))
            raise TranslateError(f"out of memory with tiles of {tile} pixels, and it takes no other: {reason[:200]}")
        largest = max(grid.extent)
        self._let_go_of_exactness((largest * SHRINK) ** 2)
        least = smallest_tile(self.overlap, self.geometry)
        if largest <= least:
            raise TranslateError(
                f"out of memory even with tiles of {grid.extent[0]} x {grid.extent[1]} pixels, the least that overlap "
                f"by {self.overlap.shared}; a smaller 'overlap' allows smaller tiles that are not exact: {reason[:200]}"
            )
        self.limit = max(least, int(largest * SHRINK) // self.geometry.multiple * self.geometry.multiple)

    def _tile(self, height: int, width: int) -> int | None:
        wanted = self.wanted
        if wanted != "auto":
            sides = (height, width) if wanted == "off" else (min(height, wanted), min(width, wanted))
            if sides[0] * sides[1] > FORCED * self.room:
                return self._automatic()
            return None if wanted == "off" else wanted
        fits = height * width <= self.room
        if fits and (not self._exact or height * width <= 2 * self.preferred**2):
            return None
        return self._automatic()

    @property
    def _exact(self) -> bool:
        return self.geometry.radius is not None and self.overlap.halo >= self.geometry.radius

    def _let_go_of_exactness(self, room: float) -> None:
        """Overlap by less, if nobody has stated how much, where ``room`` pixels are too few for tiles of use."""
        free = self.shared == self.wanted == "auto" and self.size is None
        less = inexact_overlap()
        if free and less.shared < self.overlap.shared and room < (WORTHWHILE * self.overlap.shared) ** 2:
            self.overlap = less

    def _automatic(self) -> int:
        """The preferred tile, or the largest of the ladder that fits; no smaller than what the overlap needs."""
        least = smallest_tile(self.overlap, self.geometry)
        preferred = max(self.preferred, round_up(3 * self.overlap.shared, 64))
        ladder = [preferred, *(tile for tile in LADDER if tile < preferred)]
        return next((tile for tile in ladder if tile**2 <= self.room and tile >= least), least)
