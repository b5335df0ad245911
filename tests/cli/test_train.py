"""``img2img train`` from the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit.cli.train import command

TEXT = """\
name: first
task: super-resolution
options: {scale: 2, generator: {kind: residual, width: 4, blocks: 1}}
data: {kind: degraded, folder: pictures, crop: 16, batch: 4}
training: {steps: 6, log_every: 2, checkpoint_every: 3, generators: {schedule: {kind: cosine}}}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    (tmp_path / "pictures").mkdir()
    Image.fromarray(pixels).save(tmp_path / "pictures" / "a.png")
    (tmp_path / "train.yaml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(place: Path, *arguments: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "img2imgkit.cli", "train", "train.yaml", "--device", "cpu", *arguments]
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.Popen(line, cwd=place, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def newest(folder: Path) -> dict[str, np.ndarray]:
    with np.load(max((folder / "checkpoints").glob("*.npz"))) as stored:
        return {name: stored[name] for name in stored.files}


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)


def finish(process: subprocess.Popen[str]) -> None:
    error = process.communicate()[1]
    assert process.returncode == 0, error


def test_help_names_every_option(img2img) -> None:  # type: ignore[no-untyped-def]
    text = img2img("train", "--help").out
    for option in command.params:
        assert option.name == "file" or max(option.opts, key=len) in text


def test_it_trains_into_the_run_folder_and_prints_the_devices(img2img, place: Path) -> None:  # type: ignore[no-untyped-def]
    outcome = img2img("train", "train.yaml", "--progress", "lines")
    assert outcome.code == 0
    assert outcome.out == ""
    first, *lines = outcome.err.splitlines()
    assert first.startswith("CPU:0: batch 4 (4 per device), ")
    assert "generators " in first
    assert " parameters" in first
    assert [line.split()[1] for line in lines if line.startswith("step")] == ["2/6", "3/6", "4/6", "6/6"]
    assert "images/s" in lines[0]
    assert "input wait" in lines[0]
    assert (place / "runs" / "first" / "bundle" / "bundle.json").exists()


def test_json_progress_is_one_object_per_line(img2img, place: Path) -> None:  # type: ignore[no-untyped-def]
    outcome = img2img(
        "train", "train.yaml", "--output", place / "out", "--progress", "json", "--set", "training.steps=2"
    )
    events = [json.loads(line) for line in outcome.err.splitlines()]
    assert [event["event"] for event in events] == ["started", "saved", "progress", "saved", "finished"]
    assert events[2]["steps"] == 2
    assert events[-1]["bundle"] == str(place / "out" / "bundle")


def test_a_stopped_run_is_finished_without_its_training_file(img2img, place: Path) -> None:  # type: ignore[no-untyped-def]
    run = place / "runs" / "first"
    assert img2img("train", "train.yaml", "--set", "training.steps=3", "--progress", "none").code == 0
    shutil.rmtree(run / "bundle")
    (place / "train.yaml").unlink()
    outcome = img2img("train", "--finish", run)
    assert outcome.code == 0
    assert outcome.err.splitlines()[-1] == f"done: {run / 'bundle'}"
    assert (run / "bundle" / "bundle.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'FILE'"),
        (["--finish", "runs/first", "--resume"], "--finish takes a run folder, and neither FILE"),
        (["train.yaml", "--finish", "runs/first"], "--finish takes a run folder, and neither FILE"),
        (["--finish", "runs/gone"], "runs/gone: contains no run to resume"),
    ],
)
def test_wrong_arguments_are_told(img2img, place: Path, arguments, message) -> None:  # type: ignore[no-untyped-def]
    outcome = img2img("train", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert not (place / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "training.steps=no"], "training.steps"),
        (["--set", "options.generator.widht=4"], "did you mean 'width'"),
        (["--set", "data.folder=gone"], "gone: no such folder"),
        (["--device", "gpu:7"], "device 'gpu:7': TensorFlow sees"),
        (["--device", "tpu"], "expected auto, cpu, gpu"),
        (["--resume"], "contains no run to resume"),
    ],
)
def test_an_error_is_one_message_and_exit_code_2(img2img, place: Path, arguments, message) -> None:  # type: ignore[no-untyped-def]
    outcome = img2img("train", "train.yaml", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert not (place / "runs" / "first" / "checkpoints").exists()


def test_check_opens_the_pictures_too(img2img, place: Path) -> None:  # type: ignore[no-untyped-def]
    assert img2img("check", "train.yaml").code == 0
    (place / "pictures" / "odd.png").write_text("no picture")
    outcome = img2img("check", "train.yaml")
    assert outcome.code == 2
    assert "odd.png" in outcome.out + outcome.err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_a_checkpoint_and_exits_as_shells_expect(place: Path, number: signal.Signals) -> None:
    process = start(place, "--set", "training.steps=1000000")
    wait_for(place / "runs" / "first" / "checkpoints" / "step-000000003.npz", process)
    process.send_signal(number)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number
    assert "continue with --resume" in error
    step = int(newest(place / "runs" / "first")["step"])
    assert f"stopped after step {step}" in error
