"""What the outputs of a folder were last made with, so that a run that resumes them can use the same again."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from img2imgkit.pipeline.anchored import RefusedError
from img2imgkit.pipeline.ledger_lines import MAX_LINE, has, is_output_line
from img2imgkit.pipeline.output_folder import folder_of
from img2imgkit.pipeline.own_files import LEDGER, open_own
from img2imgkit.step import Sink, Step

_RECIPE = b'{"recipe"'  # how the line of a recipe begins
_TAIL = 16  # lines at the end of a ledger, of which some may be torn or edited


class Kept:
    """The recipe of the newest output that earlier runs have left to the sinks of a pipeline, which resume them."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = [sink for sink in sinks if sink.if_exists != "overwrite"]
        self._steps: Sequence[Any] | None = None

    def of(self, index: int, step: Step) -> Mapping[str, Any]:
        """Return the fingerprint on record of the step in this place; empty if there is none."""
        if self._steps is None:
            found = (_newest_steps(sink) for sink in self._sinks)
            self._steps = next((steps for steps in found if steps), [])
        stated = self._steps[index] if index < len(self._steps) else None
        if isinstance(stated, dict) and stated.get("uses") == step.name and isinstance(stated.get("on"), dict):
            return dict(stated["on"])
        return {}


def _newest_steps(sink: Sink) -> Sequence[Any]:
    """The steps of the newest output on record; what is wrong with the ledger is reported by those who write to it."""
    try:
        with os.fdopen(open_own(folder_of(sink), LEDGER, os.O_RDONLY), "rb") as file:
            return _steps_in(file)
    except (OSError, ValueError, RefusedError):
        return []


def _steps_in(file: IO[bytes]) -> Sequence[Any]:
    recipes: dict[str, Sequence[Any]] = {}
    tail: deque[bytes] = deque(maxlen=_TAIL)
    while piece := file.readline(MAX_LINE):
        if not piece.startswith(_RECIPE):
            tail.append(piece)
        elif (line := _parsed(piece)) is not None and has(line, {"recipe": str, "steps": list}):
            recipes[line["recipe"]] = line["steps"]
    for piece in reversed(tail):
        line = _parsed(piece)
        if line is not None and is_output_line(line):
            return recipes.get(line["by"], [])
    return []


def _parsed(piece: bytes) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        line = json.loads(piece)
        return line if isinstance(line, dict) else None
    return None
