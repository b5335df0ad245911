"""Writes a run's figures and sheets as TensorBoard event files; TensorBoard need not be installed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

from img2imgkit.files import read_bytes
from img2imgkit.training.state.checkpoint import writing

Record = Mapping[str, Any]


class EventLog:
    """The event file of one process. It starts with the run's records so far, and replaces older event files.

    A resumed run therefore shows each step once, even if the previous process wrote events after its last checkpoint.
    """

    def __init__(self, folder: Path, samples: Path, records: Iterable[Record]) -> None:
        self._samples = samples
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            older = list(folder.glob("events.out.tfevents.*"))
            self._path = folder / f"events.out.tfevents.{time.time_ns()}.{os.getpid()}.img2imgkit"
            self._file = tf.io.TFRecordWriter(str(self._path))
            self._write(tf.compat.v1.Event(wall_time=time.time(), file_version="brain.Event:2"))
            for record in records:
                self._write(self._event(record))
            self._file.flush()
            for old in older:
                old.unlink()

    def add(self, record: Record) -> None:
        """Append a record of ``metrics.jsonl``, and the sheet that it names."""
        with _writing(self._path):
            self._write(self._event(record))
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with _writing(self._path):
            self._file.close()

    def _write(self, event: Any) -> None:
        self._file.write(event.SerializeToString())

    def _event(self, record: Record) -> Any:
        event = tf.compat.v1.Event(wall_time=record.get("time", 0.0), step=record["step"])
        for tag, value in _scalars(record):
            event.summary.value.add(tag=tag, simple_value=value)
        if "sheet" in record and (path := self._samples / record["sheet"]).exists():
            image = event.summary.value.add(tag="samples").image
            image.encoded_image_string = read_bytes(path)
        return event


def _scalars(record: Record) -> Iterator[tuple[str, float]]:
    for group in ("terms", "gradients", "scales", "rates"):
        for name, value in record.get(group, {}).items():
            yield f"{group}/{name}", value
    for name in ("images_per_second", "input_wait"):
        if name in record:
            yield f"speed/{name}", record[name]
    for metric, by_picture in record.get("probe", {}).items():
        yield f"probe/{metric}", by_picture["mean"]
    if "alarm" in record:
        yield f"alarms/{record['alarm']}", 1.0


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Convert TensorFlow's file errors to OSErrors, which ``writing`` translates."""
    with writing(path):
        try:
            yield
        except tf.errors.OpError as error:
            raise OSError(error.message) from error
