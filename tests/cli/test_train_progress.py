"""Display of training events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from img2imgkit import backend
from img2imgkit.cli.train_progress import shown
from img2imgkit.metrics import L1, Psnr

backend.load()

from img2imgkit.training import (  # noqa: E402
    Alarmed,
    Event,
    Finished,
    Progress,
    Sampled,
    Saved,
    Started,
    Waiting,
)

METRICS = {"psnr": Psnr, "l1": L1}
EVENTS: list[Event] = [
    Waiting(2, 3, "second:2222"),
    Started(
        ("/cpu:0",), 16, 8, {"generators": 12345}, 100, 200, ("generator: 4 of 5 weights from x2; not copied: out",)
    ),
    Progress(150, 200, {"l1": 0.0251, "generators_total": 0.0251}, {"generators": 1e-3}, 160.25, 0.004, 65.4),
    Saved(150, Path("run/step.npz")),
    Sampled(150, Path("run/sheet.png"), {"psnr": {"mean": 31.234, "cat": 30.0}, "l1": {"mean": 4.0}}, best=True),
    Sampled(160, Path("run/other.png"), {}),
    Alarmed(160, "collapse", "all alike"),
    Finished(200, Path("run/bundle")),
    Finished(200, None),
    Finished(170, None, "interrupted"),
    Finished(180, None, "alarm"),
    Finished(190, Path("run/bundle"), "settled"),
    Finished(195, None, "failed"),
]


def show(style: str, capsys: pytest.CaptureFixture[str]) -> str:
    with shown(style, METRICS) as notify:
        for event in EVENTS:
            notify(event)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize("style", ["lines", "auto"])
def test_lines_contain_devices_batch_and_parameters_then_figures(
    style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(style, capsys).splitlines() == [
        "machine 2 of 3 at second:2222: waiting for the other machines",
        "/cpu:0: batch 16 (8 per device), generators 12,345 parameters",
        "generator: 4 of 5 weights from x2; not copied: out",
        "resumed after step 100",
        "step 150/200  l1 0.02510  rate 1.00e-03  160.2 images/s  input wait 0.4%  left 0:01:05",
        "step 150: probe PSNR 31.23 dB, L1 4.00 levels, run/sheet.png, the best so far",
        "step 160: probe run/other.png",
        "step 160: ALARM, collapse: all alike",
        "done: run/bundle",
        "done: the first machine has the bundle",
        "stopped after step 170; continue with --resume",
        "stopped by an alarm after step 180; continue with --resume",
        "stopped after step 190: no better score of the probe within training.patience",
        "done: run/bundle",
        "stopped by an error after step 195; once it is fixed, continue with --resume",
    ]


def test_json_has_every_event_with_all_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    events = [json.loads(line) for line in show("json", capsys).splitlines()]
    assert [event.pop("event") for event in events] == [
        "waiting", "started", "progress", "saved", "sampled", "sampled", "alarmed", *["finished"] * 6,
    ]  # fmt: skip
    assert events[1]["parameters"] == {"generators": 12345}
    assert events[2]["seconds_left"] == 65.4
    assert events[4]["path"] == str(Path("run/sheet.png"))
    assert events[9] == {"step": 170, "bundle": None, "reason": "interrupted"}


def test_none_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert show("none", capsys) == ""


def test_the_bar_keeps_important_messages(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    text = show("bar", capsys)
    assert "generators 12,345 parameters" in text
    assert "150/200" in text
    assert "probe PSNR 31.23 dB" in text
    assert "done: run/bundle" in text
    assert "160.2 images/s  input wait 0.4%  left 0:01:05  rate 1.00e-03  l1 0.02510" in text


def test_the_bar_is_one_line_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    (line,) = [line for line in show("bar", capsys).splitlines() if "150/200" in line]
    assert line.startswith("train")
    assert len(line.rstrip()) <= 60
    assert line.rstrip().endswith("…")


def test_machines_identify_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    with shown("lines", METRICS) as notify:
        notify(Started(("CPU:0",), 16, 8, {"generators": 5}, 0, 9, machine=2, machines=3))
    assert capsys.readouterr().err.startswith("machine 2 of 3, CPU:0: batch 16")
