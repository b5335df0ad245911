"""Output names from templates, such as ``{relpath}/{stem}_{model}_{scale}x``, never outside the output folder."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import PurePosixPath
from string import Formatter

from img2imgkit.config import suggestion
from img2imgkit.item import Entry
from img2imgkit.pipeline.own_files import reserved

ENTRY_FIELDS = ("stem", "ext", "relpath", "index")
STEP_FIELDS = ("task", "model", "scale")
PICTURE_FIELDS = ("width", "height")
FIELDS = (*ENTRY_FIELDS, *STEP_FIELDS, *PICTURE_FIELDS)
_NO_NAMES = frozenset({"", ".", ".."})
NUMERIC_FIELDS = ("index", "scale", "width", "height")


class Template:
    """A name template. A template with ``problems`` cannot be filled in."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self.parts = list(Formatter().parse(text))
            self.syntax_error = ""
        except ValueError as error:
            self.parts, self.syntax_error = [], str(error)

    @cached_property
    def fields(self) -> set[str]:
        """The names of its fields."""
        return {field for _, field, _, _ in self.parts if field is not None}

    def problems(
        self, facts: Mapping[str, object], complete: bool = True, variants: Collection[str] = ()
    ) -> Iterator[str]:
        """Yield the problems of the template.

        Args:
            facts: the name fields set by earlier steps
            complete: whether ``facts`` is complete
            variants: the fields of an entry's variant
        """
        known = (*FIELDS, *variants)
        if self.syntax_error:
            yield f"{self.text!r} is not a valid template: {self.syntax_error}"
        for name in sorted({*variants} & {*FIELDS}):
            yield f"an earlier step produces several outputs by {{{name}}}, but that field has another meaning here"
        for _, field, spec, conversion in self.parts:
            if field is None:
                continue
            if field not in known:
                if complete or suggestion(field, known):  # otherwise a step that failed may define it
                    stated = ", ".join(f"{{{name}}}" for name in known)
                    yield f"unknown field {{{field}}}{suggestion(field, known)}; known are {stated}"
            elif field in STEP_FIELDS and field not in facts and complete:
                yield f"the field {{{field}}} is set by a translate step, but there is none before this step"
            elif conversion or (spec and not (field in NUMERIC_FIELDS and re.fullmatch(r"0?[0-9]{0,2}d?", spec))):
                yield f"unsupported format of {{{field}}}: only a number can have a width, such as {{index:04d}}"
            elif spec and field == "scale" and not isinstance(facts.get(field, 1), int):
                yield "unsupported format of {scale}: it may not be a whole number"
        yield from self._place_problems()

    def _place_problems(self) -> Iterator[str]:
        """Yield what is wrong with the place that it names."""
        literal = "".join(text for text, _, _, _ in self.parts)
        if self.text.startswith("/") or ".." in re.split(r"[/\\]", self.text) or re.match(r"[A-Za-z]:", literal):
            yield f"{self.text!r} is outside the output folder"
        elif problem := reserved(self._example):
            yield f"{self.text!r}: {problem}"
        if not self.syntax_error and not self.text.strip("/ "):
            yield "the template is empty"
        if "\0" in literal:
            yield f"{self.text!r} contains a null character, which file names must not"

    @property
    def _example(self) -> PurePosixPath:
        """A name made of this template, with the same folders."""
        pieces = "".join(text if field is None else f"{text}_" for text, field, _, _ in self.parts)
        return PurePosixPath("_", *re.split(r"[/\\]", pieces))

    def fill(
        self, entry: Entry, facts: Mapping[str, str | int | None], extension: str, suffix: str = ""
    ) -> PurePosixPath:
        """Return an entry's name. Fields without a value stay, such as ``{width}``; an empty name becomes ``_``.

        Args:
            suffix: appended to the name
        """
        relpath, _, name = str(entry.relative).rpartition("/")  # a plan does this a million times: no paths
        values: dict[str, str | int] = {
            "stem": name.removesuffix(entry.relative.suffix),
            "ext": extension,
            "relpath": relpath,
            "index": entry.index,
            **{name: _safe(value) for name, value in (*facts.items(), *entry.variant) if value is not None},
        }
        filled = "".join([_filled(text, field, spec, values) for text, field, spec, _ in self.parts])
        *folders, last = filled.rstrip("/").split("/")
        kept = [piece for piece in folders if piece not in _NO_NAMES]
        path = "/".join((*kept, f"{'_' if last in _NO_NAMES else last}{suffix}"))
        return entry.relative if path == str(entry.relative) else PurePosixPath(path)


def _filled(text: str, field: str | None, spec: str | None, values: Mapping[str, str | int]) -> str:
    if field is None:
        return text
    value = values.get(field)
    if value is None:
        return f"{text}{{{field}}}"
    return f"{text}{value:{spec}}" if spec else f"{text}{value}"


def _safe(value: str | int) -> str | int:
    return value if isinstance(value, int) else re.sub(r'[/\\:*?"<>|\x00-\x1f]', "_", value)
