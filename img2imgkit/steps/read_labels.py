"""``read-labels``: the label maps of a folder, with or without instance maps."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from glob import escape
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from img2imgkit.config import Config, Location
from img2imgkit.data.headers import header
from img2imgkit.data.label_maps import read_ids
from img2imgkit.data.palettes import Palette, drawn, read_palette
from img2imgkit.errors import ConfigError, DataError, DecodeError, Problem
from img2imgkit.images import Picture, is_image
from img2imgkit.item import Entry, Item
from img2imgkit.step import Planning
from img2imgkit.steps.read import FolderSource


class ReadLabels(FolderSource):
    """Read label maps from a folder, in natural order, or one label map: pictures whose pixels are class ids.

    The levels of grey pictures are ids; colours are looked up in ``palette``. For a picture with its own palette, the
    colours are looked up if all of them are in ``palette``; otherwise its indices are ids. The following steps see a
    drawing of the map; models for label maps receive the ids.
    """

    name = "read-labels"

    class Options(FolderSource.Options):
        """Where to read label maps, and the meaning of their colours."""

        palette: Annotated[Path, Location()] | None = Field(
            None,
            description="A YAML file with the classes in order of their ids, `road: [128, 64, 128]`: for maps in "
            "colour, for drawings, and for class names.",
        )
        instances: Annotated[Path, Location()] | None = Field(
            None, description="A folder of instance maps, with an id for each object, named like the label maps."
        )

    def __init__(self, options: Config | None = None) -> None:
        super().__init__(options)
        self._palette: Palette | None = None

    def recipe(self) -> dict[str, Any]:
        """Return the place of the instance maps relative to the label maps: both may be moved together."""
        return {**super().recipe(), "instances": self._instances_place()}

    def _instances_place(self) -> str | None:
        if self.options.instances is None:
            return None
        try:
            return Path(os.path.relpath(self.options.instances, self.location())).as_posix()
        except ValueError:  # on another drive
            return str(self.options.instances)

    def fingerprint(self) -> Mapping[str, Any]:
        """The content of the palette."""
        return {"palette": self._palette.stated()} if self._palette else {}

    def facts(self) -> Mapping[str, str | int]:
        """``palette``: the file, for later steps that use class names."""
        return {} if self.options.palette is None else {"palette": str(self.options.palette)}

    def maps(self, before: frozenset[str]) -> frozenset[str]:
        return frozenset({"label"} if self.options.instances is None else {"label", "instance"})

    def prepare(self, planning: Planning) -> None:
        super().prepare(planning)
        instances = self.options.instances
        if instances is not None and not instances.is_dir():
            raise ConfigError(Problem(f"{instances}: no such folder", "instances"))
        self._palette = palette_of(self.options.palette)

    def find(self, ignored: Counter[str]) -> Iterator[Entry]:
        entries = super().find(ignored)
        return entries if self.options.instances is None else map(self._with_instances, entries)

    def load(self, entry: Entry) -> Item:
        try:
            label = self._label(entry.path)
            maps = {"label": label}
            if self.options.instances is not None:
                maps["instance"] = self._instances(entry, label)
        except DataError as error:
            raise DecodeError(str(error)) from error
        picture = Picture(drawn(label, self._palette))
        return Item.still(entry, picture, maps=maps)

    def _label(self, path: Path) -> np.ndarray:
        _require_regular_file(path)
        mode, limit = header(path).mode, self.options.max_pixels
        if self._palette is None or not mode.startswith(("RGB", "P")):
            return read_ids(path, max_pixels=limit)
        if mode != "P":
            return read_ids(path, self._palette, limit)
        indices = read_ids(path, max_pixels=limit)
        try:
            ids = read_ids(path, self._palette, limit)
        except DataError:
            return indices
        equal = np.array_equal(drawn(indices, self._palette), drawn(ids, self._palette))
        return indices if equal else ids  # indices distinguish classes of the same colour

    def _instances(self, entry: Entry, label: np.ndarray) -> np.ndarray:
        path = self._instance_path(entry)
        _require_regular_file(path)
        instances = read_ids(path, max_pixels=self.options.max_pixels)
        if instances.shape != label.shape:
            sizes = [f"{ids.shape[1]}x{ids.shape[0]}" for ids in (instances, label)]
            raise DataError(f"{path} is {sizes[0]} pixels, but its label map is {sizes[1]}")
        return instances

    def _instance_path(self, entry: Entry) -> Path:
        """Return the file of the same name, or else the only one that differs just in its suffix."""
        path: Path = self.options.instances / entry.relative
        if path.exists():
            return path
        others = [other for other in path.parent.glob(f"{escape(path.stem)}.*") if is_image(other)]
        return others[0] if len(others) == 1 else path

    def _with_instances(self, entry: Entry) -> Entry:
        """Return the entry with the total size and the versions of both files, so that it changes with either."""
        path = self._instance_path(entry)
        try:
            found = path.stat()
            version = self.version(str(path), found)
        except OSError:
            return entry  # loading reports it
        return replace(entry, size=entry.size + found.st_size, version=f"{entry.version}+{version}")


def palette_of(path: Path | None) -> Palette | None:
    """Return the palette of an option named ``palette``. Raises ConfigError."""
    try:
        return None if path is None else read_palette(path)
    except DataError as error:
        raise ConfigError(Problem(str(error), "palette")) from error


def _require_regular_file(path: Path) -> None:
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if not path.is_file():  # opening a pipe would block forever
        raise DataError(f"{path}: is not a regular file")
