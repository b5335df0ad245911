"""Checkpoints: the resumable training state as one npz file per step, each replaced atomically."""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.errors import TrainingError
from img2imgkit.files import open_regular, replacing

STEP = "step"


def save(folder: Path, step: int, state: Mapping[str, Any], keep: int) -> Path:
    """Write the state after ``step`` steps, then delete all but the ``keep`` newest checkpoints.

    Raises:
        TrainingError: the file cannot be written; older checkpoints are kept.
    """
    path = folder / f"step-{step:09d}.npz"
    write(path, step, state)
    for old in listed(folder)[:-keep]:
        old.unlink(missing_ok=True)
    return path


def write(path: Path, step: int, state: Mapping[str, Any]) -> None:
    """Write the state after ``step`` steps to a file, atomically.

    Raises:
        TrainingError: the file cannot be written; an existing one is kept.
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
    """Restore the newest checkpoint, and return its step; 0 if there is no checkpoint.

    Raises:
        TrainingError: the checkpoint is damaged, or belongs to other networks or optimizers; nothing is changed.
    """
    found = listed(folder)
    if not found:
        return 0
    arrays = _read(found[-1])
    if STEP not in arrays or arrays[STEP].shape != ():
        raise TrainingError(f"{found[-1]}: not a checkpoint of a training; delete it to resume from the previous one")
    step = int(arrays.pop(STEP))
    _prove_fit(found[-1], arrays, state)
    for name, variable in state.items():
        variable.assign(arrays[name])
    return step


def digest(path: Path) -> str:
    """Return a SHA-256 of a checkpoint's content: the step, and the name, type, shape and bits of every variable.

    Raises:
        TrainingError: the checkpoint is damaged.
    """
    found = hashlib.sha256()
    for name, array in sorted(_read(path).items()):
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with open_regular(path) as handle, np.load(handle, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise TrainingError(
            f"{path}: cannot read this checkpoint: {error}; delete it to resume from the previous one"
        ) from error


def _prove_fit(path: Path, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
    odd = sorted(arrays.keys() ^ state.keys())
    if odd:
        raise TrainingError(
            f"{path}: belongs to another training: {odd[0]!r} is only in one of them (and {len(odd) - 1} more)"
        )
    for name, variable in state.items():
        if arrays[name].shape != tuple(variable.shape):
            shapes = f"{arrays[name].shape}, expected {tuple(variable.shape)}"
            raise TrainingError(f"{path}: belongs to another training: {name!r} has shape {shapes}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translate an OSError into one that names the file and says how to continue.

    Raises:
        TrainingError: the file cannot be written, such as on a full disk.
    """
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"{path}: cannot write it: {error.strerror or error}. Earlier files are complete; "
            "fix the cause, then resume the run"
        ) from error
