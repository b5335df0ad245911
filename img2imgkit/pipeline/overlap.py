"""Whether a run would read what an earlier one wrote: an output folder inside the input folder."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path, PurePosixPath

from img2imgkit.errors import PlanError
from img2imgkit.item import local_path
from img2imgkit.pipeline.output_folder import resolved
from img2imgkit.step import Sink, Source


class Overlap:
    """Checks whether a second run would read the first one's outputs: targets of a sink that the source would find."""

    def __init__(self, source: Source, sink: Sink, folder: Path) -> None:
        self._source, self._sink = source, sink
        self._written, self._read = resolved(folder), None
        self._found: PurePosixPath | None = None
        with suppress(ValueError):  # a URL: nothing is written there
            read = resolved(local_path(source.location()))
            if read.is_relative_to(self._written) or self._written.is_relative_to(read):
                self._read = read

    def add(self, target: PurePosixPath) -> None:
        """Remember the first target that would be read."""
        if self._read is None or self._found is not None:
            return
        path = self._written / target
        if path.is_relative_to(self._read):
            below = path.relative_to(self._read)
            if self._source.reads(os.path.join(self._source.location(), below)):  # noqa: PTH118
                self._found = target

    def check(self) -> None:
        """Raises PlanError if a target would be read."""
        if self._found is not None:
            raise PlanError(
                f"the output folder {self._sink.location()} is inside the input {self._source.location()}: a second run"
                f" would read the first one's outputs ({self._found}); choose another output folder, or exclude this "
                "one in the read step"
            )
