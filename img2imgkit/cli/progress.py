"""Progress of a run on stderr: a bar on a terminal, plain lines otherwise, JSON lines for programs."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from img2imgkit.cli import print_stderr, printable, show_event
from img2imgkit.cli.console import bar_of
from img2imgkit.pipeline import Outcome, Plan, Watcher
from img2imgkit.step import UNREADABLE

KINDS = ("auto", "bar", "lines", "json", "none")
SECONDS_BETWEEN_LINES = 5.0
KINDS_OF_NOTES = 20
KINDS_OF_FILES = 8


@contextmanager
def progress(kind: str, quiet: bool = False) -> Iterator[Watcher]:
    """The watcher of that kind; ``auto`` is a bar on a capable terminal, and lines otherwise."""
    if kind == "auto":
        kind = "bar" if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else "lines"
    if kind == "json":
        yield _Json()
    elif quiet or kind == "none":
        yield _Failures()
    elif kind == "lines":
        yield _Lines()
    else:
        with _bar() as watcher:
            yield watcher


def teller(kind: str, quiet: bool = False) -> Callable[[str], object]:
    """Prints, on stderr, what takes seconds before the first picture."""

    def tell(line: str) -> None:
        if kind == "json":
            show_event({"event": "preparing", "text": line})
        elif not quiet and kind != "none":
            print_stderr(printable(line))

    return tell


def show_notes(notes: Sequence[Mapping[str, Any]], kind: str) -> None:
    """Print a run's notes on stderr, one line or event for each kind of note; the most frequent of very many."""
    notes = sorted(notes, key=lambda each: -each["pictures"])
    for note in notes if kind == "json" else notes[:KINDS_OF_NOTES]:
        if kind == "json":
            show_event({"event": "note", **note})
        else:
            where = note["first"] if note["pictures"] == 1 else f"{note['pictures']} pictures, such as {note['first']}"
            print_stderr(f"note: {printable(where)}: {printable(note['note'])}")
    if kind != "json" and len(notes) > KINDS_OF_NOTES:
        print_stderr(f"note: {len(notes) - KINDS_OF_NOTES} more kinds of notes are in the report")


def ignored_counts(ignored: Mapping[str, int]) -> list[str]:
    """Return the number of ignored files for each reason, with the most frequent kinds of each."""
    totals, kinds = Counter[str](), dict[str, list[str]]()
    for reason, count in sorted(ignored.items(), key=lambda each: -each[1]):
        base, _, kind = reason.removesuffix(")").partition(" (")
        totals[base] += count
        kinds.setdefault(base, []).extend([f"{printable(kind)} {count}"] if kind else [])
    return [f"{base} ignored: {total}{_listed(kinds[base])}" for base, total in totals.items()]


def _listed(kinds: Sequence[str]) -> str:
    more = [f"{len(kinds) - KINDS_OF_FILES} more kinds"] if len(kinds) > KINDS_OF_FILES else []
    return f" ({', '.join([*kinds[:KINDS_OF_FILES], *more])})" if kinds else ""


def nothing_to_read(plan: Plan) -> str:
    """Say that a plan has no pictures, and what was ignored."""
    ignored = ", ".join(f"{count} {printable(reason)}" for reason, count in plan.ignored.items())
    source = printable(plan.pipeline.source.location())
    return f"{source}: no pictures to read{f' (ignored: {ignored})' if ignored else ''}"


def show_unreadable(ignored: Mapping[str, int], kind: str) -> None:
    """Warn of what may be pictures but could not be read."""
    for reason, count in ignored.items():
        if reason.startswith(UNREADABLE):
            if kind == "json":
                show_event({"event": "warning", "reason": reason, "count": count})
            else:
                print_stderr(f"warning: {count} {printable(reason)}")


class _Failures:
    """Prints failures only."""

    def started(self, total: int, up_to_date: int) -> None:
        self.total, self.count = total, 0
        self.first: tuple[float, int] | None = None  # when the first picture was made, and the count then

    def finished(self, outcome: Outcome) -> None:
        self.add(outcome)
        if outcome.status == "failed":
            self.say(f"failed: {printable(outcome.entry.title)}: {printable(outcome.reason)}")

    def add(self, outcome: Outcome) -> None:
        """Count an outcome. The clock starts at the first picture made: before it, models were loaded and compiled."""
        self.count += 1
        if self.first is None and outcome.status == "done":
            self.first = time.monotonic(), self.count

    def rate(self) -> float | None:
        """Pictures per second since the first was made; None before the second."""
        if self.first is None or self.count == self.first[1]:
            return None
        return (self.count - self.first[1]) / max(time.monotonic() - self.first[0], 1e-9)

    def say(self, line: str) -> None:
        print_stderr(line)


class _Lines(_Failures):
    """Prints a plain line every few seconds."""

    def started(self, total: int, up_to_date: int) -> None:
        super().started(total, up_to_date)
        self.last = time.monotonic()
        self.say(f"{total} pictures to make, {up_to_date} up to date")

    def finished(self, outcome: Outcome) -> None:
        super().finished(outcome)
        now = time.monotonic()
        if now - self.last >= SECONDS_BETWEEN_LINES or self.count == self.total:
            self.last = now
            rate = self.rate()
            speed = f"  {rate:.2f} pictures/s  {(self.total - self.count) / rate:.0f} s left" if rate else ""
            self.say(f"{self.count}/{self.total}{speed}")


class _Json(_Failures):
    """Prints one JSON object per event."""

    def started(self, total: int, up_to_date: int) -> None:
        super().started(total, up_to_date)
        self._event(event="started", total=total, up_to_date=up_to_date)

    def finished(self, outcome: Outcome) -> None:
        self.add(outcome)
        rate = self.rate()
        self._event(
            event="item",
            input=outcome.entry.location,
            variant=dict(outcome.entry.variant),
            status=outcome.status,
            reason=outcome.reason,
            outputs=[output["path"] for output in outcome.outputs],
            count=self.count,
            total=self.total,
            rate=rate and round(rate, 4),
            eta=rate and round((self.total - self.count) / rate, 1),
        )

    def _event(self, **event: object) -> None:
        show_event(event)


@contextmanager
def _bar() -> Iterator[Watcher]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
    )
    with bar_of((*columns, TextColumn("{task.fields[name]}", markup=False)), rate="", name="starting") as bar:

        class _Bar(_Failures):
            """A line that is redrawn for each picture; failures are printed above it."""

            def started(self, total: int, up_to_date: int) -> None:
                super().started(total, up_to_date)
                bar.update(0, total, rate="", name="starting")

            def finished(self, outcome: Outcome) -> None:
                super().finished(outcome)
                rate = self.rate()
                speed = f"{rate:.2f} pictures/s" if rate else ""
                bar.update(self.count, self.total, rate=speed, name=outcome.entry.title)

            def say(self, line: str) -> None:
                bar.say(line)

        yield _Bar()
