"""The queue with programs in place of runs: what it makes of their ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from img2imgkit.app import batch_queue, commands
from img2imgkit.app.batch_queue import BatchQueue
from img2imgkit.app.batch_store import Batch, BatchStore

BATCH = Batch("", "photos", "model", "name: x\n", "/in", "/out")
EVENTS = """
import json, sys
for event in (
    {"event": "preparing", "text": "making a form"},
    {"event": "started", "total": 2, "up_to_date": 0},
    {"event": "item", "input": "/in/a", "variant": {}, "status": "done", "reason": "new", "outputs": ["/out/a"],
     "count": 1, "rate": None, "eta": None},
    {"event": "item", "input": "/in/b", "variant": {}, "status": "failed", "reason": "is broken", "outputs": [],
     "count": 2, "rate": 1.0, "eta": 0.0},
):
    print(json.dumps(event), file=sys.stderr, flush=True)
print("{}")
sys.exit(1)
"""
pytestmark = pytest.mark.slow  # it starts processes
Program = Callable[[str], None]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    """Set the program that stands for a run; surveys can tell nothing."""
    monkeypatch.setattr(commands, "survey", lambda pipeline: [sys.executable, "-S", "-c", "import sys; sys.exit(2)"])

    def put(text: str) -> None:
        command: Sequence[str] = [sys.executable, "-S", "-c", text] if text else ["/missing/program"]
        monkeypatch.setattr(commands, "run", lambda pipeline: command)

    return put


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[BatchQueue]:
    made = BatchQueue(BatchStore(tmp_path), lambda: None)
    yield made
    made.close()


def until(queue: BatchQueue, state: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while (found := queue.view()[0])["state"] != state:
        assert time.monotonic() < end, found
        time.sleep(0.01)
    return found


def test_events_become_pictures_and_counts(queue: BatchQueue, program: Program) -> None:
    program(EVENTS)
    id = queue.add(BATCH).id
    found = until(queue, "broken")  # because the survey cannot tell what is done
    assert (found["made"], found["total"], found["outputs"], found["failed"]) == (2, 2, 1, 1)
    assert [(each.source, each.status, each.reason) for each in queue.pictures(id).values()] == [
        ("/in/a", "done", ""),
        ("/in/b", "failed", "is broken"),
    ]


def test_an_error_of_the_command_is_told(queue: BatchQueue, program: Program) -> None:
    program("import sys; print('error: the pipeline is wrong', file=sys.stderr); sys.exit(2)")
    queue.add(BATCH)
    assert until(queue, "broken")["problem"] == "the pipeline is wrong"


def test_a_program_that_cannot_be_started_is_told_and_tried_again(
    queue: BatchQueue, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_queue, "RETRY", 0.05)
    program("")
    queue.add(BATCH)
    assert "/missing/program" in until(queue, "blocked")["text"]
    program(EVENTS)
    assert until(queue, "broken")["made"] == 2


def test_a_batch_that_waits_can_be_paused_moved_and_removed(queue: BatchQueue, program: Program) -> None:
    program("import sys; sys.stdin.read(); sys.exit(130)")
    first, second, third = (queue.add(BATCH).id for _ in range(3))
    until(queue, "running")
    queue.pause(second)
    queue.move_first(third)
    states = {each["id"]: each["state"] for each in queue.view()}
    assert list(states) == [third, first, second]
    assert states == {third: "queued", first: "running", second: "paused"}
    queue.remove(second)
    assert [each["id"] for each in queue.view()] == [third, first]
    queue.pause(first)  # which lets the other one run
    queue.pause(third)


def test_nothing_runs_after_a_start_before_the_user_says_so(tmp_path: Path, program: Program) -> None:
    program("import sys; sys.stdin.read(); sys.exit(130)")
    store = BatchStore(tmp_path)
    store.add(BATCH)
    store.close()
    queue = BatchQueue(BatchStore(tmp_path), lambda: None)
    assert queue.view()[0]["state"] in ("paused", "broken")
    queue.resume(queue.view()[0]["id"])
    until(queue, "running")
    queue.close()
