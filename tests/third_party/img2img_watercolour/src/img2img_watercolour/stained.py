"""A data kind: clean pictures, which get stains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

import img2imgkit as kit
from img2imgkit.data import Findings, Order, by_role, examine, generator_at, probe_batches, read_levels, scan
from img2imgkit.images import to_unit

Arrays = dict[str, np.ndarray]


class StainedOptions(kit.ReaderOptions):
    """Clean pictures, and how large their stains are."""

    kind: Literal["stained"] = Field(description="pictures with stains and without")
    folder: Annotated[Path, kit.Location()] = Field(description="folder of clean pictures")
    crop: int = Field(default=32, ge=2, description="height and width of a crop")
    stain: int = Field(default=8, ge=1, description="height and width of a stain")


class StainedReader(kit.Reader):
    """Random crops of pictures, with a stain and without."""

    options: StainedOptions

    def __init__(self, options: StainedOptions, geometry: kit.Geometry) -> None:
        self.options, self.channels = options, geometry.channels
        self.problems: list[str] = []
        self.folder = scan("clean", options.folder, self.problems)
        for path, header in self.folder.headers.items():
            if min(header.width, header.height) < options.crop:
                self.problems.append(f"{path}: is smaller than a crop of {options.crop}")
        self.order = Order(max(1, self.epoch))

    @property
    def epoch(self) -> int:
        return len(self.folder.usable)

    @property
    def description(self) -> Mapping[str, Any]:
        return {"kind": self.kind, "pictures": self.epoch, "stain": self.options.stain}

    @property
    def contents(self) -> Sequence[kit.Contents]:
        return [self.folder.contents]

    def sample(self, seed: int, position: int) -> Arrays:
        return self._pair(self.folder.usable[self.order.at(seed, position)], generator_at(seed, position))

    def probe(self, folder: Path) -> Any:
        def pair(paths: Mapping[str, Path]) -> Arrays:
            made = self._pair(paths["clean"], np.random.default_rng(0))
            return {key: picture[None] for key, picture in made.items()}

        return probe_batches(by_role(folder, ("clean",)), pair)

    def verify(self) -> Findings:
        return examine(self.folder.usable, self.channels)

    def _pair(self, path: Path, random: np.random.Generator) -> Arrays:
        pixels, side = read_levels(path, self.channels), self.options.crop
        top, left = (int(random.integers(0, size - side + 1)) for size in pixels.shape[:2])
        target = to_unit(pixels[top : top + side, left : left + side])
        source, stain = target.copy(), min(self.options.stain, side)
        top, left = (int(random.integers(0, side - stain + 1)) for _ in range(2))
        source[top : top + stain, left : left + stain] *= random.uniform(0, 0.5)
        return {"source": source, "target": target}


class Stained(kit.DataKind):
    """Pictures with stains, and the same without."""

    keys = ("source", "target")
    Options = StainedOptions

    def reader(self, geometry: kit.Geometry) -> StainedReader:
        return StainedReader(self.options, geometry)

    @classmethod
    def random_batch(
        cls, random: np.random.Generator, images: int, side: int, geometry: kit.Geometry, data: Mapping[str, Any]
    ) -> Arrays:
        shape = (images, side, side, geometry.channels)
        return {key: random.uniform(-1, 1, shape).astype(np.float32) for key in cls.keys}


@kit.hookimpl
def register_data_kinds(register: Any) -> None:
    register(Stained)
