"""A training or a run in a notebook while it goes on: a bar, curves of the losses, the newest sample sheet."""

from __future__ import annotations

import base64
import html
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from img2imgkit.catalog import Catalog
from img2imgkit.files import read_bytes
from img2imgkit.pipeline import Outcome
from img2imgkit.scripting.jobs import RunStarted
from img2imgkit.training import Alarmed, Event, Finished, Progress, Sampled, Started
from img2imgkit.training.record.training_report import chart, charts_of, shown_scores

_SHOWN = ("Probe", "Losses")  # the charts; others are in the run's report
_SECONDS = 0.5  # between two updates of what a notebook shows


class Display:
    """Shows the events that it is called with: pass it as ``notify`` to ``train`` or ``run``.

        display = kit.Display()
        kit.train("facades.yaml", "runs/facades", notify=display)
        display

    In a notebook it appears at the first event and is updated from then on; elsewhere nothing is shown. As the value of
    a cell it shows the state of the training or run once more.
    """

    def __init__(self, catalog: Catalog | None = None) -> None:
        """Show nothing yet; the installed metrics format the scores of the probe."""
        self._metrics = (catalog or Catalog.installed()).metrics
        self._shown_at = 0.0
        self._handle: Any = None
        self._begin(0, 0, "nothing has started")

    def _begin(self, done: int, total: int, state: str) -> None:
        """Forget an earlier training or run."""
        self._done, self._total, self._state = done, total, state
        self._records: list[dict[str, Any]] = []
        self._sheet: Path | None = None
        self._lines: list[str] = []
        self._statuses: Counter[str] = Counter()

    def __call__(self, event: Event | RunStarted | Outcome) -> None:
        """Take note of an event, and update what is shown."""
        match event:
            case Started():
                self._begin(event.step, event.steps, f"training on {', '.join(event.devices)}")
                self._lines += event.notes
            case Progress():
                self._done, self._total = event.step, event.steps
                self._records.append({"step": event.step, "terms": event.terms})
                self._state = f"{event.images_per_second:.1f} images/s, {event.seconds_left:.0f} s left"
            case Sampled():
                self._records.append({"step": event.step, "probe": event.scores})
                self._sheet = event.path
            case Alarmed():
                self._records.append({"step": event.step, "alarm": event.alarm})
                self._lines.append(f"step {event.step}: {event.alarm}: {event.text}")
            case Finished():
                self._done, self._state = event.step, f"{event.reason}: {event.bundle or 'no bundle'}"
            case RunStarted():
                self._begin(0, event.total, f"{event.up_to_date} up to date")
            case Outcome():
                self._take_outcome(event)
        self._update(last=isinstance(event, Finished) or self._done == self._total)

    def _take_outcome(self, outcome: Outcome) -> None:
        self._done += 1
        self._statuses[outcome.status] += 1
        self._state = ", ".join(f"{count} {status}" for status, count in self._statuses.items())
        if outcome.status == "failed":
            self._lines.append(f"{outcome.entry.relative}: {outcome.reason}")

    def _update(self, last: bool) -> None:
        """Show the state in the notebook that runs, if there is one, but not after every picture of a run."""
        notebook = sys.modules.get("IPython.display")
        if notebook is None or sys.modules["IPython"].get_ipython() is None:
            return
        now = time.monotonic()
        if self._handle is None:
            self._handle = notebook.display(self, display_id=True)
        elif last or now - self._shown_at >= _SECONDS:
            self._handle.update(self)
        else:
            return
        self._shown_at = now

    def __repr__(self) -> str:
        return f"<display: {self._done} of {self._total}, {self._state}>"

    def _repr_html_(self) -> str:
        """A bar, the curves, and the newest sample sheet, which notebooks show."""
        bar = f"<progress style='width:100%' value='{self._done}' max='{max(self._total, 1)}'></progress>"
        lines = "".join(f"<div>{html.escape(line)}</div>" for line in self._lines)
        head = f"{bar}<div>{self._done} of {self._total}: {html.escape(self._state)}</div>{lines}"
        return f"<div>{head}{''.join(self._charts())}{self._samples()}</div>"

    def _charts(self) -> Iterator[str]:
        alarms = [record["step"] for record in self._records if "alarm" in record]
        found = charts_of(self._records, self._metrics)
        for title, lines in ((title, lines) for heading in _SHOWN for title, lines in found[heading].items()):
            drawn = f"<div>{html.escape(title)}</div>{chart(lines, alarms)}"
            yield f"<div style='display:inline-block;width:48%;margin:1%;vertical-align:top'>{drawn}</div>"

    def _samples(self) -> str:
        """The newest sample sheet with its scores; nothing if there is none, or it was removed."""
        if self._sheet is None:
            return ""
        try:
            data = base64.b64encode(read_bytes(self._sheet)).decode()
        except OSError:
            return ""
        record = next(record for record in reversed(self._records) if "probe" in record)
        scores = shown_scores({name: by["mean"] for name, by in record["probe"].items()}, self._metrics)
        caption = html.escape(", ".join([f"step {record['step']}", *scores]))
        return f"<figure><img src='data:image/png;base64,{data}'><figcaption>{caption}</figcaption></figure>"
