"""Data kind ``unpaired``: pictures of two domains, without pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from img2imgkit.config import Location
from img2imgkit.data.cache import PictureCache
from img2imgkit.data.example_pictures import write_pictures
from img2imgkit.data.folders import PictureFolder, examine, overlapping, scan
from img2imgkit.data.framing import FramedOptions, Framing, jittered
from img2imgkit.data.order import Order, generator_at
from img2imgkit.data.picture_files import read_levels, read_source
from img2imgkit.data.probe_folder import by_role, probe_batches
from img2imgkit.data_kind import Arrays, Contents, DataKind, Findings, OptionProblems, Reader, noise_pair
from img2imgkit.errors import DataError
from img2imgkit.images import to_unit
from img2imgkit.task import Geometry


class UnpairedOptions(FramedOptions):
    """The pictures of two domains."""

    kind: Literal["unpaired"] = Field(description="pictures of two domains")
    a: Annotated[Path, Location()] | None = Field(default=None, description="folder of pictures of the first domain")
    b: Annotated[Path, Location()] | None = Field(default=None, description="folder of pictures of the second domain")
    folder: Annotated[Path, Location()] | None = Field(
        default=None, description="instead of both: folder with the domains as subfolders trainA and trainB"
    )

    def data_problems(self, geometry: Geometry) -> OptionProblems:
        found = super().data_problems(geometry)
        if self.folder is None:
            missing = [name for name in ("a", "b") if getattr(self, name) is None]
            found += [(name, "is required unless 'folder' is stated") for name in missing]
        elif self.a or self.b:
            found.append(("folder", "excludes 'a' and 'b'; state either 'folder' or both of them"))
        return found

    @property
    def domains(self) -> Mapping[str, Path]:
        """The folders of both domains."""
        if self.folder is not None:
            return {"a": self.folder / "trainA", "b": self.folder / "trainB"}
        return {name: root for name, root in (("a", self.a), ("b", self.b)) if root is not None}


class UnpairedReader(Reader):
    """A crop of a picture of each domain. The orders of the domains are independent, so all combinations occur."""

    options: UnpairedOptions

    def __init__(self, options: UnpairedOptions, geometry: Geometry) -> None:
        self.options = options
        self.framing = Framing.of(options, geometry)
        self.geometry = geometry
        self.problems: list[str] = overlapping(options.domains)
        self.folders = {name: scan(name, root, self.problems) for name, root in options.domains.items()}
        self.notes = [
            f"{folder.root}: contains only one picture" for folder in self.folders.values() if len(folder.paths) == 1
        ]
        self.pictures = {name: self._usable(folder) for name, folder in self.folders.items()}
        self._orders = {name: Order(max(1, len(paths)), n) for n, (name, paths) in enumerate(self.pictures.items())}
        self._cache = PictureCache(options.cache)

    @property
    def epoch(self) -> int:
        return max(map(len, self.pictures.values()))

    @property
    def description(self) -> Mapping[str, Any]:
        return {"kind": self.kind, **{name: len(paths) for name, paths in self.pictures.items()}}

    @property
    def contents(self) -> Sequence[Contents]:
        return [folder.contents for folder in self.folders.values()]

    def sample(self, seed: int, position: int) -> Arrays:
        random = generator_at(seed, position)
        return {name: self._crop(name, seed, position, random) for name in ("a", "b")}

    def verify(self) -> Findings:
        a, b = self.folders.values()
        return examine(a.usable, self.geometry.channels) + examine(b.usable, self.geometry.written)

    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        """Centre-crop the pictures of ``folder``, or of ``a`` in it, with targets of the same names in ``b``."""
        if (folder / "testA").is_dir():
            raise DataError(f"probe {folder}: contains a folder for each domain; state the one to translate, testA")
        keys = {"a": "source", "b": "target"}
        return probe_batches(
            by_role(folder, ("a", "b")),
            lambda paths: {keys[role]: self._probe_image(role, path) for role, path in paths.items()},
        )

    def _usable(self, folder: PictureFolder) -> list[Path]:
        found = ((path.name, path, header[:2], path) for path, header in folder.headers.items())
        return self.framing.fitting(found, self.options.batch, self.problems)

    def _crop(self, name: str, seed: int, position: int, random: np.random.Generator) -> np.ndarray:
        number = self._orders[name].at(seed, position)
        path = self.pictures[name][number]
        [pixels] = self._cache.get(path, lambda: (self.framing.sized(self._read(name, path)),))
        unit = to_unit(self.framing.window(random, pixels).of(pixels))
        return jittered(unit, self.options.jitter.factors(random)) if self.options.jitter else unit

    def _read(self, role: str, path: Path) -> np.ndarray:
        return read_source(path, self.geometry) if role == "a" else read_levels(path, self.geometry.written)

    def _probe_image(self, role: str, path: Path) -> np.ndarray:
        pixels = self._read(role, path)
        if problem := self.framing.problem((pixels.shape[1], pixels.shape[0])):
            raise DataError(f"{path}: {problem}")
        return self.framing.middle_of(pixels)


class Unpaired(DataKind):
    """Pictures of two domains, without pairs."""

    keys = ("a", "b")
    Options = UnpairedOptions

    def reader(self, geometry: Geometry) -> Reader:
        return UnpairedReader(self.options, geometry)

    @classmethod
    def random_batch(
        cls, random: np.random.Generator, images: int, side: int, geometry: Geometry, data: Mapping[str, Any]
    ) -> Arrays:
        return dict(zip(cls.keys, noise_pair(random, images, side, geometry), strict=True))

    @classmethod
    def write_example(cls, folder: Path, side: int) -> Mapping[str, Any]:
        domains = {name: str(write_pictures(folder / name, side, seed)) for seed, name in enumerate(cls.keys)}
        return {**domains, "preprocess": "crop", "crop": side, "batch": 2}
