"""How much a run has to do, as far as the headers of its pictures tell, for steps whose preparation depends on it."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from img2imgkit.item import Entry, local_path
from img2imgkit.pipeline.pipeline_file import Pipeline
from img2imgkit.step import Transform

HEADERS = 500  # that are read; further pictures count as the mean of these
ASSUMED = 1 << 18  # pixels of a picture whose size is not known


class Workload:
    """The pictures that a plan will find.

    Args:
        limit: the maximum number of pictures
    """

    def __init__(self, pipeline: Pipeline, limit: int | None = None) -> None:
        self._pipeline, self._limit = pipeline, limit

    def pixels(self, index: int, enough: int) -> int:
        """Count the pixels of the pictures that reach a step until there are ``enough``; 0 if the source is remote.

        Args:
            index: of the step; those before it are prepared
        """
        source, total, mean = self._pipeline.source, 0, 0
        try:
            local_path(source.location())
        except ValueError:
            return 0
        found = (entry for entry in source.find(Counter()) if not source.reason_to_skip(entry))
        for number, entry in enumerate(islice(found, self._limit), 1):
            total += self._area(entry, index) if number <= HEADERS else mean
            mean = total // number if number <= HEADERS else mean
            if total >= enough:
                break
        return total

    def _area(self, entry: Entry, index: int) -> int:
        """The pixels of a picture when it reaches a step."""
        size = self._pipeline.source.size(entry)
        for use in self._pipeline.uses[:index]:
            if size is not None and isinstance(use.step, Transform):
                size = use.step.output_size(*size)
        return ASSUMED if size is None else size[0] * size[1]
