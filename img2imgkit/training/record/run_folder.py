"""The folder of a training run: configuration, environment, metrics, samples, checkpoints, bundles, report."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit import __version__
from img2imgkit.catalog import Plugin
from img2imgkit.errors import TrainingError
from img2imgkit.files import prove_regular, read_bytes, read_text, write_whole
from img2imgkit.images import Picture, encode
from img2imgkit.locks import locked
from img2imgkit.training.record.fingerprint import Fingerprint, difference
from img2imgkit.training.record.run_plugin import CONFIG, ENVIRONMENT, record_of
from img2imgkit.training.state import checkpoint
from img2imgkit.training.state.checkpoint import writing

MAX_CONFIG = 4 << 20  # bytes of config.json; real ones have a few KB
MAX_PICTURES = 1 << 30  # bytes of pictures.json, which names every picture
MAY_CHANGE = frozenset(
    f"training.{name}"
    for name in (
        *("steps", "epochs", "log_every", "sample_every", "checkpoint_every"),
        *("keep", "best", "patience", "alarms", "micro_batches"),
    )
) | {"data.cache"}

_FILES = "files"


class RunFolder:
    """The files of a run, and how they are written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.samples = path / "samples"
        self.bundle = path / "bundle"
        self.best_checkpoint = self.checkpoints / "best.npz"
        self.best_bundle = path / "best"
        self.tensorboard = path / "tensorboard"
        self.metrics = path / "metrics.jsonl"
        self.report = path / "report.html"
        self.error = path / "error.txt"
        self.config = path / CONFIG
        self._pictures = path / "pictures.json"
        self._initial = path / "initial.json"

    @contextmanager
    def locked(self, resume: bool) -> Iterator[None]:
        """Create the folder, and hold its lock during the body.

        Raises:
            LockError: another training uses the folder.
            TrainingError: there is no run to resume, or the folder cannot be written.
        """
        if resume and not self.config.exists():
            raise TrainingError(f"{self.path}: contains no run to resume; start it without resuming")
        with ExitStack() as held:
            with writing(self.path):
                self.path.mkdir(parents=True, exist_ok=True)
                held.enter_context(locked(self.path / ".lock", "another training"))
            yield

    def open(self, config: Mapping[str, Any], resume: bool) -> None:
        """Create the folder of a new run, or check that it contains this run.

        Raises:
            TrainingError: it contains another run, or none to resume, or cannot be written.
        """
        if resume:
            self._prove_same(config)
        elif checkpoint.listed(self.checkpoints):
            raise TrainingError(f"{self.path}: already contains a run; resume it, or choose another folder")
        with writing(self.path):
            self.samples.mkdir(parents=True, exist_ok=True)
            if self.metrics.exists():
                prove_regular(self.metrics)  # writing to a pipe would wait for its reader
        self._write(self.config, json.dumps(config, indent=2) + "\n")

    def initial_record(self, found: Any, resumed: bool) -> Any:
        """Keep the record of the initial weights of a new run, or return that of a resumed one.

        A run that gave its newest checkpoint may have newer ones when this run is resumed.
        """
        if found is None:
            return None
        if resumed and self._initial.exists():
            try:
                return json.loads(read_text(self._initial, MAX_CONFIG))
            except (OSError, ValueError, RecursionError):
                return found
        self._write(self._initial, json.dumps(found, indent=2) + "\n")
        return found

    def compare_pictures(self, found: Fingerprint, step: int) -> str:
        """Record the pictures that the steps from ``step`` on are trained on.

        Returns:
            how they differ from those before, and what that means; "" if they are the same
        """
        before = self._read_pictures() if step else []
        changed = difference(before[-1][_FILES], found) if before else ""
        if step and not before:
            changed = "the run does not record its pictures, so it is unknown whether they are still the same"
        if changed or not before:
            history = [*before, {"step": step, _FILES: found}]
            self._write(self._pictures, json.dumps(history, indent=2) + "\n")
        return changed

    def write_error(self, trace: str) -> Path | None:
        """Write ``error.txt``, the trace of the error that ended the training; None if it cannot be written."""
        try:
            write_whole(self.error, trace)
        except OSError:
            return None
        return self.error

    def rewind(self, step: int) -> None:
        """Delete records, sheets and unfinished files that follow the checkpoint to resume from."""
        kept = [record for record in self.records() if record["step"] <= step]
        if self.metrics.exists():
            self._write(self.metrics, "".join(json.dumps(record) + "\n" for record in kept))
        sheets = {record["sheet"] for record in kept if "sheet" in record}
        stale = [path for path in self.samples.glob("step-*.png") if path.name not in sheets]
        for path in [*stale, *self.checkpoints.glob(".*.new"), self.error]:
            path.unlink(missing_ok=True)

    def add_record(self, record: Mapping[str, Any]) -> None:
        """Append a line to ``metrics.jsonl``."""
        with writing(self.metrics), self.metrics.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(record) + "\n")

    def records(self) -> list[dict[str, Any]]:
        """Return all complete lines of ``metrics.jsonl``."""
        if not self.metrics.exists():
            return []
        found = []
        try:
            lines = read_bytes(self.metrics).splitlines()
        except OSError as error:
            raise TrainingError(f"{self.metrics}: cannot read it: {error.strerror or error}") from error
        for line in lines:
            with suppress(ValueError, RecursionError):  # the last line of a killed run, or an edited one
                record = json.loads(line)
                if _is_record(record):
                    found.append(record)
        return found

    def add_sample(self, step: int, sheet: np.ndarray) -> Path:
        """Write a sample sheet."""
        path = self.samples / f"step-{step:09d}.png"
        self._write(path, encode(Picture(sheet), "PNG").data)
        return path

    def write_environment(self, devices: tuple[str, ...], plugin: Plugin) -> None:
        """Write the versions and devices of this run, and the plugin of its task."""
        found = {**environment(devices), **record_of(plugin)}
        self._write(self.path / ENVIRONMENT, json.dumps(found, indent=2) + "\n")

    def write_report(self, page: str) -> None:
        """Write ``report.html``."""
        self._write(self.report, page)

    def _write(self, path: Path, content: bytes | str) -> None:
        with writing(path):
            write_whole(path, content)

    def _read_config(self) -> Any:
        try:
            return json.loads(read_text(self.config, MAX_CONFIG))
        except (OSError, ValueError, RecursionError) as error:
            raise TrainingError(
                f"{self.config}: cannot be read: {error}; start a new run in another folder, with a checkpoint of "
                "this one as 'initial'"
            ) from error

    def _read_pictures(self) -> list[dict[str, Any]]:
        try:
            found = json.loads(read_text(self._pictures, MAX_PICTURES))
        except (OSError, ValueError, RecursionError):
            return []
        known = isinstance(found, list) and all(isinstance(each, dict) and _is_fingerprint(each) for each in found)
        return found if known else []

    def _prove_same(self, config: Mapping[str, Any]) -> None:
        before = self._read_config()
        differ = sorted(_differences(before, json.loads(json.dumps(config))))
        if differ:
            raise TrainingError(
                f"{self.path}: the run was started with other values of {', '.join(differ)}; "
                "restore them, or start a new run in another folder"
            )
        if not checkpoint.listed(self.checkpoints):
            raise TrainingError(f"{self.path}: contains no checkpoint to resume from; start it without resuming")


def _is_record(record: Any) -> bool:
    """Whether a line has the form of a record, as far as readers depend on it."""
    if not isinstance(record, dict) or type(record.get("step")) is not int or record["step"] < 0:
        return False
    groups = [record.get(name, {}) for name in ("terms", "gradients", "scales", "rates")]
    scores = record.get("probe", {})
    return (
        all(isinstance(record.get(name, ""), str) for name in ("sheet", "alarm"))
        and Path(record.get("sheet", "")).name == record.get("sheet", "")
        and all(isinstance(group, dict) and all(map(_is_number, group.values())) for group in groups)
        and all(_is_number(record.get(name, 0.0)) for name in ("time", "images_per_second", "input_wait"))
        and isinstance(scores, dict)
        and all(isinstance(each, dict) and _is_number(each.get("mean")) for each in scores.values())
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or value is None


def environment(devices: tuple[str, ...]) -> dict[str, Any]:
    """Return versions and devices, for the run folder and the training record."""
    libraries = {name: metadata.version(name) for name in ("tensorflow", "keras", "numpy", "pillow")}
    return {
        "img2imgkit": __version__,
        "python": platform.python_version(),
        **libraries,
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "devices": list(devices),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _differences(before: Any, now: Any, key: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict) and key not in MAY_CHANGE:
        inner = [_differences(before.get(n), now.get(n), f"{key}.{n}".lstrip(".")) for n in before.keys() | now.keys()]
        return [name for names in inner for name in names]
    return [] if before == now or key in MAY_CHANGE else [key]


def _is_fingerprint(record: Mapping[str, Any]) -> bool:
    files = record.get(_FILES)
    return isinstance(files, dict) and all(isinstance(each, dict) for each in files.values())
