"""Progress of a run on stderr: a bar on a terminal, plain lines otherwise, JSON lines for programs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from img2imgkit.cli import print_stderr, printable, show_event
from img2imgkit.cli.console import bar_of
from img2imgkit.pipeline import Outcome, Watcher

KINDS = ("auto", "bar", "lines", "json", "none")
SECONDS_BETWEEN_LINES = 5.0


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


class _Failures:
    """Prints failures only."""

    def started(self, total: int, up_to_date: int) -> None:
        self.total, self.count, self.began = total, 0, time.monotonic()

    def finished(self, outcome: Outcome) -> None:
        self.count += 1
        if outcome.status == "failed":
            self.say(f"failed: {printable(outcome.entry.title)}: {printable(outcome.reason)}")

    def rate(self) -> float:
        """Pictures per second so far."""
        return self.count / max(time.monotonic() - self.began, 1e-9)

    def say(self, line: str) -> None:
        print_stderr(line)


class _Lines(_Failures):
    """Prints a plain line every few seconds."""

    def started(self, total: int, up_to_date: int) -> None:
        super().started(total, up_to_date)
        self.last = self.began
        self.say(f"{total} pictures to make, {up_to_date} up to date")

    def finished(self, outcome: Outcome) -> None:
        super().finished(outcome)
        now = time.monotonic()
        if now - self.last >= SECONDS_BETWEEN_LINES or self.count == self.total:
            self.last = now
            rate = self.rate()
            self.say(f"{self.count}/{self.total}  {rate:.2f} pictures/s  {(self.total - self.count) / rate:.0f} s left")


class _Json(_Failures):
    """Prints one JSON object per event."""

    def started(self, total: int, up_to_date: int) -> None:
        super().started(total, up_to_date)
        self._event(event="started", total=total, up_to_date=up_to_date)

    def finished(self, outcome: Outcome) -> None:
        self.count += 1
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
            rate=round(rate, 4),
            eta=round((self.total - self.count) / rate, 1),
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
                bar.update(self.count, self.total, rate=f"{self.rate():.2f} pictures/s", name=outcome.entry.title)

            def say(self, line: str) -> None:
                bar.say(line)

        yield _Bar()
