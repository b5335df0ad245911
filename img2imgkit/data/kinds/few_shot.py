"""Data kind ``few_shot``: a content picture, and a picture of the class to translate it to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from img2imgkit.config import Location
from img2imgkit.data.cache import PictureCache
from img2imgkit.data.domains import domains_in
from img2imgkit.data.example_pictures import write_pictures
from img2imgkit.data.folders import examine
from img2imgkit.data.framing import Framing, Jitter, Size, jittered, resized_to, scale_problems, side_problem
from img2imgkit.data.order import Order, generator_at
from img2imgkit.data.picture_files import read_source
from img2imgkit.data.probe_folder import by_role, probe_batches
from img2imgkit.data_kind import Arrays, Contents, DataKind, Findings, OptionProblems, Reader, ReaderOptions, noise
from img2imgkit.images import to_unit
from img2imgkit.task import Geometry


class FewShotOptions(ReaderOptions):
    """Pictures of many classes, one subfolder per class."""

    kind: Literal["few_shot"] = Field(description="pictures of many classes")
    folder: Annotated[Path, Location()] = Field(description="folder with a subfolder of pictures for each class")
    selected: tuple[str, ...] = Field(default=(), description="subfolders to use, in this order; empty: all")
    resize: int = Field(default=140, ge=1, description="shorter side of pictures before the crop")
    crop: int = Field(default=128, ge=1, description="height and width of a crop, a multiple of what the task requires")
    flip: bool = Field(default=True, description="flip horizontally at random")
    jitter: Jitter | None = Field(default=None, description="random colour jitter; null: none")
    batch: int = Field(default=16, ge=1, description="images in a global batch, over all devices")

    def data_problems(self, geometry: Geometry) -> OptionProblems:
        found = scale_problems(self.kind, geometry)
        if problem := side_problem(self.crop, geometry):
            found.append(("crop", problem))
        if self.crop > self.resize:
            found.append(("crop", f"{self.crop} is larger than 'resize' ({self.resize})"))
        if len(set(self.selected)) < len(self.selected):
            found.append(("selected", "lists a subfolder twice"))
        return found


class FewShotReader(Reader):
    """Crops of a content picture and a class picture, drawn independently from all classes."""

    options: FewShotOptions

    def __init__(self, options: FewShotOptions, geometry: Geometry) -> None:
        self.options, self.geometry = options, geometry
        self.framing = Framing("crop", options.resize, (options.crop, options.crop), options.flip)
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.classes = domains_in(options.folder, options.selected, self.problems, self.notes)
        self.pictures = [(path, number) for number, folder in enumerate(self.classes) for path in folder.usable]
        self._orders = [Order(max(1, len(self.pictures)), stream) for stream in (0, 1)]
        self._cache = PictureCache(options.cache)

    @property
    def epoch(self) -> int:
        return len(self.pictures)

    @property
    def description(self) -> Mapping[str, Any]:
        names = [folder.title for folder in self.classes]
        return {"kind": self.kind, "pictures": len(self.pictures), "size": self.options.crop, "classes": names}

    @property
    def contents(self) -> Sequence[Contents]:
        return [folder.contents for folder in self.classes]

    def sample(self, seed: int, position: int) -> Arrays:
        """Return a content picture and a class picture.

        Shapes:
            content, class: (H, W, C) float32 in [-1, 1]
            content_label, class_label: () int32, the indices of their classes
        """
        random = generator_at(seed, position)
        (content, content_label), (style, class_label) = (
            self._crop(order.at(seed, position), random) for order in self._orders
        )
        return {"content": content, "class": style, "content_label": content_label, "class_label": class_label}

    def verify(self) -> Findings:
        return examine([path for path, _ in self.pictures], self.geometry.channels)

    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        """Centre-crop the pictures of ``folder``, or of ``content`` in it, with those of ``class`` matched by name."""
        keys = {"content": "source", "class": "class"}
        return probe_batches(
            by_role(folder, ("content", "class")),
            lambda paths: {keys[role]: self.framing.middle_of(self._resized(path)) for role, path in paths.items()},
        )

    def _crop(self, number: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        path, label = self.pictures[number]
        [pixels] = self._cache.get(path, lambda: (self._resized(path),))
        unit = to_unit(self.framing.window(random, pixels).of(pixels))
        if self.options.jitter:
            unit = jittered(unit, self.options.jitter.factors(random))
        return unit, np.asarray(label, np.int32)

    def _resized(self, path: Path) -> np.ndarray:
        pixels = read_source(path, self.geometry)
        size = _shorter_side((pixels.shape[1], pixels.shape[0]), self.options.resize)
        return resized_to(pixels, size, "bilinear")


def _shorter_side(size: Size, side: int) -> Size:
    """Scale a size to a shorter side, keeping the aspect ratio and rounding down as torchvision does."""
    width, height = size
    return (side, side * height // width) if width <= height else (side * width // height, side)


class FewShot(DataKind):
    """Pictures of many classes: a content picture, and one of the class to translate it to."""

    keys = ("content", "class", "content_label", "class_label")
    picture_alone = False
    example_fields: ClassVar[Mapping[str, str]] = {"classes": "the names of the classes"}
    Options = FewShotOptions

    def reader(self, geometry: Geometry) -> Reader:
        return FewShotReader(self.options, geometry)

    @classmethod
    def random_batch(
        cls, random: np.random.Generator, images: int, side: int, geometry: Geometry, data: Mapping[str, Any]
    ) -> Arrays:
        """``data`` may state the pictures' ``size``."""
        size, classes = data.get("size", side), len(data["classes"])
        labels = random.integers(classes, size=(2, images)).astype(np.int32)
        content, style = (noise(random, images, size, geometry.channels) for _ in range(2))
        return {"content": content, "class": style, "content_label": labels[0], "class_label": labels[1]}

    @classmethod
    def write_example(cls, folder: Path, side: int) -> Mapping[str, Any]:
        for seed, name in enumerate(("dark", "light")):
            write_pictures(folder / name, side, seed)
        return {"folder": str(folder), "resize": side, "crop": side, "batch": 2}
