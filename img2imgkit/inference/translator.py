"""Translate pictures with a bundle or an exported model: pad, tile, run, blend, crop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from img2imgkit.bundle import Bundle
from img2imgkit.engine import Engine, OutOfMemory
from img2imgkit.errors import ConfigError, TranslateError
from img2imgkit.images import Picture, empty_pixels, release_pixels, to_levels
from img2imgkit.inference.engines import BUILT_IN
from img2imgkit.inference.engines.runner import Course
from img2imgkit.inference.engines.selection import FAST, Selected
from img2imgkit.inference.exported.exported_model import ExportedModel
from img2imgkit.inference.fast import opened
from img2imgkit.inference.inputs.channels import apart, cut_out, from_model, resampled
from img2imgkit.inference.inputs.conditions import (
    conditions_of,
    mean_code,
)
from img2imgkit.inference.inputs.scene import Scene, scene_of
from img2imgkit.inference.inputs.translate_options import TranslateOptions
from img2imgkit.inference.model import PROBE, Model, probe, read_as
from img2imgkit.inference.tiles.blending import RowBlender, TileRow
from img2imgkit.inference.tiles.grid import Grid, Span, make_grid, padded, region
from img2imgkit.inference.tiles.tiling import CPU_TILE, GPU_TILE, Tiling

Rows = Callable[[int, np.ndarray], None]


@dataclass(frozen=True)
class Translation:
    """A translated picture, and notes for the report on how it was computed."""

    picture: Picture
    notes: dict[str, Any] = field(default_factory=dict)


class Translator:
    """Translates pictures with one bundle or exported model. Thread-safe: while one thread waits for the model, others
    convert what they give it and what they get from it."""

    def __init__(
        self,
        bundle: Bundle | ExportedModel,
        options: TranslateOptions | None = None,
        device: str = "auto",
        selected: Selected | None = None,
        engines: Mapping[str, type[Engine]] = BUILT_IN,
    ) -> None:
        """Open a model on a device: "auto", "cpu", "gpu", "gpu:0,1".

        Args:
            selected: the one of these engines that a plan has selected; None: as the options say

        Raises:
            ConfigError: there is no such engine, device or choice, or the model does not support the options.
            BundleError: an exported model is refused, or cannot be opened.
        """
        self.options = options or TranslateOptions()
        self.bundle = bundle.choosing(self.options.choices)
        opening = opened(self.bundle, self.options, device, selected, engines)
        self.model = Model(self.bundle.manifest.name, opening, self.options.ensemble)
        self.devices, self.geometry = self.model.runner.devices, self.model.runner.geometry
        if self.options.alpha == "model" and not (self.bundle.task.keeps_grey and self.model.channels(1) == 1):
            task = f"task {self.bundle.task.name!r} does not keep grey pictures grey"
            raise ConfigError(f"alpha 'model': {task}, so it cannot process alpha: use 'resample'")
        self.tiling = self._tiling()
        self._difference: dict[str, float] | None = None

    def translate(self, picture: Picture, given: Mapping[str, Any] | None = None) -> Translation:
        """Translate a picture to ``scale`` times its size, keeping its bit depth and metadata.

        The colour space is kept, too, unless the networks change it (see ``channels.to_model``) or it is CMYK, which
        becomes RGB. Alpha is scaled separately, unless the networks read and write it. If the task reads a label map,
        the map is translated in place of the picture, which is a drawing of it, and the result has 8 bits.

        Args:
            given: the task's conditions by name: maps as (H, W) ids, including "label" if the task reads one; codes
                from ``encode`` or a file; values from ``parse_condition``

        Raises:
            ConfigError: the task has no such condition.
            TranslateError: a condition is missing or invalid, memory does not suffice for the smallest tile, or the
                output is not finite.
        """
        try:
            made = self._translated(self._scene(picture, given or {}))
            return replace(made, picture=cut_out(picture, made.picture)) if self.model.runner.as_alpha else made
        except (OutOfMemory, MemoryError) as error:
            size = f"{picture.width} x {picture.height}"
            raise TranslateError(f"not enough memory to translate {size} pixels: {error}") from error

    def encode(self, condition: str, pictures: Iterable[Picture]) -> np.ndarray:
        """Encode pictures and average their codes: the value of a condition of kind "pictures" for ``translate``.

        Args:
            pictures: consumed one by one, so that they need not all be decoded at once

        Shapes:
            -> (D,) float32
        Raises:
            ConfigError: the task has no such condition, or there is no picture.
            BundleError: the exported model has no encoder for the condition.
        """
        return mean_code(self.model.runner.encode, self.bundle.task, condition, pictures)

    def close(self) -> None:
        """Release the model."""
        self.model.close()

    def _scene(self, picture: Picture, given: Mapping[str, Any]) -> Scene:
        return scene_of(picture, given, self.bundle.task, self.geometry, self.model.runner.reads_alpha)

    def _translated(self, scene: Scene) -> Translation:
        course = Course()
        redone = self.model.redone
        picture, alpha = scene.picture, scene.picture.alpha
        image, grid = self._levels(scene, course)
        if self.geometry.has_alpha:
            image, alpha = apart(image, alpha)
        elif image.shape[2] == 4:
            image, alpha = image[..., :3], image[..., 3:]
        elif alpha is not None:
            alpha = self._alpha(scene, course)
        notes = self._notes(scene, grid, course, self.model.redone - redone)
        return Translation(from_model(picture, image, alpha), notes)

    def _precision_difference(self, scene: Scene) -> dict[str, float]:
        """The difference of the chosen precision from float32, in levels of 255.

        Measured once, on a test picture with edges, ramps and noise, or on a corner of the first picture if the
        networks have other inputs.
        """
        if self._difference is None:
            side = padded(PROBE, self.geometry)
            if conditions_of(self.bundle.task):
                place = (Span(0, side, 0, side), Span(0, side, 0, side))
                tile, more = region(scene.color, (0, side), (0, side)), scene.conditioning.at([place])
            else:
                tile, more = probe(side, self.geometry.channels), {}
            self._difference = _in_levels(self.model.difference(read_as(tile, self.geometry.channels)[None], more))
        return self._difference

    def tiling_difference(self, picture: Picture, given: Mapping[str, Any] | None = None) -> dict[str, float]:
        """The difference between translating this picture in tiles and as a whole, in levels of 255.

        Raises:
            TranslateError: memory does not suffice for the whole picture, or the model has a fixed size.
        """
        if self.model.runner.size is not None:
            raise TranslateError(f"{self.bundle.manifest.name} has a fixed size and cannot translate whole pictures")
        scene = self._scene(picture, given or {})
        whole = np.empty(self._shape(scene.color), np.float32)
        tiled = np.empty_like(whole)

        def keep(image: np.ndarray, start: int, rows: np.ndarray) -> None:
            image[start : start + len(rows)] = rows

        height, width = (padded(side, self.geometry) for side in scene.color.shape[:2])
        single = make_grid(height, width, self.geometry, self.tiling.overlap, None)
        self._render(scene, partial(keep, tiled), Course())
        if self._render(scene, partial(keep, whole), Course(), single).tiles > 1:
            size = f"{picture.width} x {picture.height}"
            raise TranslateError(f"not enough memory to translate {size} pixels as a whole and compare tiles with it")
        return _in_levels(np.abs(whole - tiled))

    def render(self, color: np.ndarray, give: Rows, grid: Grid | None = None) -> Grid:
        """Translate colour, and pass its rows in float to ``give``, from top to bottom, each once.

        After running out of memory, it continues with smaller tiles at the first missing row. If tiles are not exact,
        it restarts at the top, to avoid a visible seam between two grids; ``give`` then receives rows again.

        Shapes:
            color: (H, W, C) from ``channels.to_model``, uint8 or uint16
            give: called with (first row, (rows, scale * W, channels written) float32)
        """
        return self._render(Scene(Picture(color, None, "grey" if color.shape[2] == 1 else "rgb")), give, Course(), grid)

    def _render(self, scene: Scene, give: Rows, course: Course, grid: Grid | None = None) -> Grid:
        height, width = scene.color.shape[:2]
        grid = grid or self.tiling.grid(height, width)
        blender = RowBlender(self.geometry.scale * height)
        while blender.done < blender.height:
            try:
                for row in grid.rows:
                    if self.geometry.scale * row.keep_stop <= blender.done:
                        continue
                    for start, rows in blender.push(self._tile_row(scene, grid, row)):
                        give(start, rows)
                        del rows  # the next row of tiles would otherwise be computed while this one is kept
            except (OutOfMemory, MemoryError) as error:
                self.tiling.shrink(grid, str(error))
                course.retries += 1
                grid = self.tiling.grid(height, width)
                blender.restart(keep=grid.exact)
        return grid

    def _tile_row(self, scene: Scene, grid: Grid, row: Span) -> TileRow:
        color = scene.color
        made = TileRow(row, color.shape[1], self.model.channels(color.shape[2]), self.geometry.scale)
        together = self._batch * self.model.runner.replicas
        for first in range(0, len(grid.columns), together):
            columns = grid.columns[first : first + together]
            tiles = np.stack([region(color, (row.start, row.stop), (c.start, c.stop)) for c in columns])
            more = scene.conditioning.at([(row, column) for column in columns])
            for column, tile in zip(columns, self.model(tiles, more), strict=True):
                made.put(column, tile)
        return made

    @property
    def _batch(self) -> int:
        """Tiles per call, on each device."""
        return self.model.runner.batch or self.options.batch

    def _levels(self, scene: Scene, course: Course) -> tuple[np.ndarray, Grid]:
        image = empty_pixels(self._shape(scene.color), scene.picture.color.dtype)

        def give(start: int, rows: np.ndarray) -> None:
            if self.model.runner.is_described:
                course.see(rows)
            to_levels(rows, image.dtype, out=image[start : start + len(rows)])
            release_pixels(image, scene.color)

        return image, self._render(scene, give, course)

    def _shape(self, color: np.ndarray) -> tuple[int, int, int]:
        """The shape of the translation of ``color``."""
        height, width, channels = color.shape
        return self.geometry.scale * height, self.geometry.scale * width, self.model.channels(channels)

    def _alpha(self, scene: Scene, course: Course) -> np.ndarray:
        alpha = scene.picture.alpha
        assert alpha is not None
        if self.options.alpha == "model" and alpha.min() < alpha.max():
            return self._levels(replace(scene, picture=Picture(alpha, None, "grey"), read=alpha), course)[0]
        return resampled(alpha, self.geometry.scale)

    def _tiling(self) -> Tiling:
        runner = self.model.runner
        preferred = CPU_TILE if runner.kind == "cpu" else GPU_TILE
        room = runner.free_bytes() / (runner.bytes_per_pixel() * self._batch)
        tile, overlap = self.options.tile, self.options.overlap
        return Tiling(self.geometry, tile, overlap, room, preferred, runner.size, runner.whole)

    def _notes(self, scene: Scene, grid: Grid, course: Course, redone: int) -> dict[str, Any]:
        notes: dict[str, Any] = {"tile": grid.tile if grid.tiles > 1 else "whole", "tiles": grid.tiles}
        notes |= self.model.runner.notes()
        if grid.tiles > 1:
            notes["overlap"] = grid.overlap.shared
        if not grid.exact:
            notes["inexact"] = self.model.runner.why_inexact(grid)
        if course.is_far_beyond:
            notes["beyond"] = course.beyond
        counts = {"retries": course.retries, "redone_in_float32": redone}
        notes |= {name: count for name, count in counts.items() if count}
        if self.model.precision != "float32":
            notes["precision"] = self.model.precision
            if self.options.precision != FAST:  # which has been measured in advance
                notes["precision_difference"] = self._precision_difference(scene)
        return notes


def _in_levels(difference: np.ndarray) -> dict[str, float]:
    return {"max": round(float(difference.max()) * 127.5, 4), "mean": round(float(difference.mean()) * 127.5, 4)}
