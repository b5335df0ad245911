"""Data kind ``degraded``: targets are pictures, and sources are created from them by degradations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from img2imgkit.components import choice
from img2imgkit.config import Location
from img2imgkit.data.example_pictures import write_pictures
from img2imgkit.data.folders import findings_in, overlapping
from img2imgkit.data.framing import side_problem
from img2imgkit.data.order import Order, generator_at
from img2imgkit.data.picture_files import PixelStore, contents_of, find_pictures, left_out, read_rgb
from img2imgkit.data.probe_folder import by_role, probe_batches
from img2imgkit.data_kind import Arrays, Contents, DataKind, Findings, OptionProblems, Reader, ReaderOptions, noise_pair
from img2imgkit.degradations import BicubicMatlab, Degradation, DegradationChoice, degrade, shrinking_problem
from img2imgkit.errors import DataError
from img2imgkit.images import to_unit
from img2imgkit.task import Geometry


class DegradedOptions(ReaderOptions):
    """High-resolution pictures, their degradations, and how to crop them."""

    kind: Literal["degraded"] = Field(description="high-resolution pictures and degraded versions of them")
    folder: Annotated[Path | tuple[Path, ...], Location()] = Field(description="folder(s) of high-resolution pictures")
    crop: int = Field(default=64, ge=1, description="height and width of a target crop, a multiple of the task's scale")
    batch: int = Field(default=16, ge=1, description="crops in a global batch, over all devices")
    flips: bool = Field(default=True, description="flip and rotate crops at random (8 ways)")
    degradations: tuple[DegradationChoice, ...] = choice(
        "",
        (BicubicMatlab(),),
        "degradations that create sources, in order; exactly one downsamples by the task's scale",
    )
    channel_shuffle: bool = Field(default=False, description="permute the colour channels of crops at random")
    min_detail: float = Field(
        default=0.0, ge=0, description="skip crops whose source has a lower mean absolute gradient, in 8-bit levels"
    )
    cache: int = Field(
        default=2048, ge=0, description="MiB of pixels kept in memory; the rest is stored in temporary files"
    )

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders, as a tuple even for a single one."""
        return (self.folder,) if isinstance(self.folder, Path) else self.folder

    @property
    def steps(self) -> tuple[Degradation, ...]:
        """The degradations."""
        return tuple(each.chosen for each in self.degradations)

    def data_problems(self, geometry: Geometry) -> OptionProblems:
        found: OptionProblems = []
        if problem := side_problem(self.crop, geometry):
            found.append(("crop", problem))
        if problem := shrinking_problem(self.steps, geometry.scale):
            found.append(("degradations", problem))
        if (geometry.channels, geometry.written) != (3, 3):
            counts = f"reads {geometry.channels} and writes {geometry.written}"
            found.append(("kind", f"degraded data have 3 channels, but this task {counts}"))
        return found


class DegradedReader(Reader):
    """Aligned random crops of pictures and of their degraded versions.

    Each picture is degraded once, before cropping, with random numbers seeded by its index in the sorted list. Crops
    are taken at grid cells half a crop apart: the epoch's permutation selects the cell, and the crop is then shifted
    by up to a quarter of its side. Both depend on (seed, position) alone.
    """

    options: DegradedOptions

    def __init__(self, options: DegradedOptions, geometry: Geometry) -> None:
        self.options = options
        self.scale, self.unit = geometry.scale, geometry.scale * geometry.multiple
        self.side = options.crop // geometry.scale  # side of a source crop
        self.targets, self.sources = PixelStore(options.cache), PixelStore(options.cache // 4)
        self.problems: list[str] = []
        self.notes = overlapping({f"folder.{number}": folder for number, folder in enumerate(options.folders)})
        self.paths = find_pictures(options.folders, self.problems)
        self._unchanged = 0  # pictures that equal their degraded version
        for number, path in enumerate(self.paths):
            self._add(path, number)
        self.cells = self._informative()
        if self._unchanged and self._unchanged == len(self.targets):
            self.problems.append(
                "data.degradations: every source is the same as its target, so there is nothing to learn; state a "
                "degradation that changes pictures"
            )
        if not self.problems and not len(self.cells):
            self.problems.append(
                f"data.min_detail: no crop has a mean gradient of at least {options.min_detail} levels; lower it"
            )
        self._order = Order(max(1, len(self.cells)))

    @property
    def epoch(self) -> int:
        return len(self.cells)

    @property
    def description(self) -> Mapping[str, Any]:
        pixels = sum(target.shape[0] * target.shape[1] for target in self.targets)
        return {
            "kind": self.kind,
            "pictures": len(self.targets),
            "megapixels": round(pixels / 1e6, 2),
            "cells": len(self.cells),
            "degradation": "; ".join(step.description(self.scale) for step in self.options.steps) or "none",
        }

    @property
    def contents(self) -> Sequence[Contents]:
        sizes = [
            (pixels.shape[1], pixels.shape[0]) for pixels in map(self.targets.__getitem__, range(len(self.targets)))
        ]
        return [contents_of("target", sizes, ["RGB"] * len(sizes))]

    def sample(self, seed: int, position: int) -> Arrays:
        source, target = self._pair(seed, position)
        return {"source": to_unit(source), "target": to_unit(target)}

    def verify(self) -> Findings:
        return Findings(notes=findings_in(self.paths, lambda path: left_out(path, 3, 8)).notes)

    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        """Return uncropped pictures, trimmed to multiples of what the task requires."""

        def batch_of(paths: Mapping[str, Path]) -> Arrays:
            target, source = self._degraded(paths["target"], self.unit, 0)
            return {"source": to_unit(source)[None], "target": to_unit(target)[None]}

        return probe_batches(by_role(folder, ("target",)), batch_of)

    def _add(self, path: Path, number: int) -> None:
        try:
            target, source = self._degraded(path, self.scale, number)
        except DataError as error:
            self.problems.append(str(error))
            return
        if min(source.shape[:2]) < self.side:
            height, width = target.shape[:2]
            self.problems.append(f"{path}: {width}x{height} is smaller than the crop of {self.options.crop}")
            return
        self._unchanged += np.array_equal(source, target)
        self.targets.append(target)
        self.sources.append(source)

    def _degraded(self, path: Path, unit: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        pixels = read_rgb(path)
        height, width = (size // unit * unit for size in pixels.shape[:2])
        if not height or not width:
            raise DataError(
                f"{path}: {pixels.shape[1]}x{pixels.shape[0]} is too small; this task needs at least {unit}x{unit}"
            )
        target = pixels[:height, :width]
        return target, degrade(self.options.steps, target, self.scale, np.random.default_rng(number))

    def _informative(self) -> np.ndarray:
        """Return picture, row and column of each grid cell with enough detail. Shapes: (cells, 3)."""
        cells = [_cells(source, n, self.side, self.options.min_detail) for n, source in enumerate(self.sources)]
        return np.concatenate([np.empty((0, 3), np.int64), *cells])

    def _pair(self, seed: int, position: int) -> tuple[np.ndarray, np.ndarray]:
        random = generator_at(seed, position)
        number, *corner = self.cells[self._order.at(seed, position)]
        source, target = self.sources[number], self.targets[number]
        reach = self.side // 4
        shift = random.integers(-reach, reach + 1, size=2)
        row, column = np.clip(corner + shift, 0, np.subtract(source.shape[:2], self.side))
        turn, order = self._augmentation(random)
        scale, side = self.scale, self.side
        small = source[row : row + side, column : column + side]
        large = target[row * scale : (row + side) * scale, column * scale : (column + side) * scale]
        return _turned(small, turn)[..., order], _turned(large, turn)[..., order]

    def _augmentation(self, random: np.random.Generator) -> tuple[int, np.ndarray]:
        turn = int(random.integers(8)) if self.options.flips else 0
        return turn, random.permutation(3) if self.options.channel_shuffle else np.arange(3)


def _turned(pixels: np.ndarray, turn: int) -> np.ndarray:
    turned = np.rot90(pixels, turn % 4)
    return turned[:, ::-1] if turn > 3 else turned


def _cells(source: np.ndarray, number: int, side: int, min_detail: float) -> np.ndarray:
    step = max(1, side // 2)
    rows, columns = (np.unique([*range(0, size - side + 1, step), size - side]) for size in source.shape[:2])
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    if min_detail > 0:
        grid = grid[_detail(source, grid, side) >= min_detail]
    return np.concatenate([np.full((len(grid), 1), number), grid], axis=1)


def _detail(source: np.ndarray, corners: np.ndarray, side: int) -> np.ndarray:
    """Return the mean absolute gradient, horizontal plus vertical, of each crop's grey levels. Shapes: (cells,)."""
    if side < 2:
        return np.full(len(corners), np.inf)
    grey = source.mean(axis=2, dtype=np.float32)
    gradient = np.abs(np.diff(grey, axis=0))[:, :-1] + np.abs(np.diff(grey, axis=1))[:-1]
    sums = np.zeros((gradient.shape[0] + 1, gradient.shape[1] + 1))
    sums[1:, 1:] = gradient.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    top, left = corners.T
    bottom, right = top + side - 1, left + side - 1
    total: np.ndarray = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return total / (side - 1) ** 2


class Degraded(DataKind):
    """High-resolution pictures as targets, and degraded versions of them as sources."""

    keys = ("source", "target")
    Options = DegradedOptions

    def reader(self, geometry: Geometry) -> Reader:
        return DegradedReader(self.options, geometry)

    @classmethod
    def random_batch(
        cls, random: np.random.Generator, images: int, side: int, geometry: Geometry, data: Mapping[str, Any]
    ) -> Arrays:
        return dict(zip(cls.keys, noise_pair(random, images, side, geometry), strict=True))

    @classmethod
    def write_example(cls, folder: Path, side: int) -> Mapping[str, Any]:
        return {"folder": str(write_pictures(folder, side)), "crop": side, "batch": 2}
