"""Progress of ``img2img train`` on stderr: a bar on a terminal, lines, JSON lines, or nothing."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from img2imgkit.cli import print_stderr, printable, show_event
from img2imgkit.cli.console import bar_of
from img2imgkit.training.record.events import (
    Alarmed,
    Event,
    Finished,
    Notify,
    Progress,
    Sampled,
    Saved,
    Started,
    Waiting,
)
from img2imgkit.training.record.training_report import Metrics, shown_scores


@contextmanager
def shown(style: str, metrics: Metrics) -> Iterator[Notify]:
    """A callback that shows events in that style; ``auto`` is a bar on a capable terminal, and lines otherwise.

    Args:
        metrics: the installed metrics by name, which format the scores
    """
    if style == "auto":
        style = "bar" if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else "lines"
    if style == "bar":
        with _bar(metrics) as notify:
            yield notify
    else:
        styles: dict[str, Notify] = {"lines": partial(_lines, metrics), "json": _json, "none": lambda event: None}
        yield styles[style]


def _lines(metrics: Metrics, event: Event) -> None:
    for line in _texts(event, metrics):
        print_stderr(line)


def _json(event: Event) -> None:
    show_event({"event": type(event).__name__.lower(), **dataclasses.asdict(event)})


@contextmanager
def _bar(metrics: Metrics) -> Iterator[Notify]:
    """A bar of one line at any terminal width, so that messages printed above it do not displace it."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.table import Column

    figures = TextColumn(
        "{task.fields[state]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
    )
    columns = (TextColumn("train"), BarColumn(bar_width=20), MofNCompleteColumn(), figures)
    with bar_of(columns, expand=True, state="") as bar:

        def notify(event: Event) -> None:
            if isinstance(event, Progress):
                bar.update(event.step, event.steps, state=f"{_speed(event)}  {_rates(event)}  {_losses(event)}")
            for line in _texts(event, metrics) if not isinstance(event, Progress) else ():
                bar.say(line)

        yield notify


def _texts(event: Event, metrics: Metrics) -> list[str]:
    lines: list[str] = []
    match event:
        case Waiting():
            lines += [f"machine {event.machine} of {event.machines} at {event.address}: waiting for the other machines"]
        case Started():
            lines += [_start(event), *event.notes, *([f"resumed after step {event.step}"] if event.step else [])]
        case Progress():
            lines += [f"step {event.step}/{event.steps}  {_losses(event)}  {_rates(event)}  {_speed(event)}"]
        case Sampled():
            best = ", the best so far" if event.best else ""
            scores = shown_scores({name: by["mean"] for name, by in event.scores.items()}, metrics)
            lines += [f"step {event.step}: probe {', '.join([*scores, printable(event.path)])}{best}"]
        case Alarmed():
            lines += [f"step {event.step}: ALARM, {event.alarm}: {event.text}"]
        case Finished(reason="complete"):
            lines += [f"done: {printable(event.bundle or 'the first machine has the bundle')}"]
        case Finished(reason="settled"):
            settled = f"stopped after step {event.step}: no better score of the probe within training.patience"
            lines += [settled, f"done: {printable(event.bundle or 'the first machine has the bundle')}"]
        case Finished(reason="failed"):
            lines += [f"stopped by an error after step {event.step}; once it is fixed, continue with --resume"]
        case Finished():
            why = " by an alarm" if event.reason == "alarm" else ""
            lines += [f"stopped{why} after step {event.step}; continue with --resume"]
        case Saved():
            pass  # frequent; not shown
    return lines


def _start(event: Started) -> str:
    numbers = ", ".join(f"{name} {count:,} parameters" for name, count in event.parameters.items())
    which = f"machine {event.machine} of {event.machines}, " if event.machines > 1 else ""
    return (
        f"{which}{', '.join(event.devices)}: batch {event.global_batch} ({event.replica_batch} per device), {numbers}"
    )


def _losses(event: Progress) -> str:
    shown = {name: value for name, value in event.terms.items() if value and not name.endswith("_total")}
    return "  ".join(f"{name} {value:.5f}" for name, value in shown.items())


def _rates(event: Progress) -> str:
    return f"rate {', '.join(f'{rate:.2e}' for rate in event.rates.values())}"


def _speed(event: Progress) -> str:
    left = timedelta(seconds=round(event.seconds_left))
    return f"{event.images_per_second:.1f} images/s  input wait {event.input_wait:.1%}  left {left}"
