"""What the content of an output depends on, its input and its recipe, and how they differ from those on record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from img2imgkit.files import same_content
from img2imgkit.item import Entry, is_content, local_path
from img2imgkit.pipeline.pipeline_file import Use
from img2imgkit.pipeline.variants import Variant


class Recipe:
    """The steps that a file's content depends on, and their digest."""

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        self.steps = steps
        self.digest = hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()


class Recipes:
    """The recipes of outputs, one for each variant."""

    def __init__(self, uses: Sequence[Use]) -> None:
        self._uses, self._known = uses, dict[Variant, Recipe]()

    def of(self, entry: Entry) -> Recipe:
        """Return the recipe of an entry's output; the entry's variant has only the fields known to its sink."""
        return self._of(entry.variant)

    @property
    def common(self) -> Recipe:
        """The recipe that all variants have in common."""
        return self._of(())

    @property
    def known(self) -> Collection[Recipe]:
        """All recipes requested so far."""
        return self._known.values()

    def _of(self, variant: Variant) -> Recipe:
        if variant not in self._known:
            self._known[variant] = Recipe([use.recipe(dict(variant)) for use in self._uses])
        return self._known[variant]


def difference(before: Any, after: Any) -> str:
    """Describe the changes between two recipes: ``steps.1.with.tile: 128 -> 256``."""
    changes = list(_changes(before, after, "steps"))
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return "; ".join(changes[:3]) + more or "the recipe is unknown"


def _changes(before: Any, after: Any, key: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from _changes(before.get(name), after.get(name), f"{key}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new, f"{key}.{number}")
    elif before != after:
        short = [text if len(text := str(value)) <= 40 else f"{text[:12]}…" for value in (before, after)]
        yield f"{key}: the steps have changed" if isinstance(before, list) else f"{key}: {short[0]} -> {short[1]}"


def input_change(size: int, version: str, location: str, entry: Entry) -> str:
    """Return how an entry differs from the input on record, or "" if it does not.

    The folder of the input may be another one than before. If both files exist, they are compared: sizes and times can
    be equal by chance, as in archives that state one time for all files.
    """
    before, now = is_content(version), is_content(entry.version)
    if entry.version and before != now:
        return f"its input was compared by {'content' if before else 'time'}, and now by {'content' if now else 'time'}"
    moved = location not in ("", entry.location) and not now
    if size != entry.size or not (version == entry.version or (moved and _times_agree(version, entry.version))):
        return "the input has changed"
    if not moved:
        return ""
    try:
        same = same_content(local_path(location), local_path(entry.location))
    except (OSError, ValueError):  # the former file is gone: this one was moved; or the location is a URL
        return ""
    return "" if same else f"the input has changed: it was {location}"


TIME_UNITS = (100, 1_000, 1_000_000, 10_000_000, 1_000_000_000, 2_000_000_000)  # of file systems, in nanoseconds


def _times_agree(before: str, now: str) -> bool:
    """Whether two versions are times, and one is the other as a file system with a coarser unit states it."""
    pairs = list(zip(before.split("+"), now.split("+"), strict=False))
    return before.count("+") == now.count("+") and all(
        one.isdecimal() and other.isdecimal() and _is_rounded(*sorted((int(one), int(other)))) for one, other in pairs
    )


def _is_rounded(coarse: int, fine: int) -> bool:
    return coarse == fine or any(fine - fine % unit == coarse for unit in TIME_UNITS)
