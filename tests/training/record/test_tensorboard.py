"""Event files, read back as TensorBoard reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from img2imgkit.errors import TrainingError
from img2imgkit.training.record.tensorboard import EventLog

LINE = {
    "step": 10, "time": 5.0, "terms": {"l1": 0.5}, "gradients": {"critics": 2.0}, "rates": {"generators": 0.25},
    "images_per_second": 8.0, "input_wait": 0.125,
}  # fmt: skip
SHEET = {"step": 20, "time": 6.0, "probe": {"psnr": {"mean": 30.0, "cat": 1.0}}, "sheet": "s.png"}


def events(folder: Path) -> list[Any]:
    (path,) = folder.glob("events.out.tfevents.*")
    records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    return [tf.compat.v1.Event.FromString(record) for record in records]


def test_every_figure_has_its_tag_step_and_time(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "tb", tmp_path, [])
    log.add(LINE)
    log.add({"step": 11, "alarm": "collapse", "text": "..."})
    log.close()
    first, line, alarm = events(tmp_path / "tb")
    assert first.file_version == "brain.Event:2"
    assert (line.step, line.wall_time) == (10, 5.0)
    assert {value.tag: value.simple_value for value in line.summary.value} == {
        "terms/l1": 0.5, "gradients/critics": 2.0, "rates/generators": 0.25, "speed/images_per_second": 8.0,
        "speed/input_wait": 0.125,
    }  # fmt: skip
    assert [value.tag for value in alarm.summary.value] == ["alarms/collapse"]


def test_sheets_are_images_logged_with_the_scores(tmp_path: Path) -> None:
    (tmp_path / "s.png").write_bytes(b"png")
    log = EventLog(tmp_path / "tb", tmp_path, [])
    log.add(SHEET)
    log.close()
    score, image = events(tmp_path / "tb")[1].summary.value
    assert (score.tag, score.simple_value) == ("probe/psnr", 30.0)
    assert (image.tag, image.image.encoded_image_string) == ("samples", b"png")


def test_a_resumed_run_shows_each_step_once(tmp_path: Path) -> None:
    before = EventLog(tmp_path / "tb", tmp_path, [])
    before.add(LINE)
    before.add({**LINE, "step": 15})  # after the last checkpoint of a run that was killed
    before.close()
    resumed = EventLog(tmp_path / "tb", tmp_path, [LINE])
    resumed.add({**LINE, "step": 12})
    resumed.close()
    assert [event.step for event in events(tmp_path / "tb")] == [0, 10, 12]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "tb").write_text("in the way")
    with pytest.raises(TrainingError, match=r"tb: cannot write it"):
        EventLog(tmp_path / "tb", tmp_path, [])
