"""Data kind ``semantic``: label maps, optional instance maps, and the photographs that they annotate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from img2imgkit.config import Location
from img2imgkit.data.cache import PictureCache, Pictures
from img2imgkit.data.example_pictures import write_label_maps, write_pictures
from img2imgkit.data.folders import examine, findings_in, overlapping, scan
from img2imgkit.data.framing import FramedOptions, Framing, jittered
from img2imgkit.data.label_maps import checked, left_out_of_map, read_ids, resized_ids
from img2imgkit.data.matching import MatchedOptions, fitting, match_by_name
from img2imgkit.data.order import Order, generator_at
from img2imgkit.data.palettes import Palette, read_palette
from img2imgkit.data.picture_files import read_levels
from img2imgkit.data.probe_folder import by_role, probe_batches
from img2imgkit.data_kind import Arrays, Contents, DataKind, Findings, OptionProblems, Reader, noise
from img2imgkit.errors import DataError
from img2imgkit.images import to_unit
from img2imgkit.task import Geometry

_BLOCK = 4  # side of the class regions in a random batch, in pixels


class SemanticOptions(MatchedOptions, FramedOptions):
    """Label maps and photographs with matching names."""

    matched: ClassVar[tuple[str, ...]] = ("label", "instance", "target")

    kind: Literal["semantic"] = Field(description="label maps and photographs")
    label: Annotated[Path, Location()] = Field(description="folder of label maps")
    target: Annotated[Path, Location()] = Field(description="folder of photographs, with the names of their label maps")
    instance: Annotated[Path, Location()] | None = Field(
        default=None, description="folder of instance maps, with a unique 8- or 16-bit id per object"
    )
    classes: int = Field(ge=1, le=255, description="number of classes; ids are 0 to classes - 1")
    unknown: int | None = Field(
        default=None,
        ge=0,
        description="id of pixels without class, such as 255; it is replaced by the id 'classes'",
    )
    palette: Annotated[Path, Location()] | None = Field(
        default=None, description="YAML file of name: [red, green, blue] in the order of ids, for label maps in colour"
    )

    def data_problems(self, geometry: Geometry) -> OptionProblems:
        found = [*super().data_problems(geometry), *self.name_problems()]
        if geometry.channels != 1:
            found.append(("kind", f"label maps have 1 channel, but this task reads {geometry.channels}"))
        if self.unknown is not None and self.unknown < self.classes:
            message = f"{self.unknown} is the id of a class; state an id of at least {self.classes}, or leave it out"
            found.append(("unknown", message))
        ids = self.classes + (self.unknown is not None)
        if geometry.ids is not None and ids != geometry.ids:
            known = geometry.ids - geometry.unknown
            more = " and 'unknown'" if geometry.unknown else ""
            found.append(
                ("classes", f"the task has {known} classes{more}, but the data have {self.classes}{self._more}")
            )
        return found

    @property
    def _more(self) -> str:
        return " and 'unknown'" if self.unknown is not None else ""


class SemanticReader(Reader):
    """The same crop of a label map, its instance map and its photograph."""

    options: SemanticOptions

    def __init__(self, options: SemanticOptions, geometry: Geometry) -> None:
        self.options, self.channels = options, geometry.written
        self.framing = Framing.of(options, geometry)
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.palette = self._palette()
        stated = {"label": options.label, "target": options.target, "instance": options.instance}
        roots = {title: root for title, root in stated.items() if root is not None}
        self.problems += overlapping(roots, options.names)
        folders = [scan(title, root, self.problems) for title, root in roots.items()]
        self.folders = fitting(folders, options.rule, self.problems, self.notes)
        self.scenes = self._usable()
        self._order = Order(max(1, len(self.scenes)))
        self._cache = PictureCache(options.cache)

    @property
    def epoch(self) -> int:
        return len(self.scenes)

    @property
    def description(self) -> Mapping[str, Any]:
        names = {"names": self.palette.names} if self.palette else {}
        about = {"classes": self.options.classes, "unknown": self.options.unknown is not None}
        instances = self.options.instance is not None
        return {"kind": self.kind, "scenes": len(self.scenes), "instances": instances, **about, **names}

    @property
    def contents(self) -> Sequence[Contents]:
        return [folder.contents for folder in self.folders]

    def sample(self, seed: int, position: int) -> Arrays:
        """Return a label map, its instance map and its photograph.

        Shapes:
            label: (H, W, 1) float32, ids from 0 to ``classes`` - 1, or ``classes`` for unknown pixels
            instance: (H, W, 1) float32, ids; 0 everywhere without instance maps
            target: (H, W, C) float32 in [-1, 1]
        """
        random = generator_at(seed, position)
        number = self._order.at(seed, position)
        label, target, *instance = self._cache.get(number, lambda: self._sized(self.scenes[number]))
        window = self.framing.window(random, label)
        photograph = to_unit(window.of(target))
        if self.options.jitter:
            photograph = jittered(photograph, self.options.jitter.factors(random))
        ids = window.of(label).astype(np.float32)
        objects = window.of(instance[0]).astype(np.float32) if instance else np.zeros_like(ids)
        return {"label": ids, "instance": objects, "target": photograph}

    def verify(self) -> Findings:
        label, target, *instance = self.folders
        # An unreadable palette is one problem; do not add every map.
        readable = self.palette is not None or self.options.palette is None
        found = findings_in(label.usable if readable else [], lambda path: _examined(path, self._label))
        found += examine(target.usable, self.channels)
        return sum((findings_in(each.usable, lambda path: _examined(path, read_ids)) for each in instance), found)

    def probe(self, folder: Path) -> list[tuple[str, Arrays]]:
        """Centre-crop the label maps of ``folder``, or of ``label`` in it, with those of ``instance`` and ``target``.

        Shapes:
            source, instance: (1, H, W, 1) float32, ids
        """
        return probe_batches(by_role(folder, ("label", "instance", "target"), self.options.rule), self._scene)

    def _palette(self) -> Palette | None:
        try:
            return read_palette(self.options.palette) if self.options.palette else None
        except DataError as error:
            self.problems.append(str(error))
            return None

    def _usable(self) -> list[tuple[Path, ...]]:
        headers = self.folders[0].headers
        scenes = match_by_name(self.folders, self.problems, self.options.rule)
        found = ((name, paths[0], headers[paths[0]][:2], paths) for name, paths in scenes)
        return self.framing.fitting(found, self.options.batch, self.problems)

    def _label(self, path: Path) -> np.ndarray:
        return checked(path, read_ids(path, self.palette), self.options.classes, self.options.unknown)

    def _sized(self, paths: tuple[Path, ...]) -> Pictures:
        """Read label map, target and instance map at the size that crops are taken from."""
        label, target, *instance = paths
        maps = [self._ids(self._label(label)).astype(np.uint8), *(self._ids(read_ids(path)) for path in instance)]
        return maps[0], self.framing.sized(read_levels(target, self.channels)), *maps[1:]

    def _ids(self, ids: np.ndarray) -> np.ndarray:
        return resized_ids(ids, self.framing.resized((ids.shape[1], ids.shape[0])))[..., None]

    def _scene(self, paths: Mapping[str, Path]) -> Arrays:
        ids = self._label(paths["label"])
        if problem := self.framing.problem((ids.shape[1], ids.shape[0])):
            raise DataError(f"{paths['label']}: {problem}")
        label = self._ids(ids).astype(np.uint8)
        middle = self.framing.middle(label)
        batch = {"source": middle.of(label)[None].astype(np.float32)}
        if "instance" in paths:
            batch["instance"] = middle.of(self._ids(read_ids(paths["instance"])))[None].astype(np.float32)
        if "target" in paths:
            batch["target"] = self.framing.middle_of(read_levels(paths["target"], self.channels))
        return batch


def _examined(path: Path, read: Callable[[Path], np.ndarray]) -> tuple[str, ...]:
    read(path)
    return left_out_of_map(path)


class Semantic(DataKind):
    """Label maps, optional instance maps, and the photographs that they annotate."""

    keys = ("label", "instance", "target")
    ids = ("label", "instance")
    label_maps = True
    picture_alone = False
    Options = SemanticOptions

    def reader(self, geometry: Geometry) -> Reader:
        return SemanticReader(self.options, geometry)

    @classmethod
    def random_batch(
        cls, random: np.random.Generator, images: int, side: int, geometry: Geometry, data: Mapping[str, Any]
    ) -> Arrays:
        """Return square regions of random classes, with two objects per class."""
        classes = geometry.ids or data["classes"]
        blocks = -(-side // _BLOCK)
        label, other = (
            random.integers(0, most, (images, blocks, blocks, 1)).repeat(_BLOCK, 1).repeat(_BLOCK, 2)
            for most in (classes, 2)
        )
        ids = {"label": label, "instance": 1000 * label + other}
        maps = {name: each[:, :side, :side].astype(np.float32) for name, each in ids.items()}
        return {**maps, "target": noise(random, images, side, geometry.written)}

    @classmethod
    def write_example(cls, folder: Path, side: int) -> Mapping[str, Any]:
        """Write label maps of three classes, and their photographs."""
        maps, photographs = write_label_maps(folder / "label", side, ids=3), write_pictures(folder / "target", side)
        paths = {"label": str(maps), "target": str(photographs)}
        return {**paths, "classes": 3, "preprocess": "crop", "crop": side, "batch": 2}
