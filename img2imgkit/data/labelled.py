"""Data kind ``labelled``: pictures of several domains, and which domain each shall be taken to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from img2imgkit.config import Location
from img2imgkit.data.cache import PictureCache
from img2imgkit.data.domains import attributed, domains_in
from img2imgkit.data.folders import by_role, probed, scan, undecodable
from img2imgkit.data.framing import resized_to
from img2imgkit.data.jitter import Jitter, jittered
from img2imgkit.data.options import ReaderOptions, Unsuited, enlarges, not_a_multiple
from img2imgkit.data.pictures import read_levels
from img2imgkit.data.reader import Arrays, Contents, Order, Reader, generator_at
from img2imgkit.errors import DataError
from img2imgkit.images import to_unit
from img2imgkit.task import DataKind, Geometry


class LabelledOptions(ReaderOptions):
    """Pictures of several domains: a subfolder each, or attributes in a file."""

    kind: Literal["labelled"] = Field(description="pictures of several domains")
    folder: Annotated[Path, Location()] = Field(
        description="folder of pictures; without 'attributes' it has a subfolder for each domain"
    )
    attributes: Annotated[Path, Location()] | None = Field(
        default=None, description="file of attributes as CelebA has it: names in one line, then a picture's 1 and -1"
    )
    selected: tuple[str, ...] = Field(
        default=(), description="which attributes, or domains, stand in labels, in this order; none: every subfolder"
    )
    center_crop: int | None = Field(
        default=178, ge=1, description="side of the square that is cut from the middle; null: the largest"
    )
    resize: int = Field(default=128, ge=1, description="side that the square is resized to")
    flip: bool = Field(default=True, description="mirror left and right at random")
    jitter: Jitter | None = Field(default=None, description="change colours at random; null: not at all")
    batch: int = Field(default=16, ge=1, description="images in a global batch, over all devices")

    def unsuited(self, geometry: Geometry) -> Unsuited:
        found = enlarges(self.kind, geometry)
        if problem := not_a_multiple(self.resize, geometry):
            found.append(("resize", problem))
        if self.attributes and not self.selected:
            found.append(("selected", "is required with 'attributes': the names of those that labels hold"))
        if len(set(self.selected)) < len(self.selected):
            found.append(("selected", "names one twice"))
        return found


class LabelledReader(Reader):
    """A square of a picture, its label, and the label of some other picture."""

    kind: ClassVar[DataKind] = "labelled"
    options: LabelledOptions

    def __init__(self, options: LabelledOptions, geometry: Geometry) -> None:
        self.options, self.channels = options, geometry.channels
        self.problems: list[str] = []
        self.notes: list[str] = []
        labels = self._by_attribute() if options.attributes else self._by_folder()
        self.pictures = list(labels)
        self.labels = np.asarray(list(labels.values()), np.float32)
        self._order = Order(max(1, len(labels)))
        self._cache = PictureCache(options.cache)

    @property
    def description(self) -> Mapping[str, Any]:
        return {"kind": self.kind, "pictures": len(self.pictures), "domains": list(self.domains)}

    @property
    def contents(self) -> Sequence[Contents]:
        return [folder.contents for folder in self.folders]

    def sample(self, seed: int, position: int) -> Arrays:
        """One picture.

        Shapes:
            source: (H, W, C) float32 in [-1, 1]
            label: (domains,) float32, 1 where the picture is in the domain, else 0
            target_label: the same, of a picture drawn at random
        """
        random = generator_at(seed, position)
        number = self._order.at(seed, position)
        path = self.pictures[number]
        [pixels] = self._cache.get(path, lambda: (self._square(path),))
        target_label = self.labels[random.integers(len(self.labels))]
        mirrored = self.options.flip and random.random() < 0.5
        source = to_unit(pixels[:, ::-1] if mirrored else pixels)
        if self.options.jitter:
            source = jittered(source, self.options.jitter.factors(random))
        return {"source": source, "label": self.labels[number], "target_label": target_label}

    def verify(self) -> list[str]:
        return undecodable(self.pictures, self.channels)

    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        """The squares of the pictures in ``folder``; there is no truth."""
        pictures = by_role(folder, ("source",))
        return probed(pictures, lambda paths: {"source": to_unit(self._square(paths["source"]))[None]})

    def _by_folder(self) -> dict[Path, tuple[float, ...]]:
        options = self.options
        self.folders = domains_in(options.folder, options.selected, self.problems, self.notes)
        self.domains = tuple(folder.title for folder in self.folders)
        rows = np.eye(len(self.folders)).tolist()
        labels = {path: tuple(row) for folder, row in zip(self.folders, rows, strict=True) for path in folder.usable}
        return {path: label for path, label in labels.items() if self._is_large_enough(path)}

    def _by_attribute(self) -> dict[Path, tuple[float, ...]]:
        assert self.options.attributes is not None
        folder = scan("source", self.options.folder, self.problems)
        self.folders, self.domains = [folder], self.options.selected
        labels = attributed(self.options.attributes, self.domains, folder, self.problems, self.notes)
        return {path: label for path, label in labels.items() if self._is_large_enough(path)}

    def _is_large_enough(self, path: Path) -> bool:
        width, height, _ = next(folder.headers[path] for folder in self.folders if path in folder.headers)
        problem = self._problem(width, height)
        if problem:
            self.problems.append(f"{path}: {problem}")
        return problem is None

    def _problem(self, width: int, height: int) -> str | None:
        side = self.options.center_crop
        return f"{width}x{height} is smaller than a crop of {side}" if side and min(width, height) < side else None

    def _square(self, path: Path) -> np.ndarray:
        """The middle of a picture at the size of training, by the steps and filters of StarGAN's official code."""
        pixels = read_levels(path, self.channels)
        height, width = pixels.shape[:2]
        if problem := self._problem(width, height):
            raise DataError(f"{path}: {problem}")
        side = self.options.center_crop or min(height, width)
        top, left = round((height - side) / 2), round((width - side) / 2)
        size = (self.options.resize, self.options.resize)
        return resized_to(pixels[top : top + side, left : left + side], size, "bilinear")
