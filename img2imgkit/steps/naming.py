"""Output names from templates: ``{relpath}/{stem}_{model}_{scale}x``, never outside the output folder."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath
from string import Formatter

from img2imgkit.config import suggestion
from img2imgkit.item import Entry

OF_THE_ENTRY = ("stem", "ext", "relpath", "index")
OF_THE_STEPS = ("task", "model", "scale")
OF_THE_PICTURE = ("width", "height")
FIELDS = (*OF_THE_ENTRY, *OF_THE_STEPS, *OF_THE_PICTURE)
NUMBERS = ("index", "scale", "width", "height")


class Template:
    """A name template. ``problems`` says what is wrong with it; one that has problems cannot be filled in."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self.parts = list(Formatter().parse(text))
            self.broken = ""
        except ValueError as error:
            self.parts, self.broken = [], str(error)

    @property
    def fields(self) -> set[str]:
        """Names of the fields it asks for."""
        return {field for _, field, _, _ in self.parts if field is not None}

    def problems(
        self, facts: Mapping[str, object], complete: bool = True, variants: Collection[str] = ()
    ) -> Iterator[str]:
        """What is wrong with it, given the fields that earlier steps set, and whether these are all of them.

        Args:
            variants: the fields of an entry's variant
        """
        known = (*FIELDS, *variants)
        if self.broken:
            yield f"{self.text!r} is no template: {self.broken}"
        for name in sorted({*variants} & {*FIELDS}):
            yield f"a step before makes several outputs by {{{name}}}, and here that says something else of a picture"
        for _, field, spec, conversion in self.parts:
            if field is None:
                continue
            if field not in known:
                if complete or suggestion(field, known):  # else a step that failed may make variants by it
                    stated = ", ".join(f"{{{name}}}" for name in known)
                    yield f"unknown field {{{field}}}{suggestion(field, known)}; known are {stated}"
            elif field in OF_THE_STEPS and field not in facts and complete:
                yield f"the field {{{field}}} is set by a translate step, and none comes before"
            elif conversion or (spec and not (field in NUMBERS and re.fullmatch(r"0?[0-9]{0,2}d?", spec))):
                yield f"the format of {{{field}}} can only be a number's width, such as {{index:04d}}"
        literal = "".join(text for text, _, _, _ in self.parts)
        if self.text.startswith("/") or ".." in re.split(r"[/\\]", self.text) or re.match(r"[A-Za-z]:", literal):
            yield f"{self.text!r} leads out of the output folder"
        if not self.broken and not self.text.strip("/ "):
            yield "the template is empty"
        if "\0" in literal:
            yield f"{self.text!r} has a null character, which no file name may have"

    def fill(self, entry: Entry, facts: Mapping[str, str | int], extension: str) -> PurePosixPath:
        """The name for an entry; a field that no fact gives stays ``{width}``, and an empty name becomes ``_``."""
        folder = str(entry.relative.parent)
        values: dict[str, str | int] = {
            "stem": entry.relative.stem,
            "ext": extension,
            "relpath": "" if folder == "." else folder,
            "index": entry.index,
            **{name: _safe(value) for name, value in (*facts.items(), *entry.variant)},
        }
        filled = "".join(_part(part, values) for part in self.parts)
        *folders, name = filled.rstrip("/").split("/")
        kept = (piece for piece in folders if piece not in ("", ".", ".."))
        return PurePosixPath(*kept, name if name not in ("", ".", "..") else "_")


def _part(part: tuple[str, str | None, str | None, str | None], values: Mapping[str, str | int]) -> str:
    text, field, spec, _ = part
    if field is None:
        return text
    if field not in values:
        return f"{text}{{{field}}}"
    return text + format(values[field], spec or "")


def _safe(value: str | int) -> str | int:
    return value if isinstance(value, int) else re.sub(r'[/\\:*?"<>|\x00-\x1f]', "_", value)
