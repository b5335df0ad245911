"""Data kind ``labelled``: pictures of several domains, each with a label to translate it to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from img2imgkit.config import Config, Location
from img2imgkit.data.cache import PictureCache
from img2imgkit.data.domains import LabelledPictures, labelled_pictures
from img2imgkit.data.example_pictures import write_pictures
from img2imgkit.data.folders import examine
from img2imgkit.data.framing import Jitter, jittered, resized_to, scale_problems, side_problem
from img2imgkit.data.order import Order, generator_at
from img2imgkit.data.picture_files import read_source
from img2imgkit.data.probe_folder import by_role, probe_batches
from img2imgkit.data_kind import Arrays, Contents, DataKind, Findings, OptionProblems, Reader, ReaderOptions, noise
from img2imgkit.errors import DataError
from img2imgkit.images import to_unit
from img2imgkit.task import Geometry


class LabelledSet(Config):
    """A set of pictures that share one set of domains or attributes."""

    folder: Annotated[Path, Location()] = Field(
        description="folder of pictures; without 'attributes', with a subfolder per domain"
    )
    attributes: Annotated[Path, Location()] | None = Field(
        default=None,
        description="attribute file, CSV or like CelebA's: a line of names, then a line per picture with its 1 and -1",
    )
    selected: tuple[str, ...] = Field(
        default=(), description="attributes or domains of the labels, in this order; empty: all subfolders"
    )


class LabelledOptions(LabelledSet, ReaderOptions):
    """Pictures of several domains: one subfolder per domain, or attributes in a file."""

    kind: Literal["labelled"] = Field(description="pictures of several domains")
    more: tuple[LabelledSet, ...] = Field(
        default=(), description="more sets of pictures, with labels of their own; batches alternate between the sets"
    )
    center_crop: int | None = Field(default=178, ge=1, description="side of the centre crop; null: the largest square")
    resize: int = Field(default=128, ge=1, description="side to which the crop is resized")
    flip: bool = Field(default=True, description="flip horizontally at random")
    jitter: Jitter | None = Field(default=None, description="random colour jitter; null: none")
    batch: int = Field(default=16, ge=1, description="images in a global batch, over all devices")

    def data_problems(self, geometry: Geometry) -> OptionProblems:
        found = scale_problems(self.kind, geometry)
        if problem := side_problem(self.resize, geometry):
            found.append(("resize", problem))
        for number, each in enumerate(self.sets):
            option = f"more.{number - 1}.selected" if number else "selected"
            if each.attributes and not each.selected:
                found.append((option, "is required with 'attributes'; list the attributes of the labels"))
            if len(set(each.selected)) < len(each.selected):
                found.append((option, "lists a name twice"))
        return found

    @property
    def sets(self) -> tuple[LabelledSet, ...]:
        """All sets of pictures, including the first."""
        return (LabelledSet(folder=self.folder, attributes=self.attributes, selected=self.selected), *self.more)


class LabelledReader(Reader):
    """A centre crop of a picture, its label, and the label of a random picture.

    All pictures of a global batch come from one set. Every set is used once per round, as in StarGAN's official code,
    but in random order, so that a player updated only in every n-th step sees all sets. Labels concatenate the
    domains of all sets; those of other sets are 0 (Choi et al. 2018, https://arxiv.org/abs/1711.09020, section 3.3).
    """

    options: LabelledOptions

    def __init__(self, options: LabelledOptions, geometry: Geometry) -> None:
        self.options, self.geometry = options, geometry
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.sets = [
            labelled_pictures(each.folder, each.attributes, each.selected, self.problems, self.notes)
            for each in options.sets
        ]
        self.pictures = [self._large_enough(each) for each in self.sets]
        self.labels = [self._labels(number) for number in range(len(self.sets))]
        self._orders = [Order(max(1, len(paths)), stream) for stream, paths in enumerate(self.pictures)]
        self._turns = Order(len(self.sets), len(self.sets))
        self._cache = PictureCache(options.cache)

    @property
    def epoch(self) -> int:
        batch = self.options.batch
        return len(self.sets) * batch * max(-(-len(paths) // batch) for paths in self.pictures)

    @property
    def description(self) -> Mapping[str, Any]:
        sets = [list(each.names) for each in self.sets]
        count = sum(map(len, self.pictures))
        return {
            "kind": self.kind,
            "pictures": count,
            "size": self.options.resize,
            "domains": [name for names in sets for name in names],
            "sets": sets,
        }

    @property
    def contents(self) -> Sequence[Contents]:
        return [folder.contents for each in self.sets for folder in each.folders]

    def sample(self, seed: int, position: int) -> Arrays:
        """Return a picture with its label and a target label.

        Shapes:
            source: (H, W, C) float32 in [-1, 1]
            label: (domains of all sets,) float32, 1 for the picture's domains, else 0
            target_label: the same, for a random picture of the same set
            label_set: () int32, the index of the set
        """
        random = generator_at(seed, position)
        step, row = divmod(position, self.options.batch)
        chosen = self._turns.at(seed, step)
        pictures, labels = self.pictures[chosen], self.labels[chosen]
        number = self._orders[chosen].at(seed, step // len(self.sets) * self.options.batch + row)
        path = pictures[number]
        [pixels] = self._cache.get(path, lambda: (self._square(path),))
        target_label = labels[random.integers(len(labels))]
        mirrored = self.options.flip and random.random() < 0.5
        source = to_unit(pixels[:, ::-1] if mirrored else pixels)
        if self.options.jitter:
            source = jittered(source, self.options.jitter.factors(random))
        of_set = np.asarray(chosen, np.int32)
        return {"source": source, "label": labels[number], "target_label": target_label, "label_set": of_set}

    def verify(self) -> Findings:
        return examine([path for paths in self.pictures for path in paths], self.geometry.channels)

    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        """Centre-crop the pictures of ``folder``; there are no targets."""
        pictures = by_role(folder, ("source",))
        return probe_batches(pictures, lambda paths: {"source": to_unit(self._square(paths["source"]))[None]})

    def _large_enough(self, found: LabelledPictures) -> list[Path]:
        """Return the pictures that are large enough for the crop; the others are added to ``problems``."""
        problems = {path: problem for path in found.labels if (problem := self._problem(*found.size(path)))}
        self.problems += [f"{path}: {problem}" for path, problem in problems.items()]
        return [path for path in found.labels if path not in problems]

    def _labels(self, number: int) -> np.ndarray:
        """Return the labels of a set's pictures. Shapes: (pictures, domains of all sets)."""
        widths = [len(each.names) for each in self.sets]
        before, own = sum(widths[:number]), widths[number]
        labels = np.zeros((len(self.pictures[number]), sum(widths)), np.float32)
        for row, path in enumerate(self.pictures[number]):
            labels[row, before : before + own] = self.sets[number].labels[path]
        return labels

    def _problem(self, width: int, height: int) -> str | None:
        side = self.options.center_crop
        return f"{width}x{height} is smaller than the crop of {side}" if side and min(width, height) < side else None

    def _square(self, path: Path) -> np.ndarray:
        """Centre-crop and resize a picture as StarGAN's official code does."""
        pixels = read_source(path, self.geometry)
        height, width = pixels.shape[:2]
        if problem := self._problem(width, height):
            raise DataError(f"{path}: {problem}")
        side = self.options.center_crop or min(height, width)
        top, left = round((height - side) / 2), round((width - side) / 2)
        size = (self.options.resize, self.options.resize)
        return resized_to(pixels[top : top + side, left : left + side], size, "bilinear")


class Labelled(DataKind):
    """Pictures of several domains, each with its label and a label to translate it to."""

    keys = ("source", "label", "target_label", "label_set")
    picture_alone = False
    example_fields: ClassVar[Mapping[str, str]] = {"sets": "the names of the domains, one list per set"}
    Options = LabelledOptions

    def reader(self, geometry: Geometry) -> Reader:
        return LabelledReader(self.options, geometry)

    @classmethod
    def random_batch(
        cls, random: np.random.Generator, images: int, side: int, geometry: Geometry, data: Mapping[str, Any]
    ) -> Arrays:
        """Each label has one domain; samples alternate between the sets. ``data`` may state the pictures' ``size``."""
        sets, size = data["sets"], data.get("size", side)
        chosen = (np.arange(images) % len(sets)).astype(np.int32)
        first = np.cumsum([0, *map(len, sets)])
        domains = np.eye(first[-1], dtype=np.float32)

        def labels() -> np.ndarray:
            numbers = [int(first[each] + random.integers(len(sets[each]))) for each in chosen]
            return np.asarray(domains[numbers])

        source = noise(random, images, size, geometry.channels)
        return {"source": source, "label": labels(), "target_label": labels(), "label_set": chosen}

    @classmethod
    def write_example(cls, folder: Path, side: int) -> Mapping[str, Any]:
        for seed, name in enumerate(("dark", "light")):
            write_pictures(folder / name, side, seed)
        return {"folder": str(folder), "center_crop": None, "resize": side, "batch": 2}
