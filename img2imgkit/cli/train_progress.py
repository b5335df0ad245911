"""How ``img2img train`` shows its progress: a bar on a terminal, lines, JSON lines, or nothing. All on stderr."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from img2imgkit.training.events import Event, Finished, Notify, Progress, Sampled, Saved, Started


@contextmanager
def shown(style: str) -> Iterator[Notify]:
    """A callback that shows events in that style; ``auto`` is a bar on a terminal and lines elsewhere."""
    if style == "auto":
        style = "bar" if sys.stderr.isatty() else "lines"
    if style == "bar":
        with _bar() as notify:
            yield notify
    else:
        yield {"lines": _line, "json": _json, "none": lambda event: None}[style]


def _line(event: Event) -> None:
    text = _text(event)
    if text:
        click.echo(text, err=True)


def _json(event: Event) -> None:
    def plain(value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value

    click.echo(
        json.dumps({"event": type(event).__name__.lower(), **dataclasses.asdict(event)}, default=plain), err=True
    )


@contextmanager
def _bar() -> Iterator[Notify]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("train"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[state]}"))
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("train", total=None, state="")

        def notify(event: Event) -> None:
            if isinstance(event, Progress):
                bar.update(task, completed=event.step, total=event.steps, state=_figures(event))
            elif text := _text(event):
                bar.console.print(text, markup=False, highlight=False)

        yield notify


def _text(event: Event) -> str:
    match event:
        case Started():
            numbers = ", ".join(f"{name} {count:,} parameters" for name, count in event.parameters.items())
            first = (
                f"{', '.join(event.devices)}: batch {event.global_batch} ({event.replica_batch} a device), {numbers}"
            )
            resumed = [f"resumed after step {event.step}"] if event.step else []
            return "\n".join([first, *event.notes, *resumed])
        case Progress():
            return f"step {event.step}/{event.steps}  {_figures(event)}"
        case Sampled():
            return f"step {event.step}: probe {event.psnr['mean']:.2f} dB, {event.path}"
        case Finished(bundle=None):
            return f"stopped after step {event.step}; go on with --resume"
        case Finished():
            return f"done: {event.bundle}"
        case Saved():
            return ""


def _figures(event: Progress) -> str:
    terms = "  ".join(f"{name} {value:.5f}" for name, value in event.terms.items() if not name.endswith("_total"))
    rates = ", ".join(f"{rate:.2e}" for rate in event.rates.values())
    left = timedelta(seconds=round(event.seconds_left))
    speed = f"{event.images_per_second:.1f} images/s"
    return f"{terms}  rate {rates}  {speed}  input wait {event.input_wait:.1%}  left {left}"
