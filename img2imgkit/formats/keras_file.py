"""Files that Keras saves. Those of others are read as arrays: no layer is built as a file says, and nothing is run."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit.errors import ExportError, InteropError
from img2imgkit.formats.archive import Refused, plain_members
from img2imgkit.formats.converter_output import quietly

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]
    import keras

Convolution = tuple[np.ndarray, np.ndarray]
WEIGHTS = "model.weights.h5"  # in a .keras file; beside it lies how the network is built, which stays unread
ARCHIVE, PLAIN = ".keras", ".weights.h5"
UNREAD = ("optimizer/", "seed_generator")  # what a training leaves besides
DAMAGED = (
    *(AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    zipfile.BadZipFile,
)  # what h5py and zipfile make of damaged files
MAX_ENTRIES = 20_000  # groups and arrays; the largest networks have about three thousand


def read_convolutions(path: Path) -> list[Convolution]:
    """Each convolution's kernel and bias, in the order of the layers' names; what else there is stays unread.

    Reads ``.weights.h5`` as well as the older ``.h5`` of Keras's applications.

    Shapes:
        (h, w, channels, filters) and (filters,) each
    Raises:
        InteropError: no such file, or no weights of Keras.
    """
    with _opened(path) as file:
        groups: dict[str, list[h5py.Dataset]] = {}
        for name, dataset in _datasets(file, path):
            groups.setdefault(name.rpartition("/")[0], []).append(dataset)
        found = [_convolution(groups[name]) for name in sorted(groups, key=_by_number)]
    return [each for each in found if each]


def read_shapes(path: Path) -> Counter[tuple[int, ...]]:
    """How many arrays of each shape a ``.keras`` or ``.weights.h5`` file holds for its network; all are finite.

    Raises:
        InteropError: no such file, no weights of Keras, or they do not lie in it as plain numbers.
    """
    shapes: Counter[tuple[int, ...]] = Counter()
    with _opened(path) as file:
        for name, dataset in _datasets(file, path):
            if not any(mark in name for mark in UNREAD):
                if not np.isfinite(np.asarray(dataset)).all():
                    raise InteropError(f"{path}: {name} holds NaN or infinity")
                shapes[dataset.shape] += 1
    if not shapes:
        raise InteropError(f"{path}: holds no weights as Keras 3 saves them")
    return shapes


def read_text(path: Path, name: str, most: int) -> str | None:
    """A text of ``most`` bytes at most, beside the network in a ``.keras`` file; None where there is none.

    Raises:
        InteropError: it is larger or no text, or the archive is refused.
    """
    if not path.name.endswith(ARCHIVE):
        return None
    with _archive(path) as archive:
        if name not in archive.namelist():
            return None
        if archive.getinfo(name).file_size > most:
            raise InteropError(f"{path}: its {name} is larger than {most >> 20} MiB")
        try:
            return archive.read(name).decode("utf-8")
        except UnicodeDecodeError as error:
            raise InteropError(f"{path}: its {name} is no text: {error}") from None


def write_network(model: keras.Model, path: Path, name: str) -> None:
    """Write a ``.keras`` file. Raises ExportError: Keras cannot save the network ``name``."""
    with quietly():
        try:
            model.save(path)
        except Exception as error:
            raise ExportError(f"Keras cannot save {name}: {' '.join(str(error).split())[:500]}") from error


def load_written(path: Path) -> keras.Model:
    """The network in a file that ``write_network`` has just written; its layers are built as the file says."""
    import keras

    with quietly():
        return keras.saving.load_model(path, compile=False)


def fill(model: keras.Model, path: Path) -> None:
    """Put the weights of a file into the network whose they are; Keras finds each layer by its class and its order.

    Raises:
        InteropError: they are another network's.
    """
    stored = read_shapes(path)
    wanted = Counter(tuple(variable.shape) for variable in model.weights if "seed_generator" not in variable.path)
    if stored != wanted:
        shape, _ = min((stored - wanted or wanted - stored).items())
        raise InteropError(
            f"{path}: has {stored.total()} arrays, {stored[shape]} of shape {shape}; the network {model.name!r} has "
            f"{wanted.total()}, {wanted[shape]} of that shape"
        )
    try:
        model.load_weights(path)
    except (ValueError, KeyError, OSError) as error:
        raise InteropError(f"{path}: does not fit the network {model.name!r}: {error}") from None


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """A ``.keras`` file whose members lie in it as they are, under plain names."""
    try:
        with zipfile.ZipFile(path) as archive:
            plain_members(archive, path, "Keras")
            yield archive
    except Refused as error:
        raise InteropError(f"{path}: {error}") from None
    except DAMAGED as error:
        raise InteropError(f"{path}: cannot be read as a .keras file: {_reason(error)}") from None


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    import h5py

    if path.name.endswith(ARCHIVE):
        with _archive(path) as archive:
            if WEIGHTS not in archive.namelist():
                raise InteropError(f"{path}: has no {WEIGHTS}, so it is no .keras file")
            content = io.BytesIO(archive.read(WEIGHTS))  # in the archive, each step back begins at its beginning
            with h5py.File(content, "r") as file:
                yield file
        return
    try:
        with h5py.File(path, "r") as file:
            yield file
    except DAMAGED as error:
        raise InteropError(f"{path}: cannot be read as weights that Keras saved: {_reason(error)}") from None


def _datasets(file: h5py.File, path: Path) -> Iterator[tuple[str, Any]]:
    """Every array in an HDF5 file, by name; links are refused, and what lies elsewhere or claims more than there is."""
    import h5py

    waiting: list[tuple[str, Any]] = [("", file)]
    claimed = 0
    seen: set[Any] = set()
    while waiting:
        name, item = waiting.pop()
        if len(seen) == MAX_ENTRIES or item.id in seen:
            raise InteropError(f"{path}: its groups go round, or are more than {MAX_ENTRIES}")
        seen.add(item.id)
        if isinstance(item, h5py.Dataset):
            claimed += item.nbytes
            _check(path, item, claimed)
            yield name, item
            continue
        if not isinstance(item, h5py.Group):
            raise InteropError(f"{path}: {name} is neither a group nor an array")
        for key in item:
            if not isinstance(item.get(key, getlink=True), h5py.HardLink):
                raise InteropError(f"{path}: {name}/{key} is a link to another place")
            waiting.append((f"{name}/{key}".lstrip("/"), item[key]))


def _check(path: Path, dataset: Any, claimed: int) -> None:
    if dataset.dtype.kind not in "fiub":
        raise InteropError(f"{path}: {dataset.name} holds {dataset.dtype}, which are no plain numbers")
    if dataset.external or dataset.is_virtual or claimed > path.stat().st_size:
        raise InteropError(f"{path}: {dataset.name} does not lie in the file as {dataset.nbytes} plain bytes")


def _convolution(datasets: list[Any]) -> Convolution | None:
    by_rank = {len(each.shape): each for each in datasets}
    if by_rank.keys() != {1, 4}:
        return None
    return np.asarray(by_rank[4]), np.asarray(by_rank[1])


def _by_number(name: str) -> list[Any]:
    """Sorts conv2d, conv2d_2, conv2d_10 in this order."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
