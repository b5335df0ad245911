"""How training events are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from img2imgkit import backend
from img2imgkit.cli.train_progress import shown

backend.load()

from img2imgkit.training import Event, Finished, Progress, Sampled, Saved, Started  # noqa: E402

EVENTS: list[Event] = [
    Started(("/cpu:0",), 16, 8, {"generators": 12345}, 100, 200, ("generator: 4 of 5 weights from x2; fresh: out",)),
    Progress(150, 200, {"l1": 0.0251, "generators_total": 0.0251}, {"generators": 1e-3}, 160.25, 0.004, 65.4),
    Saved(150, Path("run/step.npz")),
    Sampled(150, Path("run/sheet.png"), {"mean": 31.234, "cat": 30.0}),
    Finished(200, Path("run/bundle")),
    Finished(170, None),
]


def show(style: str, capsys: pytest.CaptureFixture[str]) -> str:
    with shown(style) as notify:
        for event in EVENTS:
            notify(event)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize("style", ["lines", "auto"])
def test_lines_say_devices_batch_parameters_then_figures(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(style, capsys).splitlines() == [
        "/cpu:0: batch 16 (8 a device), generators 12,345 parameters",
        "generator: 4 of 5 weights from x2; fresh: out",
        "resumed after step 100",
        "step 150/200  l1 0.02510  rate 1.00e-03  160.2 images/s  input wait 0.4%  left 0:01:05",
        "step 150: probe 31.23 dB, run/sheet.png",
        "done: run/bundle",
        "stopped after step 170; go on with --resume",
    ]


def test_json_has_every_event_with_all_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    events = [json.loads(line) for line in show("json", capsys).splitlines()]
    assert [event.pop("event") for event in events] == [
        "started", "progress", "saved", "sampled", "finished", "finished",
    ]  # fmt: skip
    assert events[0]["parameters"] == {"generators": 12345}
    assert events[1]["seconds_left"] == 65.4
    assert events[3]["path"] == str(Path("run/sheet.png"))
    assert events[5] == {"step": 170, "bundle": None}


def test_none_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert show("none", capsys) == ""


def test_the_bar_keeps_what_is_worth_keeping(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    text = show("bar", capsys)
    assert "generators 12,345 parameters" in text
    assert "150/200" in text
    assert "probe 31.23 dB" in text
    assert "done: run/bundle" in text
