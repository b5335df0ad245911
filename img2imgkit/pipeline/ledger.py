"""The ledger: what was made from what, by which recipe. It lets a second run skip what is done, and say why not.

``.img2img/ledger.jsonl`` is only ever appended to, one JSON object a line: ``{"recipe": digest, "steps": [...]}`` once
for each recipe, then a line for each file written. The last line of an entry counts; a torn last line is ignored.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from img2imgkit.pipeline.folder import Written
from img2imgkit.step import Entry

LEDGER = "ledger.jsonl"


@dataclass(frozen=True)
class Made:
    """One file that was made of an entry: by which recipe, from which state of the input."""

    recipe: str
    size: int
    mtime_ns: int
    written: Written


class Recipe:
    """The steps that a file's content depends on, and their digest."""

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        self.steps = steps
        self.digest = hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()


class Ledger:
    """The ledger of one output folder, read whole and appended to."""

    def __init__(self, state: Path) -> None:
        self.path = state / LEDGER
        self.recipes: dict[str, list[dict[str, Any]]] = {}
        self.made: dict[tuple[str, str], Made] = {}
        self.known: set[str] = set()
        self._writing = threading.Lock()
        self._handle: IO[bytes] | None = None
        for line in _lines(self.path):
            self._take(line)

    def why(self, entry: Entry, sink: str, recipe: Recipe, folder: Path) -> str:
        """Why the entry's file must be made; empty when it is done and still stands."""
        made = self.made.get((sink, str(entry.relative)))
        if made is None:
            return "new"
        if made.recipe != recipe.digest:
            return difference(self.recipes.get(made.recipe, []), recipe.steps)
        if (made.size, made.mtime_ns) != (entry.size, entry.mtime_ns):
            return "the input has changed"
        if not (folder / made.written.path).exists():
            return "the output is missing"
        return "" if made.written.stands(folder) else "the output has been changed"

    def begin(self, recipe: Recipe) -> None:
        """State the recipe that the following files are made by."""
        if recipe.digest not in self.recipes:
            self._append({"recipe": recipe.digest, "steps": recipe.steps})

    def add(self, entry: Entry, sink: str, recipe: Recipe, written: Written) -> None:
        """State a file that is about to be put in its place."""
        self._append(
            {
                "entry": str(entry.relative),
                "sink": sink,
                "by": recipe.digest,
                "size": entry.size,
                "mtime_ns": entry.mtime_ns,
                "file": asdict(written),
            }
        )

    def close(self) -> None:
        """Sync what was appended."""
        if self._handle is not None:
            self._handle.flush()
            os.fsync(self._handle.fileno())
            self._handle.close()
            self._handle = None

    def _append(self, line: Mapping[str, Any]) -> None:
        with self._writing:
            if self._handle is None:
                torn = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
                self._handle = self.path.open("ab")
                self._handle.write(b"\n" if torn else b"")
            self._handle.write(json.dumps(line).encode() + b"\n")
            self._handle.flush()
            self._take(line)

    def _take(self, line: Mapping[str, Any]) -> None:
        if "steps" in line:
            self.recipes[line["recipe"]] = line["steps"]
            return
        made = Made(line["by"], line["size"], line["mtime_ns"], Written(**line["file"]))
        self.made[line["sink"], line["entry"]] = made
        self.known.add(made.written.path)


def difference(before: Any, after: Any) -> str:
    """What changed between two recipes: ``steps.1.with.tile: 128 -> 256``."""
    changes = list(_changes(before, after, "steps"))
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return "; ".join(changes[:3]) + more or "the recipe is not known"


def _changes(before: Any, after: Any, key: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from _changes(before.get(name), after.get(name), f"{key}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new, f"{key}.{number}")
    elif before != after:
        short = [text if len(text := str(value)) <= 40 else f"{text[:12]}…" for value in (before, after)]
        yield f"{key}: other steps than before" if isinstance(before, list) else f"{key}: {short[0]} -> {short[1]}"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open("rb") as handle:
        for line in handle:
            try:
                stated = json.loads(line)
                if isinstance(stated, dict) and ("steps" in stated or "file" in stated):
                    yield stated
            except ValueError:
                continue  # torn by a crash: that file is made again
