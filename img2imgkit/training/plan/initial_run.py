"""Initial weights from another training: the newest checkpoint of its run folder, or a stated checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2imgkit import bundle
from img2imgkit.errors import InteropError, Problem, TrainingError
from img2imgkit.files import read_text
from img2imgkit.task import Networks
from img2imgkit.training.state import checkpoint

if TYPE_CHECKING:
    import keras

_CHECKPOINTS, _CONFIG = "checkpoints", "config.json"
MAX_CONFIG = 4 << 20  # bytes of config.json; real ones have a few KB
_GROUPS = ("generators", "critics", "average")


@dataclass(frozen=True)
class InitialRun:
    """A checkpoint of another training.

    Attributes:
        stated: the run folder or checkpoint, as an absolute path
        checkpoint: the checkpoint; of a run folder the newest
        sha256: the digest of its bytes
        problem: creates a problem at the run's place in the training file
    """

    stated: Path
    checkpoint: Path
    sha256: str
    problem: Callable[[str], Problem] = field(compare=False)

    def record(self) -> dict[str, str]:
        """The run and its checkpoint by name, for a bundle's training record."""
        return {"run": self._folder.name, "checkpoint": self.checkpoint.name, "sha256": self.sha256}

    def options(self, task: str) -> Mapping[str, Any] | None:
        """The options that the run trains a task with; None if it trains another task, or does not say."""
        try:
            config = json.loads(read_text(self._folder / _CONFIG, MAX_CONFIG))
        except (OSError, ValueError, RecursionError):
            return None
        known = isinstance(config, dict) and config.get("task") == task and isinstance(config.get("options"), dict)
        return config["options"] if known else None

    @property
    def _folder(self) -> Path:
        return self.checkpoint.parent.parent


def checkpoint_in(path: Path) -> Path | None:
    """The checkpoint that a path states; None if it is neither a checkpoint nor a run folder.

    Raises:
        InteropError: a run folder without checkpoints.
    """
    if path.is_file():
        return path if path.suffix == ".npz" else None
    if not (path / _CHECKPOINTS).is_dir() or (path / bundle.MANIFEST).exists():
        return None
    found = checkpoint.listed(path / _CHECKPOINTS)
    if not found:
        raise InteropError(f"{path}: this run has no checkpoint to start from")
    return found[-1]


def copy_checkpoint(run: InitialRun, nets: Networks) -> tuple[str, ...]:
    """Copy the weights of each network of the same role and shapes, critics included. No optimizer state is copied.

    Generators receive the moving average of their weights, if the run has one, as in its bundle.

    Returns:
        one line per network: where its weights are from, or why it keeps its random ones

    Raises:
        InteropError: the file is not a checkpoint, or no network fits.
    """
    arrays, notes, fitted = _read(run.checkpoint), [], 0
    for role, net in {**nets.generators, **nets.critics}.items():
        try:
            notes.append(f"{role}: {_filled(net, role, arrays, run.checkpoint)}")
            fitted += 1
        except InteropError as error:
            notes.append(f"{role}: keeps its random weights: {error}")
    if not fitted:
        raise InteropError("; ".join(notes))
    return tuple(notes)


def fill_from_checkpoint(path: Path, role: str, net: keras.Model) -> str:
    """Fill a network from the network of the same role in a checkpoint, and describe how.

    Raises:
        InteropError: the file is not a checkpoint, or the network does not fit.
    """
    return _filled(net, role, _read(path), path)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return checkpoint.read(path, _GROUPS)
    except TrainingError as error:
        raise InteropError(f"{error}; expected a checkpoint of a training, such as RUN/checkpoints/step-...") from error


def _filled(net: keras.Model, role: str, arrays: Mapping[str, Any], path: Path) -> str:
    given = next(filter(None, (_of(arrays, group, role) for group in ("average", "generators", "critics"))), None)
    where = f"{path.parent.parent.name}/{path.name}"
    if given is None:
        raise InteropError(f"{where} has no network {role!r}")
    variables = list(net.variables)
    odd = [v.path for v, array in zip(variables, given, strict=False) if array.shape != tuple(v.shape)]
    if len(given) != len(variables) or odd:
        shapes = f"; the first of another shape is {odd[0]}" if odd else ""
        raise InteropError(
            f"{where} has {len(given)} variables of {role!r}, and this task has {len(variables)}{shapes}"
        )
    for variable, array in zip(variables, given, strict=True):
        if "seed_generator" not in variable.path:  # random numbers depend on this training's own seed
            variable.assign(array)
    return f"all weights from {where}"


def _of(arrays: Mapping[str, Any], group: str, role: str) -> list[Any]:
    return [array for _, array in sorted(_named(arrays, f"{group}/{role}/"))]


def _named(arrays: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    return ((name, array) for name, array in arrays.items() if name.startswith(prefix))
