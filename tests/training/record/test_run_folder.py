"""The run folder: rewinding on resume, and errors of writing."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from img2imgkit.catalog import Plugin
from img2imgkit.errors import TrainingError
from img2imgkit.training.record.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    made.open({"name": "x"}, resume=False)
    return made


def test_rewinding_deletes_later_records_sheets_and_unfinished_files(folder: RunFolder) -> None:
    for step in (10, 20):
        path = folder.add_sample(step, np.zeros((4, 4, 3), np.uint8))
        folder.add_record({"step": step, "sheet": path.name})
    folder.checkpoints.mkdir()
    (folder.checkpoints / ".step-000000021.npz.new").write_bytes(b"half")
    folder.rewind(15)
    assert [record["step"] for record in folder.records()] == [10]
    assert [path.name for path in folder.samples.iterdir()] == ["step-000000010.png"]
    assert list(folder.checkpoints.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("config.json", lambda folder: folder.open({}, resume=False)),
        ("environment.json", lambda folder: folder.write_environment(("CPU:0",), Plugin("tiny", list))),
        ("report.html", lambda folder: folder.write_report("page")),
        ("step-000000001.png", lambda folder: folder.add_sample(1, np.zeros((4, 4, 3), np.uint8))),
        ("metrics.jsonl", lambda folder: folder.rewind(0)),
    ],
)
def test_a_full_disk_is_named_with_the_file_and_the_old_file_stays(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, name: str, write: Callable[[RunFolder], object]
) -> None:
    folder.add_record({"step": 1})
    folder.write_report("old")
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TrainingError, match=rf"{name}: cannot write it: No space left on device.*resume the run"):
        write(folder)
    assert {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()} == before


def test_an_unwritable_metrics_file_is_named(folder: RunFolder) -> None:
    folder.metrics.mkdir()
    with pytest.raises(TrainingError, match=r"metrics\.jsonl: cannot write it: Is a directory"):
        folder.add_record({"step": 1})
