"""Files that Keras saves. Untrusted ones are read as arrays and data; Keras builds nothing from a configuration."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit.errors import ExportError, InteropError
from img2imgkit.files import open_regular, prove_regular
from img2imgkit.formats.archive import Refused, plain_members
from img2imgkit.formats.converting import quietly

if TYPE_CHECKING:
    import h5py  # type: ignore[import-untyped]
    import keras

Convolution = tuple[np.ndarray, np.ndarray]
WEIGHTS = "model.weights.h5"  # in a .keras file; the network's configuration next to it is not read
CONFIG = "config.json"  # the same of networks of other programs, of which nothing but plain layers is built
WHOLE = "model_weights/"  # in an .h5 file of a whole model
MAX_CONFIG = 32 << 20  # bytes
ARCHIVE, PLAIN = ".keras", ".weights.h5"
UNREAD = ("optimizer/", "seed_generator")  # training state, which is not read
DAMAGED = (
    *(AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError),
    zipfile.BadZipFile,
)  # raised by h5py and zipfile for damaged files
MAX_ENTRIES = 20_000  # groups and arrays; the largest networks have about three thousand


def read_convolutions(path: Path) -> list[Convolution]:
    """Each convolution's kernel and bias, in the order of the layers' names; everything else is ignored.

    Reads ``.weights.h5`` and the older ``.h5`` files of ``keras.applications``.

    Shapes:
        (h, w, channels, filters) and (filters,) each
    Raises:
        InteropError: the file does not exist or contains no Keras weights.
    """
    with _opened(path) as file:
        groups: dict[str, list[h5py.Dataset]] = {}
        for name, dataset in _datasets(file, path):
            groups.setdefault(name.rpartition("/")[0], []).append(dataset)
        found = [_convolution(groups[name]) for name in sorted(groups, key=_by_number)]
    return [each for each in found if each]


def read_shapes(path: Path) -> Counter[tuple[int, ...]]:
    """Count the arrays of each shape that a ``.keras`` or ``.weights.h5`` file contains for its network.

    Raises:
        InteropError: the file does not exist, contains no Keras weights or not as plain numbers, or contains NaN or
            infinity.
    """
    shapes: Counter[tuple[int, ...]] = Counter()
    with _opened(path) as file:
        for name, dataset in _datasets(file, path):
            if not any(mark in name for mark in UNREAD):
                if not np.isfinite(np.asarray(dataset)).all():
                    raise InteropError(f"{path}: {name} contains NaN or infinity")
                shapes[dataset.shape] += 1
    if not shapes:
        raise InteropError(f"{path}: contains no weights in the form that Keras 3 saves")
    return shapes


def read_text(path: Path, name: str, most: int) -> str | None:
    """Read a text member of up to ``most`` bytes from a ``.keras`` file; None if there is no such member.

    Raises:
        InteropError: the member is larger or not text, or the archive is refused.
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
            raise InteropError(f"{path}: its {name} is not text: {error}") from None


def read_config(path: Path) -> Any:
    """The configuration of the network that a ``.keras`` file or a whole model in an ``.h5`` file contains, as data.

    Raises:
        InteropError: the file cannot be read, or contains weights only.
    """
    text = read_text(path, CONFIG, MAX_CONFIG) if path.name.endswith(ARCHIVE) else _config_text(path)
    if text is None:
        raise InteropError(f"{path}: contains weights only, no description of a network")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InteropError(f"{path}: its description of the network is no valid JSON: {_reason(error)}") from None


def read_named(path: Path) -> dict[str, np.ndarray]:
    """The weights of a whole model in an ``.h5`` file, by the names that Keras gave them, such as "conv2d/kernel".

    Raises:
        InteropError: the file cannot be read, has no such weights, or they are not plain finite numbers.
    """
    found = {}
    with _opened(path) as file:
        for name, dataset in _datasets(file, path):
            if name.startswith(WHOLE):
                array = np.asarray(dataset, np.float32)
                if not np.isfinite(array).all():
                    raise InteropError(f"{path}: {name} contains NaN or infinity")
                found[name.removeprefix(WHOLE).removesuffix(":0")] = array
    if not found:
        raise InteropError(f"{path}: contains no weights of a whole model")
    return found


def _config_text(path: Path) -> str | None:
    with _opened(path) as file:
        stated = file.attrs.get("model_config")
        text = stated.decode("utf-8", "replace") if isinstance(stated, bytes) else stated
        if text is not None and (not isinstance(text, str) or len(text) > MAX_CONFIG):
            raise InteropError(f"{path}: its network's description is no text, or larger than {MAX_CONFIG >> 20} MiB")
        return text


def write_network(model: keras.Model, path: Path, name: str) -> None:
    """Write a ``.keras`` file. Raises ExportError: Keras cannot save the network ``name``."""
    with quietly():
        try:
            model.save(path)
        except Exception as error:
            raise ExportError(f"Keras cannot save {name}: {' '.join(str(error).split())[:500]}") from error


def load_written(path: Path) -> keras.Model:
    """Load a file just written by ``write_network``. Only for trusted files, because Keras builds its layers."""
    import keras

    with quietly():
        return keras.saving.load_model(path, compile=False)


def fill(model: keras.Model, path: Path) -> None:
    """Load the weights of a file into its network; Keras matches layers by class and order.

    Raises:
        InteropError: the weights are those of another network.
    """
    prove_shapes(model, path)
    try:
        model.load_weights(path)
    except (ValueError, KeyError, OSError) as error:
        raise InteropError(f"{path}: does not fit the network {model.name!r}: {error}") from None


def prove_shapes(model: keras.Model, path: Path) -> None:
    """Raises InteropError: the shapes of a file's arrays are not those of the network's weights."""
    stored = read_shapes(path)
    wanted = Counter(tuple(variable.shape) for variable in model.weights if "seed_generator" not in variable.path)
    if stored != wanted:
        shape, _ = min((stored - wanted or wanted - stored).items())
        raise InteropError(
            f"{path}: has {stored.total()} arrays, {stored[shape]} of shape {shape}; the network {model.name!r} has "
            f"{wanted.total()}, {wanted[shape]} of that shape"
        )


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a ``.keras`` file, provided that its members are uncompressed and have safe names."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
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
                raise InteropError(f"{path}: has no {WEIGHTS}, so it is not a .keras file")
            content = io.BytesIO(archive.read(WEIGHTS))  # in the archive, seeking back would reread from the start
            with h5py.File(content, "r") as file:
                yield file
        return
    try:
        prove_regular(path)
        with h5py.File(path, "r") as file:
            yield file
    except DAMAGED as error:
        raise InteropError(f"{path}: cannot be read as Keras weights: {_reason(error)}") from None


def _datasets(file: h5py.File, path: Path) -> Iterator[tuple[str, Any]]:
    """Every array in an HDF5 file with its name; links, external data and sizes beyond the file's are refused."""
    import h5py

    waiting: list[tuple[str, Any]] = [("", file)]
    claimed = 0
    seen: set[Any] = set()
    while waiting:
        name, item = waiting.pop()
        if len(seen) == MAX_ENTRIES or item.id in seen:
            raise InteropError(f"{path}: its groups form a cycle, or it has more than {MAX_ENTRIES} entries")
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
                raise InteropError(f"{path}: {name}/{key} is a link")
            waiting.append((f"{name}/{key}".lstrip("/"), item[key]))


def _check(path: Path, dataset: Any, claimed: int) -> None:
    if dataset.dtype.kind not in "fiub":
        raise InteropError(f"{path}: {dataset.name} has type {dataset.dtype}, which is not a plain number")
    if dataset.external or dataset.is_virtual or claimed > path.stat().st_size:
        raise InteropError(f"{path}: {dataset.name} is not stored in the file as {dataset.nbytes} plain bytes")


def _convolution(datasets: list[Any]) -> Convolution | None:
    by_rank = {len(each.shape): each for each in datasets}
    if by_rank.keys() != {1, 4}:
        return None
    return np.asarray(by_rank[4]), np.asarray(by_rank[1])


def _by_number(name: str) -> list[Any]:
    """A sort key that orders conv2d, conv2d_2, conv2d_10 like this."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
