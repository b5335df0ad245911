"""The ledger: what was made from what, by which recipe. It lets a second run skip what is done, and say why not.

``.img2img/ledger.jsonl`` is only ever appended to, one JSON object a line: ``{"recipe": digest, "steps": [...]}`` once
for each recipe, then a line for each file written. The last line of an entry counts. A line that says nothing that
this version understands (torn by a crash, written by another version) is left alone: its file is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from img2imgkit.errors import PlanError
from img2imgkit.pipeline.folder import PlacedFile
from img2imgkit.step import Entry

LEDGER = "ledger.jsonl"
OF_A_LINE = {"entry": str, "sink": str, "by": str, "target": str, "size": int, "mtime_ns": int, "file": dict}
Key = tuple[str, str, frozenset[tuple[str, str]]]  # sink, entry and variant
OF_A_FILE = {"path": str, "size": int, "mtime_ns": int, "sha256": str}


@dataclass(frozen=True)
class Made:
    """One file that was made of an entry: by which recipe, for which planned target, from which state of the input."""

    recipe: str
    target: str
    size: int
    mtime_ns: int
    written: PlacedFile


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
        self.made: dict[Key, Made] = {}
        self.known: set[str] = set()
        self._writing = threading.Lock()
        self._handle: IO[bytes] | None = None
        for line in _lines(self.path):
            self._take(line)

    def why(self, entry: Entry, sink: str, target: PurePosixPath, recipe: Recipe, folder: Path) -> str:
        """Why the entry's file must be made; empty when it is done and still stands. ``target`` as it is planned."""
        made = self.made.get((sink, str(entry.relative), frozenset(entry.variant)))
        if made is None:
            return "new"
        if made.recipe != recipe.digest:
            return difference(self.recipes.get(made.recipe, []), recipe.steps)
        if (made.size, made.mtime_ns) != (entry.size, entry.mtime_ns):
            return "the input has changed"
        if made.target != str(target):
            return f"its name was {made.target}"
        if not os.path.exists(folder / made.written.path):  # noqa: PTH110 - Path.exists raises for names too long
            return "the output is missing"
        return "" if made.written.stands(folder) else "the output has been changed"

    def begin(self, recipe: Recipe) -> None:
        """State the recipe that the following files are made by. Raises PlanError when the system refuses."""
        try:
            if recipe.digest not in self.recipes:
                self._append({"recipe": recipe.digest, "steps": recipe.steps})
        except OSError as error:
            raise PlanError(f"{self.path}: cannot write it: {error.strerror}; choose another output folder") from error

    def add(self, entry: Entry, sink: str, target: PurePosixPath, recipe: Recipe, written: PlacedFile) -> None:
        """State a file that is about to be put in its place, and sync: a power cut must not know less than the disk."""
        self._append(
            {
                "entry": str(entry.relative),
                **({"variant": dict(entry.variant)} if entry.variant else {}),
                "sink": sink,
                "by": recipe.digest,
                "target": str(target),
                "size": entry.size,
                "mtime_ns": entry.mtime_ns,
                "file": asdict(written),
            }
        )

    def close(self) -> None:
        """Let the file go."""
        if self._handle is not None:
            with suppress(OSError):  # a full disk: the items whose lines are lost have failed
                self._handle.close()
            self._handle = None

    def _append(self, line: Mapping[str, Any]) -> None:
        with self._writing:
            if self._handle is None:
                self._handle = self.path.open("ab")
                self._handle.write(b"\n" if _is_torn(self.path) else b"")
            self._handle.write(json.dumps(line).encode() + b"\n")
            self._handle.flush()
            self._take(line)
        os.fsync(self._handle.fileno())  # outside the lock: threads that wait for the disk wait together

    def _take(self, line: Mapping[str, Any]) -> None:
        if _has(line, {"recipe": str, "steps": list}):
            self.recipes[line["recipe"]] = line["steps"]
        elif _has(line, OF_A_LINE) and _has(line["file"], OF_A_FILE):
            written = PlacedFile(**{name: line["file"][name] for name in OF_A_FILE})
            made = Made(line["by"], line["target"], line["size"], line["mtime_ns"], written)
            self.known.add(written.path)
            variant = line.get("variant", {})
            if isinstance(variant, dict) and all(isinstance(value, str) for value in variant.values()):
                self.made[line["sink"], line["entry"], frozenset(variant.items())] = made


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


def _has(line: Mapping[str, Any], types: Mapping[str, type]) -> bool:
    return all(type(line.get(name)) is expected for name, expected in types.items())


def _is_torn(path: Path) -> bool:
    """Whether a crash has cut off the last line."""
    with path.open("rb") as handle:
        size = handle.seek(0, os.SEEK_END)
        handle.seek(max(size - 1, 0))
        return handle.read(1) not in (b"", b"\n")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as handle:
            for line in handle:
                with suppress(ValueError, RecursionError):
                    stated = json.loads(line)
                    if isinstance(stated, dict):
                        yield stated
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PlanError(f"{path}: cannot read it: {reason}; choose another output folder") from error
