"""The fingerprint of the pictures of a run: what differs is said, and what that means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_gan_runs import make_place
from small_gan_task import catalog

from img2imgkit.config import load_yaml
from img2imgkit.training import read_training_plan
from img2imgkit.training.record.fingerprint import Fingerprint, difference, fingerprint
from img2imgkit.training.record.run_folder import RunFolder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_place(tmp_path)


def found(place: Path) -> Fingerprint:
    return fingerprint(read_training_plan(load_yaml(place / "train.yaml"), catalog()))


def test_the_same_files_are_the_same_and_other_files_do_not_count(place: Path) -> None:
    before = found(place)
    assert {option: each["files"] for option, each in before.items()} == {"data.folder": 2, "probe": 1}
    (place / "pictures" / ".hidden.png").write_text("x")
    assert difference(before, found(place)) == ""


def test_times_alone_may_mean_a_copy(place: Path) -> None:
    before = found(place)
    os.utime(place / "pictures" / "a.png", (1, 1))
    said = difference(before, found(place))
    assert "data.folder has files with other times, but the same names and sizes" in said
    assert "If the files were only copied, the training goes on exactly" in said


@pytest.mark.parametrize("change", ["names", "sizes"])
def test_names_and_sizes_mean_another_training(place: Path, change: str) -> None:
    before, path = found(place), place / "pictures" / "b.png"
    if change == "names":
        path.rename(place / "pictures" / "c.png")
    else:
        path.write_bytes(path.read_bytes() + b"!")
    said = difference(before, found(place))
    assert f"data.folder has files with other {change}" in said
    assert "the result is not that of an uninterrupted run" in said


def test_numbers_are_told_of_every_folder_and_what_the_probe_means(place: Path) -> None:
    before = found(place)
    for folder in ("pictures", "probe"):
        (place / folder / "more.png").write_bytes(b"")
    said = difference(before, found(place))
    assert "data.folder has 3 files, and had 2; probe has 2 files, and had 1. " in said
    assert "Scores of the probe before and after this step cannot be compared" in said
    (place / "pictures" / "more.png").unlink()
    assert "uninterrupted" not in difference(before, found(place))


def test_a_run_folder_says_a_change_once_and_keeps_its_history(tmp_path: Path) -> None:
    def pictures(count: int) -> Fingerprint:
        return {"data.folder": {"files": count, "names": str(count), "sizes": "", "times": ""}}

    folder = RunFolder(tmp_path / "run")
    folder.open({"name": "x"}, resume=False)
    assert folder.compare_pictures(pictures(2), 0) == ""
    assert folder.compare_pictures(pictures(2), 4) == ""
    assert "3 files, and had 2" in folder.compare_pictures(pictures(3), 6)
    assert folder.compare_pictures(pictures(3), 8) == ""
    (tmp_path / "run" / "pictures.json").write_text("[{")
    assert "does not record its pictures" in folder.compare_pictures(pictures(3), 8)
    assert folder.compare_pictures(pictures(3), 9) == ""
