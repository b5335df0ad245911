"""``write``: write pictures to a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field

from img2imgkit.config import Config, Location
from img2imgkit.errors import ConfigError, Problem
from img2imgkit.images import (
    EncodedFile,
    EncodeOptions,
    encode,
    encode_in_bands,
    format_of,
    max_side,
    suffix_for,
    writable,
)
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
        times: Literal["now", "keep"] = Field(
            "now", description="Modification times of the files: when they are written, or those of the inputs."
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
        self._facts: dict[str, str | int | None] = {}

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
        known = {**item.facts, "width": item.picture.width, "height": item.picture.height}
        format = self.format_for(item.entry)
        large = encode_in_bands(item.picture, format, self.options)
        encoded = large or encode(item.picture, format, self.options)
        modified, lost = self._modified(item.entry)
        notes = (*self._form_note(item, format), *encoded.notes, *lost)
        stated = {"written": encoded.mode, **_encoding_note(notes)}
        data = encoded.file if isinstance(encoded, EncodedFile) else encoded.data
        return Rendering(self._named(item.entry, known), data, stated, modified)

    def _modified(self, entry: Entry) -> tuple[int | None, tuple[str, ...]]:
        """Return the modification time that a file gets, and a note if the input's is unknown."""
        if self.options.times == "now":
            return None, ()
        try:
            return entry.path.stat().st_mtime_ns, ()
        except (OSError, ValueError):  # ValueError: a URL
            return None, ("the time of the input is unknown and was not kept",)

    def _form_note(self, item: Item, format: str) -> tuple[str, ...]:
        """A note if the suffix of the input, by which the format was chosen, is not that of its content."""
        stated, read = self._suffix_format or self.options.format != "same", item.originals[0].format
        if stated or read == format or format_of(item.entry.relative) != format:
            return ()
        return (f"the suffix does not match the content: read as {read}, written as {format}",)

    def format_for(self, entry: Entry) -> str:
        """Return the output format of an entry, as Pillow names it: by the template, the option, or the input."""
        if self._suffix_format:
            return self._suffix_format
        if self.options.format != "same":
            chosen: str = self.options.format.upper()
            return chosen
        found = entry.format or format_of(entry.relative)
        return found if found in writable() else FALLBACK

    def _named(self, entry: Entry, known: Mapping[str, str | int]) -> PurePosixPath:
        format = self.format_for(entry)
        same = format_of(entry.relative) == format
        extension = (entry.relative.suffix if same else suffix_for(format)).lstrip(".")
        complete = self._suffix_format or "ext" in self.template.fields
        facts = {**self._facts, **known} if known else self._facts
        return self.template.fill(entry, facts, extension, "" if complete else f".{extension}")


def _format_of_suffix(template: str) -> str | None:
    """Return the format of the template's suffix, or None if it has none of a writable format."""
    found = format_of(Path(template.rpartition("/")[2]))
    return found if found in writable() else None


def _encoding_note(notes: tuple[str, ...]) -> dict[str, str]:
    return {"encoding": "; ".join(notes)} if notes else {}
