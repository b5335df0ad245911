"""A loaded bundle that maps pictures to pictures: pad, tile, run, blend, crop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from img2imgkit import backend
from img2imgkit.bundle import Bundle
from img2imgkit.errors import ConfigError, TranslateError
from img2imgkit.images import Picture, to_levels
from img2imgkit.inference import devices, transparency
from img2imgkit.inference.bands import Band, Bands
from img2imgkit.inference.colour import finished, readied
from img2imgkit.inference.footprint import bytes_per_pixel
from img2imgkit.inference.grid import Grid, Span, make_grid, padded
from img2imgkit.inference.model import Model
from img2imgkit.inference.network import OutOfMemory
from img2imgkit.inference.padding import region
from img2imgkit.inference.settings import Settings
from img2imgkit.inference.tiling import CPU_TILE, GPU_TILE, Tiling
from img2imgkit.task import Geometry

Rows = Callable[[int, np.ndarray], None]
_PROBE = 64  # pixels a side, of the picture that number formats are compared on


@dataclass(frozen=True)
class Translation:
    """A translated picture, and what the report should say of how it was made."""

    picture: Picture
    notes: dict[str, Any] = field(default_factory=dict)


class Translator:
    """Translates pictures with one bundle. One thread at a time may use it."""

    def __init__(self, bundle: Bundle, settings: Settings | None = None, device: str = "auto") -> None:
        """Compile the networks for a device ("auto", "cpu", "gpu", "gpu:0,1").

        Raises:
            ConfigError: there is no such device, the task has no such choices, or alpha cannot go through the networks.
            BundleError: the task needs more than a picture.
        """
        self.settings = settings or Settings()
        self.bundle = bundle.choosing(self.settings.choices)
        self.devices = backend.devices(device)
        self.geometry = self.bundle.task.geometry()
        self.model = Model(
            self.bundle, self.devices, self.settings.precision, self.settings.ensemble, self.settings.batch
        )
        if self.settings.alpha == "model" and not (self.bundle.task.keeps_grey and self.model.channels(1) == 1):
            task = f"task {self.bundle.task.name!r} makes something else of a grey picture"
            raise ConfigError(f"alpha 'model': {task}, so transparency cannot go through it: use 'resample'")
        self.tiling = self._tiling()

    def translate(self, picture: Picture) -> Translation:
        """The picture as the bundle makes it, ``scale`` times as large, with the same depth and metadata.

        Its space stays too, unless the networks give it another (``colour.readied``) or it is CMYK, which becomes RGB.
        Colour alone goes through the networks; alpha is scaled with it.

        Raises:
            TranslateError: it cannot be made: no memory for the smallest tile, or no finite output.
        """
        try:
            return self._translated(self._readied(picture))
        except (OutOfMemory, MemoryError) as error:
            size = f"{picture.width} x {picture.height}"
            raise TranslateError(f"no memory to translate {size} pixels: {error}") from error

    def _translated(self, picture: Picture) -> Translation:
        retries = _Count()
        redone = self.model.redone
        color, alpha = picture.color, picture.alpha
        if alpha is not None:
            color = transparency.filled(color, alpha)
        image, grid = self._levels(color, retries)
        if alpha is not None:
            alpha = self._alpha(alpha, retries)
        notes = self._notes(grid, retries.value, self.model.redone - redone)
        return Translation(finished(picture, image, alpha), notes)

    @cached_property
    def difference(self) -> dict[str, float]:
        """How far the chosen precision is from float32, in levels of 255, over a probe of edges, ramps and noise."""
        probe = _probe(padded(_PROBE, self.geometry), self.geometry.channels)
        return _in_levels(self.model.difference(probe[None]))

    def tiling_difference(self, picture: Picture) -> dict[str, float]:
        """How far this picture in tiles is from the same picture whole, in levels of 255.

        Raises:
            TranslateError: the device has no memory for the whole of it.
        """
        color = self._readied(picture).color
        whole = np.empty(self._shape(color), np.float32)
        tiled = np.empty_like(whole)

        def keep(image: np.ndarray, start: int, rows: np.ndarray) -> None:
            image[start : start + len(rows)] = rows

        height, width = (padded(side, self.geometry) for side in color.shape[:2])
        single = make_grid(height, width, self.geometry, self.tiling.overlap, None)
        self._render(color, partial(keep, tiled), _Count())
        if self._render(color, partial(keep, whole), _Count(), single).tiles > 1:
            size = f"{picture.width} x {picture.height}"
            raise TranslateError(f"no memory for the whole of {size} pixels to compare tiles with")
        return _in_levels(np.abs(whole - tiled))

    def render(self, color: np.ndarray, give: Rows, grid: Grid | None = None) -> Grid:
        """Translate colour and hand over its rows in float, from top to bottom, each once.

        Runs out of memory: goes on with smaller tiles from the first row that is missing, or from the top where
        tiles are not exact, so that no seam between two grids shows; ``give`` then gets rows again.

        Shapes:
            color: (H, W, C) as ``colour.readied`` leaves it, uint8 or uint16
            give: called with (first row, (rows, scale * W, channels written) float32)
        """
        return self._render(color, give, _Count(), grid)

    def _render(self, color: np.ndarray, give: Rows, retries: _Count, grid: Grid | None = None) -> Grid:
        height, width = color.shape[:2]
        grid = grid or self.tiling.grid(height, width)
        bands = Bands(self.geometry.scale * height)
        while bands.done < bands.height:
            try:
                for row in grid.rows:
                    if self.geometry.scale * row.keep_stop <= bands.done:
                        continue
                    for start, rows in bands.push(self._band(color, grid, row)):
                        give(start, rows)
            except (OutOfMemory, MemoryError) as error:
                self.tiling.shrink(grid, str(error))
                retries.value += 1
                grid = self.tiling.grid(height, width)
                bands.restart(keep=grid.exact)
        return grid

    def _band(self, color: np.ndarray, grid: Grid, row: Span) -> Band:
        band = Band(row, color.shape[1], self.model.channels(color.shape[2]), self.geometry.scale)
        together = self.settings.batch * self.model.network.replicas
        for first in range(0, len(grid.columns), together):
            columns = grid.columns[first : first + together]
            tiles = np.stack([region(color, (row.start, row.stop), (c.start, c.stop)) for c in columns])
            for column, tile in zip(columns, self.model(tiles), strict=True):
                band.put(column, tile)
        return band

    def _levels(self, color: np.ndarray, retries: _Count) -> tuple[np.ndarray, Grid]:
        image = np.empty(self._shape(color), color.dtype)

        def give(start: int, rows: np.ndarray) -> None:
            for first, part in _slabs(rows):
                image[start + first : start + first + len(part)] = to_levels(part, color.dtype)

        return image, self._render(color, give, retries)

    def _readied(self, picture: Picture) -> Picture:
        return readied(picture, self.geometry, self.bundle.task.keeps_grey)

    def _shape(self, color: np.ndarray) -> tuple[int, int, int]:
        """Of what comes of colour."""
        height, width, channels = color.shape
        return self.geometry.scale * height, self.geometry.scale * width, self.model.channels(channels)

    def _alpha(self, alpha: np.ndarray, retries: _Count) -> np.ndarray:
        if self.settings.alpha == "model" and alpha.min() < alpha.max():
            return self._levels(alpha, retries)[0]
        return transparency.resampled(alpha, self.geometry.scale)

    def _tiling(self) -> Tiling:
        preferred = GPU_TILE if "GPU" in self.devices[0].upper() else CPU_TILE
        each = bytes_per_pixel(self.bundle.task, self.bundle.nets) * self.settings.batch
        room = min(map(devices.free_bytes, self.devices)) / each
        return Tiling(self.geometry, self.settings, room, preferred)

    def _notes(self, grid: Grid, retries: int, redone: int) -> dict[str, Any]:
        notes: dict[str, Any] = {"tile": grid.tile if grid.tiles > 1 else "whole", "tiles": grid.tiles}
        if grid.tiles > 1:
            notes["overlap"] = grid.overlap.shared
        if not grid.exact:
            notes["inexact"] = _why_inexact(self.geometry)
        if retries:
            notes["retries"] = retries
        if redone:
            notes["redone_in_float32"] = redone
        if self.settings.precision != "float32":
            notes |= {"precision": self.settings.precision, "precision_difference": self.difference}
        return notes


@dataclass
class _Count:
    value: int = 0


def _slabs(rows: np.ndarray, pixels: int = 1 << 18) -> Iterator[tuple[int, np.ndarray]]:
    """Rows in portions, so that their conversion needs little memory."""
    step = max(1, pixels // rows.shape[1])
    for start in range(0, len(rows), step):
        yield start, rows[start : start + step]


def _in_levels(difference: np.ndarray) -> dict[str, float]:
    return {"max": round(float(difference.max()) * 127.5, 4), "mean": round(float(difference.mean()) * 127.5, 4)}


def _why_inexact(geometry: Geometry) -> str:
    if geometry.radius is None:
        return "every output pixel depends on the whole picture, which tiles do not see; 'tile: off' avoids them"
    return f"the tiles overlap by less than {2 * geometry.radius} pixels, which this network needs"


def _probe(side: int, channels: int) -> np.ndarray:
    """Levels with ramps, edges and noise; always the same.

    Shapes:
        -> (side, side, channels), uint8
    """
    ramp = np.linspace(0, 255, side)[None, :, None] * np.ones((side, 1, channels))
    ramp[side // 4 : side // 2] = np.where(np.arange(side) // 4 % 2, 255, 0)[:, None]
    ramp[side // 2 :] = np.random.default_rng(0).integers(0, 256, (side - side // 2, side, channels))
    return ramp.astype(np.uint8)
