"""Progress of a run: counts, speed and the time left."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import pytest

from img2imgkit.cli.progress import progress, teller
from img2imgkit.item import Entry
from img2imgkit.pipeline import Outcome
from img2imgkit.pipeline.executor import Status


class Clock:
    now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", lambda: clock.now)
    return clock


def outcome(number: int, status: Status = "done") -> Outcome:
    return Outcome(Entry(f"/in/{number}.png", PurePosixPath(f"{number}.png"), number, 1, ""), status)


def test_the_time_left_is_of_the_pictures_after_the_first(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("json") as watcher:
        watcher.started(6, 0)
        watcher.finished(outcome(0, "failed"))  # known before anything is loaded
        clock.now += 60
        watcher.finished(outcome(1))
        clock.now += 2
        watcher.finished(outcome(2))
        clock.now += 2
        watcher.finished(outcome(3, "failed"))
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(each["rate"], each["eta"]) for each in events[1:]] == [(None, None), (None, None), (0.5, 6.0), (0.5, 4.0)]


def test_lines_have_a_speed_as_soon_as_there_is_one(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("lines") as watcher:
        watcher.started(3, 1)
        clock.now += 60
        watcher.finished(outcome(0))
        clock.now += 10
        watcher.finished(outcome(1))
        watcher.finished(outcome(2))
    assert capsys.readouterr().err.splitlines() == [
        "3 pictures to make, 1 up to date",
        "1/3",
        "2/3  0.10 pictures/s  10 s left",
        "3/3  0.20 pictures/s  0 s left",
    ]


def test_what_takes_seconds_before_the_first_picture_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for kind, quiet in (("auto", False), ("json", False), ("auto", True), ("none", False)):
        teller(kind, quiet)("making\x1b it")
    assert capsys.readouterr().err.splitlines() == [
        "making\\x1b it",
        '{"event": "preparing", "text": "making\\u001b it"}',
    ]
