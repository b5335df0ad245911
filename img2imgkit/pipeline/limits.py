"""Outputs that cannot be written, as far as names, headers and the sizes that steps state can tell before a run."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from img2imgkit.item import Entry
from img2imgkit.pipeline.jobs import Targets
from img2imgkit.pipeline.output_folder import folder_of
from img2imgkit.pipeline.pipeline_file import Pipeline
from img2imgkit.step import Sink, Transform

NAME_BYTES = 255  # of a file in most file systems
_LATER = re.compile(r"{[a-z]+}")  # fields that are known only from the picture


class Limits:
    """Finds the outputs of a prepared pipeline that are known to fail."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._source, self._sinks, self._stages = pipeline.source, pipeline.sinks, pipeline.stages
        self._longest = [_longest_name(folder_of(sink)) for sink in self._sinks]

    def problem(self, entry: Entry, targets: Targets) -> str:
        """Return why an entry's outputs cannot be written, or "" if nothing is known against them."""
        for target, longest in zip(targets, self._longest, strict=True):
            if target is not None and (problem := _name_problem(target, longest)):
                return problem
        sides = [None if target is None else sink.max_side(entry)
                 for sink, target in zip(self._sinks, targets, strict=True)]  # fmt: skip
        return self._size_problem(entry, sides) if any(sides) else ""

    def _size_problem(self, entry: Entry, sides: Sequence[int | None]) -> str:
        """Follow the size of a picture through the steps, as far as they state it."""
        size = self._source.size(entry)
        remaining = iter(sides)
        for step in self._stages:
            if size is None:
                return ""
            if isinstance(step, Transform):
                size = step.output_size(*size)
            elif isinstance(step, Sink) and (side := next(remaining)) is not None and max(size) > side:
                return (
                    f"the output would be {size[0]}x{size[1]}, but its format supports at most {side} pixels per side; "
                    "write PNG or TIFF, or add a 'resize' step before"
                )
        return ""


def _name_problem(target: PurePosixPath, longest: int) -> str:
    if len(os.fsencode(str(target))) <= longest:
        return ""
    length = max(len(os.fsencode(_LATER.sub("0", name))) for name in target.parts)
    if length <= longest:
        return ""
    return f"the output's name is too long: {length} bytes, the file system allows {longest}; shorten its template"


def _longest_name(folder: Path) -> int:
    """Return the maximum length of a name in a folder, which need not exist yet."""
    here = next((each for each in (folder, *folder.parents) if each.is_dir()), folder)
    try:
        return os.pathconf(here, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # Windows, or a file system that does not say
        return NAME_BYTES
