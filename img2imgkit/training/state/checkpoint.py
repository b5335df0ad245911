"""Checkpoints: the resumable training state as one npz file per step, each replaced atomically."""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.errors import TrainingError
from img2imgkit.files import open_regular, replacing, sync_folder

STEP = "step"
Arrays = Mapping[str, np.ndarray]


def save(folder: Path, step: int, arrays: Arrays, keep: int) -> Path:
    """Write the state after ``step`` steps, then delete all but the ``keep`` newest checkpoints.

    An old checkpoint that cannot be deleted now is deleted after the next one has been written.

    Raises:
        TrainingError: the file cannot be written; older checkpoints are kept.
    """
    path = folder / f"step-{step:09d}.npz"
    write(path, step, arrays)
    for old in listed(folder)[:-keep]:
        with suppress(OSError):
            old.unlink(missing_ok=True)
    return path


def write(path: Path, step: int, arrays: Arrays) -> None:
    """Write the state after ``step`` steps to a file, atomically.

    Raises:
        TrainingError: the file cannot be written; an existing one is kept.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as handle:
            np.savez(handle, allow_pickle=False, **{STEP: np.int64(step)}, **arrays)
        sync_folder(path.parent)  # before older checkpoints are deleted


def copied(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Copy the values of variables to memory of the host."""
    return {name: np.asarray(variable.numpy()) for name, variable in state.items()}


def listed(folder: Path) -> list[Path]:
    """The checkpoints of a folder, oldest first."""
    return sorted(path for path in folder.glob("step-*.npz") if re.fullmatch(r"step-\d+\.npz", path.name))


def step_of(path: Path) -> int:
    """The step in the name of a checkpoint that ``listed`` returns."""
    return int(path.stem.removeprefix("step-"))


def restore(folder: Path, state: Mapping[str, Any]) -> int:
    """Restore the newest checkpoint, and return its step; 0 if there is no checkpoint.

    Raises:
        TrainingError: the checkpoint is damaged, or belongs to other networks or optimizers; nothing is changed.
    """
    found = listed(folder)
    if not found:
        return 0
    try:
        arrays = read(found[-1])
        if arrays[STEP].shape != ():
            raise TrainingError(f"{found[-1]}: not a checkpoint of a training")
    except TrainingError as error:
        raise TrainingError(f"{error}; delete it to resume from the previous one") from error
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
    for name, array in sorted(read(path).items()):
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def read(path: Path, groups: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of a checkpoint by name, and its step as ``step``.

    Args:
        groups: read only names that begin with one of these, such as "generators"; None: all

    Raises:
        TrainingError: the checkpoint is damaged.
    """
    try:
        with open_regular(path) as handle, np.load(handle, allow_pickle=False) as stored:
            names = [name for name in stored.files if groups is None or name.partition("/")[0] in {STEP, *groups}]
            return {STEP: stored[STEP], **{name: stored[name] for name in names}}
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        MemoryError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise TrainingError(f"{path}: cannot read this checkpoint: {error}") from error


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
