"""Print the outputs whose inputs are gone, and whether they have been removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from img2imgkit.cli import EXIT_DONE, EXIT_FAILED_ITEMS, say, show_json_with
from img2imgkit.pipeline import Orphan


def show_pruning(orphans: Iterable[Orphan], as_json: bool) -> int:
    """Print the outputs as they are found or removed, and return the exit code: 1 if one could not be removed."""
    totals: Counter[str] = Counter()
    if as_json:
        show_json_with({}, "outputs", (_plain(orphan, totals) for orphan in orphans))
    else:
        for orphan in orphans:
            say(_line(orphan))
            totals[_state(orphan)] += 1
        counts = ", ".join(f"{count} {state}" for state, count in sorted(totals.items()))
        say(f"outputs whose inputs are gone: {counts or 'none'}")
        if totals["unchanged"]:
            say("--prune --yes removes the unchanged ones")
    return EXIT_FAILED_ITEMS if totals["not removed"] else EXIT_DONE


def _state(orphan: Orphan) -> str:
    if orphan.removed:
        return "removed"
    if orphan.kept:
        return "not removed"
    return "changed and kept" if orphan.problem else "unchanged"


def _plain(orphan: Orphan, totals: Counter[str]) -> dict[str, str]:
    totals[_state(orphan)] += 1
    reason = orphan.problem or orphan.kept
    return {"path": str(orphan.path), "input": orphan.input, "state": _state(orphan), "reason": reason}


def _line(orphan: Orphan) -> str:
    reason = orphan.problem or orphan.kept
    return f"{_state(orphan)}  {orphan.path}  (no {orphan.input}{f'; {reason}' if reason else ''})"
