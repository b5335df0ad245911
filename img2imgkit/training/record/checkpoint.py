"""Resumable training state as one npz file a step: written beside, synced, then renamed, so that none is ever half."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.errors import TrainingError
from img2imgkit.files import replacing
from img2imgkit.training.record.disk_errors import writing

STEP = "step"


def save(folder: Path, step: int, state: Mapping[str, Any], keep: int) -> Path:
    """Write the state after ``step`` steps, then drop all but the ``keep`` newest checkpoints.

    Raises:
        TrainingError: it cannot be written; the older ones are still there then.
    """
    path = folder / f"step-{step:09d}.npz"
    write(path, step, state)
    for old in listed(folder)[:-keep]:
        old.unlink(missing_ok=True)
    return path


def write(path: Path, step: int, state: Mapping[str, Any]) -> None:
    """Write the state after ``step`` steps to a file, at once.

    Raises:
        TrainingError: it cannot be written; what was there still is.
    """
    arrays = {name: variable.numpy() for name, variable in state.items()}
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as handle:
            np.savez(handle, allow_pickle=False, **{STEP: np.int64(step)}, **arrays)


def listed(folder: Path) -> list[Path]:
    """The checkpoints of a folder, oldest first."""
    return sorted(path for path in folder.glob("step-*.npz") if re.fullmatch(r"step-\d+\.npz", path.name))


def restore(folder: Path, state: Mapping[str, Any]) -> int:
    """Put the newest checkpoint into the variables, and return how many steps it has seen; 0 where there is none.

    Raises:
        TrainingError: the newest one is damaged, or is of other networks or optimizers; nothing has been changed then.
    """
    found = listed(folder)
    if not found:
        return 0
    arrays = _read(found[-1])
    step = int(arrays.pop(STEP))
    _prove_fit(found[-1], arrays, state)
    for name, variable in state.items():
        variable.assign(arrays[name])
    return step


def digest(path: Path) -> str:
    """One SHA-256 over everything a checkpoint holds: the step, and each variable's name, type, shape and bits.

    Raises:
        TrainingError: it is damaged.
    """
    found = hashlib.sha256()
    for name, array in sorted(_read(path).items()):
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"{path}: cannot read this checkpoint: {error}; remove it to resume from the one before"
        ) from error


def _prove_fit(path: Path, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
    odd = sorted(arrays.keys() ^ state.keys())
    if odd:
        raise TrainingError(
            f"{path}: is of another training: {odd[0]!r} is on one side only (and {len(odd) - 1} others)"
        )
    for name, variable in state.items():
        if arrays[name].shape != tuple(variable.shape):
            shapes = f"{arrays[name].shape}, expected {tuple(variable.shape)}"
            raise TrainingError(f"{path}: is of another training: {name!r} has shape {shapes}")
