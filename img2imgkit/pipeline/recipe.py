"""Recipes: what the content of an output depends on besides its input, and how two recipes differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from img2imgkit.item import Entry
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
