"""``write``: write pictures to a folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field

from img2imgkit.config import Config, Location
from img2imgkit.errors import ConfigError, Problem
from img2imgkit.images import EncodeOptions, encode, format_of, max_side, suffix_for, writable
from img2imgkit.item import Entry, Item
from img2imgkit.step import Planning, Rendering, Sink
from img2imgkit.steps.naming import Template

FALLBACK = "PNG"


class Write(Sink):
    """Write pictures to a folder, atomically, skipping those that are up to date.

    The name template can contain {relpath} (folder below the input), {stem}, {ext}, {index}, {task}, {model}, {scale},
    {width}, {height}, and the fields of steps that produce several outputs per picture, such as {domain}. ``.{ext}`` is
    appended unless the template ends in the suffix of a picture format.
    """

    name = "write"

    class Options(EncodeOptions):
        """Where and how to write pictures."""

        folder: Annotated[Path, Location()] = Field(description="The output folder; created if it does not exist.")
        name: str = Field("{relpath}/{stem}", min_length=1, description="The template of names below the folder.")
        format: Literal["same", "avif", "bmp", "gif", "jpeg", "jpeg2000", "png", "ppm", "tga", "tiff", "webp"] = Field(
            "same", description="The format; 'same' is the input's, or PNG if that cannot be written."
        )
        if_exists: Literal["resume", "overwrite", "skip", "error"] = Field(
            "resume",
            description="What to do if targets exist: 'resume' remakes missing and outdated files and refuses files "
            "that were not written by this tool; 'overwrite' remakes all; 'skip' keeps existing ones; 'error' refuses.",
        )

    def __init__(self, options: Config | None = None) -> None:
        super().__init__(options)
        self.template = Template(self.options.name)
        self._suffix_format = _format_of_suffix(self.options.name)
        self.if_exists = self.options.if_exists
        self._facts: dict[str, str | int] = {}

    def recipe(self) -> dict[str, Any]:
        """Return the options without those that do not change a file's bytes."""
        stated: dict[str, Any] = self.options.model_dump(mode="json", exclude={"folder", "if_exists"})
        return stated

    def prepare(self, planning: Planning) -> None:
        self._facts = dict(planning.facts)
        found = self.template.problems(planning.facts, planning.complete, planning.variants)
        problems = [Problem(text, "name") for text in found]
        stated = self._suffix_format
        if stated and self.options.format != "same" and stated != self.options.format.upper():
            problems.append(
                Problem(f"the name has a suffix of {stated}, but the format is {self.options.format}", "name")
            )
        if self.options.folder.exists() and not self.options.folder.is_dir():
            problems.append(Problem(f"{self.options.folder}: is a file, not a folder", "folder"))
        if problems:
            raise ConfigError(*problems)

    def location(self) -> str:
        return str(self.options.folder)

    def target(self, entry: Entry) -> PurePosixPath:
        return self._named(entry, {})

    def max_side(self, entry: Entry) -> int | None:
        return max_side(self.format_for(entry))

    def render(self, item: Item) -> Rendering:
        size = {"width": item.picture.width, "height": item.picture.height}
        encoded = encode(item.picture, self.format_for(item.entry), self.options)
        notes = {"written": encoded.mode, **_encoding_note(encoded.notes)}
        return Rendering(self._named(item.entry, size), encoded.data, notes)

    def format_for(self, entry: Entry) -> str:
        """Return the output format of an entry, as Pillow names it: by the template, the option, or the input."""
        if self._suffix_format:
            return self._suffix_format
        if self.options.format != "same":
            chosen: str = self.options.format.upper()
            return chosen
        found = format_of(entry.relative)
        return found if found in writable() else FALLBACK

    def _named(self, entry: Entry, size: dict[str, int]) -> PurePosixPath:
        format = self.format_for(entry)
        same = format_of(entry.relative) == format
        extension = (entry.relative.suffix if same else suffix_for(format)).lstrip(".")
        name = self.template.fill(entry, {**self._facts, **size}, extension)
        if self._suffix_format or "ext" in self.template.fields:
            return name
        return name.with_name(f"{name.name}.{extension}")


def _format_of_suffix(template: str) -> str | None:
    """Return the format of the template's suffix, or None if it has none of a writable format."""
    found = format_of(Path(template.rpartition("/")[2]))
    return found if found in writable() else None


def _encoding_note(notes: tuple[str, ...]) -> dict[str, str]:
    return {"encoding": "; ".join(notes)} if notes else {}
