"""Runs batches one after another, each in a child process; pause and cancel finish the pictures in progress."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from img2imgkit.app import commands
from img2imgkit.app.batch_store import Batch, BatchStore, Wanted
from img2imgkit.app.roots import shown
from img2imgkit.app.run_process import Ended, RunProcess
from img2imgkit.app.surveys import DONE, FAILED, OPEN, Picture, Survey, error_of, id_of, key_of, survey
from img2imgkit.errors import RequestError

State = Literal["queued", "running", "stopping", "paused", "cancelled", "done", "failed", "blocked", "broken"]
RETRY = 5.0  # seconds until a folder is tried again that another command is using
FINISHING = 120.0  # seconds that a run gets for the pictures in progress when the server ends
_IN_USE = re.compile(r"is using this folder \([^)]*\)")
_STATUS = {"done": DONE, "failed": FAILED}


@dataclass
class _Progress:
    """What is known of a batch beside its row.

    Attributes:
        survey: what is done, as far as it was asked
        problem: why it does not go on
        blocked_until: when its folder is tried again; 0 if it was free
    """

    survey: Survey | None = None
    running: bool = False
    total: int = 0
    up_to_date: int = 0
    count: int = 0
    rate: float | None = None
    eta: float | None = None
    text: str = ""
    problem: str = ""
    blocked_until: float = 0.0
    pictures: dict[tuple[str, str], Picture] = field(default_factory=dict)


class BatchQueue:
    """The queue. One thread runs the batches.

    Args:
        notify: called after each change, in any thread
    """

    def __init__(self, store: BatchStore, notify: Callable[[], object]) -> None:
        self._store, self._notify = store, notify
        self._changed = threading.Condition()
        self._known: dict[str, _Progress] = {}
        self._current: tuple[str, RunProcess] | None = None
        self._closing = False
        self._surveys = ThreadPoolExecutor(1, "survey")
        store.pause_all()
        for batch in store.all():
            self._surveys.submit(self._ask, batch)
        self._thread = threading.Thread(target=self._run_all, name="batch queue", daemon=True)
        self._thread.start()

    def add(self, batch: Batch) -> Batch:
        """Queue a batch."""
        made = self._store.add(batch)
        self._wake()
        return made

    def pause(self, id: str) -> None:
        """Stop a batch once the pictures in progress are finished; it can be resumed."""
        self._stop(id, "pause")

    def cancel(self, id: str) -> None:
        """Stop a batch once the pictures in progress are finished. What was made stays."""
        self._stop(id, "cancel")

    def resume(self, id: str) -> None:
        """Let a batch go on, or run again: only what is missing is made."""
        self._store.get(id)
        self._progress(id).problem = ""
        self._store.want(id, "run")
        self._wake()

    def move_first(self, id: str) -> None:
        """Let a batch run before those that wait."""
        self._store.get(id)
        self._store.move_first(id)
        self._wake()

    def remove(self, id: str) -> Batch:
        """Forget a batch that is not running. Raises RequestError: it is running."""
        batch = self._store.get(id)
        with self._changed:
            if self._current is not None and self._current[0] == id:
                raise RequestError("this batch is running: cancel it first", 409)
            self._store.remove(id)
            self._known.pop(id, None)
        self._wake()
        return batch

    def state_of(self, batch: Batch) -> State:
        """The state of a batch."""
        progress = self._progress(batch.id)
        if progress.running:
            return "running" if batch.wanted == "run" else "stopping"
        if batch.wanted == "run":
            return "blocked" if progress.blocked_until else "queued"
        if progress.problem:
            return "broken"
        if batch.wanted == "end":
            return "failed" if any(each.status != DONE for each in self.pictures(batch.id).values()) else "done"
        return "paused" if batch.wanted == "pause" else "cancelled"

    def view(self) -> list[dict[str, Any]]:
        """Every batch, as the page shows it."""
        return [self._view(batch) for batch in self._store.all()]

    def pictures(self, id: str) -> Mapping[tuple[str, str], Picture]:
        """The outputs of a batch: those of the last survey, and those made since."""
        progress = self._progress(id)
        before = progress.survey.pictures if progress.survey else {}
        return {**before, **dict(progress.pictures)}

    def close(self) -> None:
        """Stop the running batch once the pictures in progress are finished. It is resumed from the page."""
        self._closing = True
        with self._changed:
            process = self._current[1] if self._current else None
        if process is not None:
            process.stop()
        self._wake()
        self._thread.join(FINISHING)
        if self._thread.is_alive() and process is not None:
            process.kill()
        self._surveys.shutdown(cancel_futures=True)
        self._store.close()

    def _stop(self, id: str, wanted: Wanted) -> None:
        self._store.get(id)
        self._store.want(id, wanted)
        with self._changed:
            if self._current is not None and self._current[0] == id:
                self._current[1].stop()
        self._wake()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
        self._notify()

    def _progress(self, id: str) -> _Progress:
        return self._known.setdefault(id, _Progress())

    def _run_all(self) -> None:
        while not self._closing:
            batch = self._next()
            if batch is None:
                with self._changed:
                    self._changed.wait(1.0)
            else:
                self._try_to_run(batch)

    def _next(self) -> Batch | None:
        now = time.monotonic()
        waiting = (batch for batch in self._store.all() if batch.wanted == "run")
        return next((batch for batch in waiting if self._progress(batch.id).blocked_until <= now), None)

    def _try_to_run(self, batch: Batch) -> None:
        """Run a batch; what keeps it from being started is told, and it is tried again."""
        try:
            self._run(batch)
        except (OSError, sqlite3.Error) as error:
            progress = self._progress(batch.id)
            progress.running, progress.text = False, shown(error)
            progress.blocked_until = time.monotonic() + RETRY
            self._notify()

    def _run(self, batch: Batch) -> None:
        with self._changed:
            if self._store.find(batch.id) != batch:
                return  # removed, or no longer wanted
            before = self._progress(batch.id)
            progress = _Progress(survey=before.survey, running=True, pictures=before.pictures)
            self._known[batch.id] = progress
            command = commands.run(self._store.pipeline_file(batch.id))
            process = RunProcess(command, lambda event: self._on_event(progress, event))
            self._current = (batch.id, process)
        if self._closing:
            process.stop()
        self._notify()
        self._on_end(batch.id, progress, process.wait())
        with self._changed:
            self._current = None
        if not self._closing:
            self._surveys.submit(self._ask, batch)
        self._notify()

    def _on_event(self, progress: _Progress, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "started":
            progress.total, progress.up_to_date, progress.text = event["total"], event["up_to_date"], ""
        elif kind == "preparing":
            progress.text = shown(event["text"])
        elif kind == "item":
            progress.count, progress.rate, progress.eta = event["count"], event["rate"], event["eta"]
            if event["status"] in _STATUS:
                status = _STATUS[event["status"]]
                reason = shown(event["reason"]) if status == FAILED else ""
                key, output = key_of(event), next(iter(event["outputs"]), "")
                progress.pictures[key] = Picture(id_of(key), event["input"], output, status, reason)
        self._notify()

    def _on_end(self, id: str, progress: _Progress, ended: Ended) -> None:
        """Decide what the end of a run means; a run that another command blocks is tried again."""
        progress.running, progress.eta = False, None
        if self._closing:
            return
        if ended.code in (0, 1) and ended.answer is not None:
            self._store.want(id, "end")
        elif blocked := _IN_USE.search(ended.text):
            progress.text = f"another command {shown(blocked[0])}"
            progress.blocked_until = time.monotonic() + RETRY
        elif self._store.get(id).wanted == "run":
            progress.problem = _unexpected(ended)
            self._store.want(id, "pause")

    def _ask(self, batch: Batch) -> None:
        """Ask what is done, which replaces what the events said."""
        if self._closing:
            return
        try:
            found = survey(self._store.pipeline_file(batch.id), Path(batch.output))
        except OSError as error:
            found = Survey(problem=shown(error))
        progress = self._progress(batch.id)
        if found.problem:
            progress.problem = progress.problem or ("" if progress.blocked_until else found.problem)
        elif not progress.running:
            progress.survey, progress.pictures = found, {}
        self._notify()

    def _view(self, batch: Batch) -> dict[str, Any]:
        progress = self._progress(batch.id)
        pictures = list(self.pictures(batch.id).values())
        counts = {status: sum(each.status == status for each in pictures) for status in (DONE, FAILED, OPEN)}
        told = progress.running or (progress.survey is None and progress.total + progress.up_to_date > 0)
        total = progress.total + progress.up_to_date if told else len(pictures)
        made = progress.count + progress.up_to_date if told else counts[DONE] + counts[FAILED]
        return {
            "id": batch.id,
            "name": shown(batch.name),
            "model": batch.model,
            "source": shown(batch.source),
            "output": shown(batch.output),
            "created": batch.created,
            "state": self.state_of(batch),
            "made": made,
            "total": total,
            "outputs": counts[DONE],
            "failed": counts[FAILED],
            "rate": progress.rate if progress.running else None,
            "eta": progress.eta,
            "text": progress.text,
            "problem": progress.problem,
            "surveyed": progress.survey is not None or told,
        }


def _unexpected(ended: Ended) -> str:
    """Why a run ended before it was done."""
    if ended.code < 0:
        return f"The run was ended by signal {-ended.code}. Nothing that was finished is lost."
    return error_of(ended)
