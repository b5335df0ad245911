"""``edit-objects``: remove, relabel, add and move objects of a label map before it is translated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pathspec import GitIgnoreSpec
from PIL import Image, ImageDraw
from pydantic import Field, model_validator

from img2imgkit.config import Config, Location, suggestion
from img2imgkit.data.palettes import MAX_ID, Palette, drawn
from img2imgkit.errors import ConfigError, Problem, TranslateError
from img2imgkit.files import read_bytes
from img2imgkit.images import decode, to_grey, to_rgb
from img2imgkit.item import Item
from img2imgkit.step import Planning, Resources, Transform
from img2imgkit.steps.layouts import Layout
from img2imgkit.steps.patterns import compile_patterns
from img2imgkit.steps.read_labels import palette_of

SURROUNDINGS = "surroundings"
ClassId = Annotated[int, Field(ge=0, le=MAX_ID)]
InstanceId = Annotated[int, Field(ge=0, lt=2**24)]  # integers that float32 represents exactly


class _Edit(Config):
    only: tuple[str, ...] = Field((), description="Only in pictures that match one of these .gitignore patterns.")


class _EditOfExisting(_Edit):
    instance: InstanceId | None = Field(None, description="The object, by its id in the instance map.")
    label: ClassId | str | None = Field(None, description="All pixels of a class, by its id or name.")

    @model_validator(mode="after")
    def _one(self) -> _EditOfExisting:
        if (self.instance is None) == (self.label is None):
            raise ValueError("state either instance or label")
        return self


class Remove(_EditOfExisting):
    """Remove objects."""

    action: Literal["remove"] = Field(description="Remove an object, or all pixels of a class.")
    fill: ClassId | str = Field(
        SURROUNDINGS, description="The class that replaces it; `surroundings`: the nearest pixel's class and object."
    )


class Relabel(_EditOfExisting):
    """Change the class of objects."""

    action: Literal["relabel"] = Field(description="Change the class of an object, or of all pixels of a class.")
    to: ClassId | str = Field(description="The new class.")


class Add(_Edit):
    """Add an object."""

    action: Literal["add"] = Field(description="Add an object.")
    label: ClassId | str = Field(description="Its class.")
    instance: InstanceId | Literal["auto"] = Field(
        "auto", description="Its id in the instance map; `auto`: a free id above the highest of its class."
    )
    box: tuple[int, int, int, int] | None = Field(None, description="Its shape: left, top, width and height.")
    polygon: tuple[tuple[int, int], ...] | None = Field(
        None, description="Its shape: corners [x, y], in pixels from the top left corner.", min_length=3
    )
    mask: Annotated[Path, Location()] | None = Field(
        None, description="Its shape: a picture of the map's size, bright and opaque where the object is."
    )

    @model_validator(mode="after")
    def _one(self) -> Add:
        if sum(shape is not None for shape in (self.box, self.polygon, self.mask)) != 1:
            raise ValueError("state the shape by exactly one of box, polygon and mask")
        if self.box is not None and min(self.box[2:]) < 1:
            raise ValueError("box: width and height must be at least 1")
        return self


class Move(_Edit):
    """Move an object."""

    action: Literal["move"] = Field(description="Move an object.")
    instance: InstanceId = Field(description="The object, by its id in the instance map.")
    by: tuple[int, int] = Field(description="The offset in pixels, to the right and down.")
    fill: ClassId | str = Field(
        SURROUNDINGS, description="The class of its old pixels; `surroundings`: the nearest pixel's class and object."
    )


Edit = Annotated[Remove | Relabel | Add | Move, Field(discriminator="action")]


class EditObjects(Transform):
    """Edit the label map and the instance map read by ``read-labels``, one edit after the other.

    Classes can be named if there is a palette. Object ids follow Cityscapes: 1000 times the class id plus a number.
    """

    name = "edit-objects"

    class Options(Config):
        """The edits, in order."""

        edits: tuple[Edit, ...] = Field(
            min_length=1,
            description="The edits, each with an `action`: `remove` (`instance` or `label`, `fill`), `relabel` "
            "(`instance` or `label`, `to`), `add` (`label`, `instance`, and `box`, `polygon` or `mask`), `move` "
            "(`instance`, `by`, `fill`). `only` restricts an edit to some pictures.",
        )
        missing: Literal["skip", "error"] = Field(
            "skip",
            description="If a picture lacks the object or class of an edit: skip that edit, or fail.",
        )
        palette: Annotated[Path, Location()] | None = Field(
            None, description="The file with the classes' names and colours; null: that of read-labels."
        )

    def __init__(self, options: Config | None = None) -> None:
        super().__init__(options)
        self._palette: Palette | None = None
        self._edits: tuple[tuple[Any, GitIgnoreSpec | None], ...] = ()
        self._masks: dict[Path, np.ndarray] = {}
        self._digests: dict[str, str] = {}

    def recipe(self) -> Mapping[str, Any]:
        """The edits. The content of the palette and of the masks is part of the fingerprint; their place is not."""
        stated: Mapping[str, Any] = self.options.model_dump(
            mode="json", exclude={"palette": True, "edits": {"__all__": {"mask"}}}
        )
        return stated

    def fingerprint(self) -> Mapping[str, Any]:
        """The content of the palette and of the masks."""
        return {
            **({"palette": self._palette.stated()} if self._palette else {}),
            **({"masks": dict(self._digests)} if self._digests else {}),
        }

    def prepare(self, planning: Planning) -> None:
        """Find the masks and the ids of named classes. Raises ConfigError for unknown files, patterns or classes."""
        stated = self.options.palette or planning.facts.get("palette")
        self._palette = palette_of(Path(str(stated))) if stated else None
        problems: list[Problem] = []
        edits = []
        for number, edit in enumerate(self.options.edits):
            resolved = self._with_ids(edit, f"edits.{number}", problems, planning.complete)
            edits.append((resolved, compile_patterns(f"edits.{number}.only", edit.only)))
            if isinstance(edit, Add) and edit.mask is not None:
                if edit.mask.is_file():
                    self._digests[str(number)] = hashlib.sha256(read_bytes(edit.mask)).hexdigest()
                else:
                    problems.append(Problem(f"{edit.mask}: no such file", f"edits.{number}.mask"))
        if problems:
            raise ConfigError(*problems)
        self._edits = tuple(edits)

    def open(self, resources: Resources) -> None:
        """Read the masks."""
        paths = (edit.mask for edit, _ in self._edits if isinstance(edit, Add) and edit.mask is not None)
        for path in paths:
            picture = decode(path)
            half = np.iinfo(picture.color.dtype).max // 2
            mask = to_grey(to_rgb(picture) if picture.space == "cmyk" else picture).color[..., 0] > half
            self._masks[path] = mask if picture.alpha is None else mask & (picture.alpha[..., 0] > half)

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def apply(self, item: Item) -> Item:
        """Return the item with edited maps and a new drawing. Its note "edited" counts edits and missing objects.

        Raises:
            TranslateError: it lacks a map, a mask has another size, or an object is missing and ``missing`` is "error".
        """
        if "label" not in item.maps:
            raise TranslateError(
                "edit-objects: there is no label map; read it with read-labels, and edit it before other steps"
            )
        layout, edited, missing = Layout(item.maps), 0, []
        for edit, only in self._edits:
            if only is not None and not only.match_file(str(item.entry.relative)):
                continue
            mask = self._mask(edit, layout)
            if mask.any():
                _apply_edit(edit, layout, mask)
                edited += 1
                continue
            missing.append(_missing(edit))
            if self.options.missing == "error":
                raise TranslateError(f"edit-objects: {missing[-1]}")
        if not (edited or missing):
            return item
        notes = {"edits": edited, **({"missing": "; ".join(missing)} if missing else {})}
        picture = item.picture.with_pixels(drawn(layout.label, self._palette), None, "rgb")
        return item.with_picture(picture, edited=notes).with_maps(layout.maps)

    def _mask(self, edit: Any, layout: Layout) -> np.ndarray:
        """Return the pixels that an edit affects."""
        if isinstance(edit, Add):
            return self._shape(edit, layout.label.shape)
        if edit.instance is None:
            return np.equal(layout.label, edit.label)
        if layout.instance is None:
            raise TranslateError("edit-objects: there is no instance map; set 'instances' of read-labels")
        return np.equal(layout.instance, edit.instance)

    def _shape(self, edit: Add, size: tuple[int, ...]) -> np.ndarray:
        if edit.mask is not None:
            mask = self._masks[edit.mask]
            if mask.shape != size:
                sizes = [f"{shape[1]}x{shape[0]}" for shape in (mask.shape, size)]
                raise TranslateError(f"edit-objects: {edit.mask} is {sizes[0]} pixels, but the label map is {sizes[1]}")
            return mask
        if edit.box is not None:
            left, top, width, height = edit.box
            mask = np.zeros(size, bool)
            mask[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = True
            return mask
        canvas = Image.new("L", (size[1], size[0]))
        ImageDraw.Draw(canvas).polygon(list(edit.polygon or ()), fill=1, outline=1)
        return np.asarray(canvas).astype(bool)

    def _with_ids(self, edit: Any, key: str, problems: list[Problem], complete: bool) -> Any:
        """Return the edit with ids in place of class names."""
        found: dict[str, int | None] = {}
        for field in ("label", "to", "fill"):
            name = getattr(edit, field, None)
            if field == "fill" and name == SURROUNDINGS:
                found[field] = None
            elif isinstance(name, str):
                ids = self._palette.ids if self._palette else {}
                found[field] = ids.get(name, 0)
                if not self._palette and complete:
                    problems.append(
                        Problem(f"class {name!r} is unknown: there is no palette; set 'palette'", f"{key}.{field}")
                    )
                elif name not in ids and complete:
                    message = f"the palette has no class {name!r}{suggestion(name, ids)}"
                    problems.append(Problem(message, f"{key}.{field}"))
        return edit.model_copy(update=found)


def _apply_edit(edit: Any, layout: Layout, mask: np.ndarray) -> None:
    if isinstance(edit, Remove):
        layout.fill(mask, edit.fill)  # type: ignore[arg-type]  # names have been replaced by ids
    elif isinstance(edit, Relabel):
        layout.relabel(mask, edit.to)  # type: ignore[arg-type]
    elif isinstance(edit, Move):
        layout.move(mask, edit.by, edit.fill)  # type: ignore[arg-type]
    elif isinstance(edit, Add):
        label: Any = edit.label
        layout.paint(mask, label, layout.free_instance(label) if edit.instance == "auto" else edit.instance)


def _missing(edit: Any) -> str:
    if isinstance(edit, Add):
        return "the added shape lies outside the picture"
    return f"no instance {edit.instance}" if edit.instance is not None else f"no pixel of class {edit.label}"
