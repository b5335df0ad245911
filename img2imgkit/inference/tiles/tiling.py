"""Choose the tiles of a picture by the user's options, the device's memory, and earlier out-of-memory errors."""

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

CPU_TILE, GPU_TILE = 512, 1024  # larger tiles are not faster, and machines with enough memory get the same tiles
LADDER = (1024, 768, 512, 384, 256, 192, 128, 96, 64)
FORCED = 2  # a user's tile may use this multiple of the room; beyond it, the system might kill the process
SHRINK = 0.7  # factor for a tile's side after running out of memory: half of the pixels
WORTHWHILE = 2  # least ratio of an exact tile's side to its overlap; below it, most of the work would be redundant


@dataclass
class Tiling:
    """Chooses grids, and remembers the largest tile that fitted into memory.

    If neither tile nor overlap is stated, tiles are exact, unless the receptive field is so large that exact tiles of a
    useful size do not fit into memory, as with RRDBNet: such tiles have a fixed overlap, as in other toolkits.

    Attributes:
        wanted: the option 'tile' of a translation
        shared: the option 'overlap' of a translation
        room: number of input pixels that fit on the device at once
        preferred: the tile to use if memory suffices
        size: height and width of every tile if the model requires a fixed size
        whole: whether the model must see each picture as a whole
        limit: the largest tile to try after running out of memory
    """

    geometry: Geometry
    wanted: int | Literal["auto", "off"]
    shared: int | Literal["auto"]
    room: float
    preferred: int = CPU_TILE
    size: tuple[int, int] | None = None
    whole: bool = False
    limit: int | None = None
    overlap: Overlap = field(init=False)

    def __post_init__(self) -> None:
        self.overlap = overlap_for(self.geometry, None if self.shared == "auto" else self.shared)
        self._give_up_exactness(self.room)

    def grid(self, height: int, width: int) -> Grid:
        """The tiles of a picture of that size after padding.

        Raises:
            TranslateError: the model must see it as a whole, and memory does not suffice.
        """
        if self.size is not None:
            return fixed_grid(height, width, self.geometry, self.overlap, self.size)
        height, width = (padded(length, self.geometry) for length in (height, width))
        if self.whole and height * width > FORCED * self.room:
            size = f"{width} x {height}"
            raise TranslateError(f"not enough memory for {size} pixels, and the model allows no tiles: resize it first")
        tile = None if self.whole else self._tile(height, width)
        if self.limit is not None:
            tile = self.limit if tile is None else min(tile, self.limit)
        return make_grid(height, width, self.geometry, self.overlap, tile)

    def shrink(self, grid: Grid, reason: str) -> None:
        """Use smaller tiles from now on, after tiles of this grid ran out of memory.

        Raises:
            TranslateError: no smaller tile is possible.
        """
        if self.size is not None:
            tile = " x ".join(map(str, self.size))
            raise TranslateError(f"out of memory with tiles of {tile} pixels, the model's fixed size: {reason[:200]}")
        if self.whole:
            raise TranslateError(f"out of memory, and the model must see each picture as a whole: {reason[:200]}")
        largest = max(grid.extent)
        self._give_up_exactness((largest * SHRINK) ** 2)
        least = smallest_tile(self.overlap, self.geometry)
        if largest <= least:
            raise TranslateError(
                f"out of memory even with tiles of {grid.extent[0]} x {grid.extent[1]} pixels, the least for overlap "
                f"{self.overlap.shared}; a smaller 'overlap' allows smaller tiles that are not exact: {reason[:200]}"
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

    def _give_up_exactness(self, room: float) -> None:
        """Reduce the overlap if ``room`` is too small for useful exact tiles and the user did not state tiles."""
        free = self.shared == self.wanted == "auto" and self.size is None
        less = inexact_overlap()
        if free and less.shared < self.overlap.shared and room < (WORTHWHILE * self.overlap.shared) ** 2:
            self.overlap = less

    def _automatic(self) -> int:
        """The preferred tile, or the largest of the ladder that fits; never smaller than the overlap requires."""
        least = smallest_tile(self.overlap, self.geometry)
        preferred = max(self.preferred, round_up(3 * self.overlap.shared, 64))
        ladder = [preferred, *(tile for tile in LADDER if tile < preferred)]
        return next((tile for tile in ladder if tile**2 <= self.room and tile >= least), least)
