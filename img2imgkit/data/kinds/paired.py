"""Data kind ``paired``: sources and their targets, in two folders or side by side in one picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from img2imgkit.config import Location
from img2imgkit.data.cache import PictureCache, Pictures
from img2imgkit.data.example_pictures import write_pictures
from img2imgkit.data.folders import PictureFolder, examine, overlapping, scan
from img2imgkit.data.framing import FramedOptions, Framing, Size, jittered
from img2imgkit.data.matching import MatchedOptions, fitting, match_by_name
from img2imgkit.data.order import Order, generator_at
from img2imgkit.data.picture_files import decoded, levels_of, source_of
from img2imgkit.data.probe_folder import by_role, probe_batches
from img2imgkit.data_kind import Arrays, Contents, DataKind, Findings, OptionProblems, Reader, noise_pair
from img2imgkit.errors import DataError
from img2imgkit.images import Picture, to_unit
from img2imgkit.task import Geometry


class PairedOptions(MatchedOptions, FramedOptions):
    """Sources and their targets: two folders with matching names, or one folder of side-by-side pictures."""

    matched: ClassVar[tuple[str, ...]] = ("source", "target")

    kind: Literal["paired"] = Field(description="pictures and their targets")
    source: Annotated[Path, Location()] | None = Field(default=None, description="folder of sources")
    target: Annotated[Path, Location()] | None = Field(
        default=None, description="folder of targets, with the names of their sources, or as 'names' states"
    )
    folder: Annotated[Path, Location()] | None = Field(
        default=None, description="instead of both: folder of side-by-side pictures, A on the left and B on the right"
    )
    direction: Literal["a_to_b", "b_to_a"] = Field(
        default="a_to_b", description="which half of a side-by-side picture is the source"
    )

    def data_problems(self, geometry: Geometry) -> OptionProblems:
        found = [*super().data_problems(geometry), *self.name_problems()]
        if self.folder is None:
            found += [
                (name, "is required unless 'folder' is stated")
                for name in ("source", "target")
                if getattr(self, name) is None
            ]
            if self.direction == "b_to_a":
                found.append(("direction", "applies to side-by-side pictures only; swap 'source' and 'target' instead"))
        elif self.source or self.target:
            found.append(("folder", "excludes 'source' and 'target'; state either 'folder' or both of them"))
        elif self.names or self.ignore_case:
            option = "names" if self.names else "ignore_case"
            found.append((option, "applies to 'source' and 'target' only; both halves have one name"))
        return found


class PairedReader(Reader):
    """The same crop of a source and its target."""

    options: PairedOptions

    def __init__(self, options: PairedOptions, geometry: Geometry) -> None:
        self.options = options
        self.framing = Framing.of(options, geometry)
        self.geometry = geometry
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.folders = self._scanned()
        self.pairs = self._usable()
        self.notes += self._wide()
        self._order = Order(max(1, len(self.pairs)))
        self._cache = PictureCache(options.cache)

    @property
    def epoch(self) -> int:
        return len(self.pairs)

    @property
    def description(self) -> Mapping[str, Any]:
        return {"kind": self.kind, "pairs": len(self.pairs)}

    @property
    def contents(self) -> Sequence[Contents]:
        return [folder.contents for folder in self.folders]

    def sample(self, seed: int, position: int) -> Arrays:
        random = generator_at(seed, position)
        number = self._order.at(seed, position)
        pair = self._cache.get(number, lambda: self._sized(self.pairs[number]))
        window = self.framing.window(random, pair[0])
        source, target = (to_unit(window.of(pixels)) for pixels in pair)
        if self.options.jitter:
            factors = self.options.jitter.factors(random)
            source, target = jittered(source, factors), jittered(target, factors)
        return {"source": source, "target": target}

    def verify(self) -> Findings:
        reads, writes = self.geometry.channels, self.geometry.written
        channels = [max(reads, writes)] if self.options.folder is not None else [reads, writes]
        examined = (examine(folder.usable, count) for folder, count in zip(self.folders, channels, strict=False))
        return sum(examined, Findings())

    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        """Centre-crop sources alone, those of ``source`` with ``target``, or side-by-side pictures as in training."""
        halved = self.options.folder is not None and not (folder / "source").is_dir()
        return probe_batches(
            by_role(folder, ("source", "target"), self.options.rule),
            lambda paths: self._probe_batch(tuple(paths.values()), halved),
        )

    def _scanned(self) -> list[PictureFolder]:
        options = self.options
        if options.folder is not None:
            return [scan("side by side", options.folder, self.problems)]
        roles = {"source": options.source, "target": options.target}
        stated = {title: root for title, root in roles.items() if root is not None}
        self.problems += overlapping(stated, options.names)
        folders = [scan(title, root, self.problems) for title, root in stated.items()]
        return fitting(folders, options.rule, self.problems, self.notes)

    def _wide(self) -> list[str]:
        """A note if side-by-side pictures seem to have three parts."""
        [folder, *_] = self.folders
        wide = [path for path, header in folder.headers.items() if header.width == 3 * header.height]
        if self.options.folder is None or not wide:
            return []
        what = f"{len(wide)} pictures are three times as wide as high; they are cut in the middle, not into thirds"
        return [f"{wide[0]}: {what}"]

    def _usable(self) -> list[tuple[Path, ...]]:
        """Return the files of each pair: two, or a single side-by-side picture."""
        return self.framing.fitting(self._complete(), self.options.batch, self.problems)

    def _complete(self) -> Iterator[tuple[str, Path, Size, tuple[Path, ...]]]:
        """Yield name, first file, size of the source, and files of each complete pair."""
        for name, paths in match_by_name(self.folders, self.problems, self.options.rule):
            width, height, _ = self.folders[0].headers[paths[0]]
            if self.options.folder and width % 2:
                self.problems.append(f"{paths[0]}: the width {width} is odd, so the picture has no two equal halves")
                continue
            yield name, paths[0], (width // 2 if self.options.folder else width, height), paths

    def _sized(self, paths: tuple[Path, ...]) -> Pictures:
        pair = self._read(paths, halved=self.options.folder is not None)
        return tuple(self.framing.sized(pixels) for pixels in pair)

    def _read(self, paths: tuple[Path, ...], halved: bool) -> Pictures:
        """Read source and target, or the source alone, at their original size."""
        pictures = [decoded(path) for path in paths]
        if halved:
            half = pictures[0].width // 2
            pictures = [_columns(pictures[0], 0, half), _columns(pictures[0], half, 2 * half)]
            if self.options.direction == "b_to_a":
                pictures.reverse()
        source, *target = pictures
        targets = (levels_of(paths[-1], picture, self.geometry.written) for picture in target)
        return source_of(paths[0], source, self.geometry), *targets

    def _probe_batch(self, paths: tuple[Path, ...], halved: bool) -> Arrays:
        pictures = self._read(paths, halved)
        size = (pictures[0].shape[1], pictures[0].shape[0])
        if problem := self.framing.problem(size):
            raise DataError(f"{paths[0]}: {problem}")
        if any(pixels.shape[:2] != pictures[0].shape[:2] for pixels in pictures):
            raise DataError(f"{paths[0]}: is {size[0]}x{size[1]}, and its target has another size")
        middles = (self.framing.middle_of(pixels) for pixels in pictures)
        return dict(zip(("source", "target"), middles, strict=False))


def _columns(picture: Picture, first: int, last: int) -> Picture:
    alpha = None if picture.alpha is None else picture.alpha[:, first:last]
    return picture.with_pixels(picture.color[:, first:last], alpha)


class Paired(DataKind):
    """Pictures and their targets, which have the same size."""

    keys = ("source", "target")
    Options = PairedOptions

    def reader(self, geometry: Geometry) -> Reader:
        return PairedReader(self.options, geometry)

    @classmethod
    def random_batch(
        cls, random: np.random.Generator, images: int, side: int, geometry: Geometry, data: Mapping[str, Any]
    ) -> Arrays:
        return dict(zip(cls.keys, noise_pair(random, images, side, geometry), strict=True))

    @classmethod
    def write_example(cls, folder: Path, side: int) -> Mapping[str, Any]:
        sides = {name: str(write_pictures(folder / name, side, seed)) for seed, name in enumerate(cls.keys)}
        return {**sides, "preprocess": "crop", "crop": side, "batch": 2}
