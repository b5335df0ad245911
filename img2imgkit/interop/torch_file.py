"""PyTorch's checkpoint files, read into numpy arrays without PyTorch.

A checkpoint is a pickle, and a pickle is a program. Here it may call nothing but a handful of functions of ours that
describe tensors; whatever else it names is refused, and every size that it claims is checked before memory is taken.
"""

from __future__ import annotations

import io
import math
import mmap
import pickle
import pickletools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from img2imgkit.errors import InteropError

MAX_PICKLE = 32 << 20  # bytes of structure; an optimizer's state of a large network has about one million
MAX_AXES = 16
ByteOrder = Literal["<", ">"]
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of the files before PyTorch 1.6
BFLOAT16 = "bfloat16"  # which numpy lacks: read as 16-bit numbers, and widened
STORAGES = {
    **{"DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": BFLOAT16},
    **{"LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1"},
    **{"ByteStorage": "u1", "BoolStorage": "?"},
}


def read_torch(path: Path | str) -> Any:
    """What ``torch.save`` wrote to a file (.pth, .pt, .ckpt): dicts, lists, numbers, and numpy arrays for tensors.

    Both the zip files of PyTorch 1.6 and later and the ones before are read; bfloat16 becomes float32.

    Raises:
        InteropError: no such file, damaged, or it holds anything but data.
    """
    path = Path(path)
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        return _read_legacy(path)
    except _Refused as error:
        raise InteropError(f"{path}: {error}") from None
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a hostile or damaged pickle can fail in every way there is
        raise InteropError(f"{path}: damaged, or no PyTorch checkpoint ({type(error).__name__}: {error})") from None


class _Refused(Exception):
    """Why a file is not read."""


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise _Refused("its members are compressed, which torch.save never does")
        if sum(member.file_size for member in members.values()) > path.stat().st_size:
            raise _Refused("its members claim more bytes than the file has")
        structures = [name for name in members if name.endswith("/data.pkl")]
        if len(structures) != 1:
            raise _Refused("a zip file, but not one of torch.save: it has no data.pkl")
        root = structures[0].removesuffix("data.pkl")
        if f"{root}constants.pkl" in members:
            raise _Refused("TorchScript, which holds a program; save the network's state_dict() instead")
        order = archive.read(f"{root}byteorder") if f"{root}byteorder" in members else b"little"
        sign: ByteOrder = ">" if order == b"big" else "<"
        kept: dict[str, np.ndarray] = {}

        def storage(kind: str, key: str, count: int) -> np.ndarray:
            name = f"{root}data/{key}"
            if name not in kept:
                kept[name] = np.frombuffer(archive.read(name), np.uint8)
            return _typed(kept[name], kind, count, sign)

        return _Reader(io.BytesIO(_structure(io.BytesIO(archive.read(structures[0])))), storage).load_plain()


def _read_legacy(path: Path) -> Any:
    """Four pickles (magic number, protocol, system, structure), the storages' keys, then their bytes in that order."""
    if path.stat().st_size == 0:
        raise _Refused("empty")
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as file:
        if _legacy_value(file) != LEGACY_MAGIC:
            raise _Refused("no PyTorch checkpoint: neither a zip file nor the format before PyTorch 1.6")
        _legacy_value(file)
        system = _legacy_value(file)
        sign: ByteOrder = "<" if system.get("little_endian", True) else ">"
        structure = _structure(file)
        wanted: dict[str, tuple[str, int]] = {}
        _Reader(io.BytesIO(structure), lambda kind, key, count: _noted(wanted, kind, key, count)).load()
        found: dict[str, np.ndarray] = {}
        for key in _legacy_value(file):
            kind, count = wanted[key]
            if int.from_bytes(file.read(8), "little" if sign == "<" else "big") != count:
                raise _Refused(f"storage {key}: its two counts differ")
            found[key] = np.frombuffer(file.read(count * _width(kind)), np.uint8)
        return _Reader(
            io.BytesIO(structure), lambda kind, key, count: _typed(found[key], kind, count, sign)
        ).load_plain()


def _legacy_value(file: Any) -> Any:
    return _Reader(io.BytesIO(_structure(file)), lambda kind, key, count: np.empty(0)).load_plain()


def _noted(wanted: dict[str, tuple[str, int]], kind: str, key: str, count: int) -> None:
    """The first time through an old file, which has its storages last, only tells how large they are."""
    if wanted.setdefault(key, (kind, count)) != (kind, count):
        raise _Refused(f"storage {key}: used with two types")


def _structure(file: Any) -> bytes:
    """The next pickle in a file, which is left behind it. Its opcodes are only looked at."""
    start = file.tell()
    for opcode, argument, _place in pickletools.genops(file):
        size = file.tell() - start
        if size > MAX_PICKLE:
            raise _Refused(f"its structure has more than {MAX_PICKLE >> 20} MiB")
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and (argument or 0) > size:
            raise _Refused("its pickle asks for memory that it cannot need")
    end = file.tell()
    file.seek(start)
    structure: bytes = file.read(end - start)
    return structure


def _width(kind: str) -> int:
    return 2 if kind == BFLOAT16 else np.dtype(kind).itemsize


def _typed(raw: np.ndarray, kind: str, count: int, sign: ByteOrder) -> np.ndarray:
    """The numbers of one storage. Shapes: (bytes,) -> (count,)."""
    if raw.size != count * _width(kind):
        raise _Refused(f"a storage of {count} numbers has {raw.size} bytes, which is not {_width(kind)} each")
    if kind == BFLOAT16:
        return (raw.view(f"{sign}u2").astype("u4") << 16).view("f4")
    numbers = raw.view(np.dtype(kind).newbyteorder(sign))
    return numbers.astype(kind, copy=False)


class _Call:
    """What a pickle may call or name, and nothing else; it has no attributes that a pickle could set."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(self, "function"):
            raise _Refused("its pickle changes a function")
        object.__setattr__(self, name, value)


class _Kind(str):
    """A storage class: the type of its numbers."""

    __slots__ = ()


class _Dict(dict[Any, Any]):
    """An OrderedDict; what a pickle would set on it beside its entries is dropped."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


class _Reader(pickle.Unpickler):
    """A pickle whose every name is looked up in a short list."""

    def __init__(self, file: io.BytesIO, storage: Callable[[str, str, int], np.ndarray | None]) -> None:
        super().__init__(file, encoding="utf-8")
        self._storage = storage
        self._known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): _Call(_Dict),
            ("torch", "Size"): _Call(tuple),
            ("torch._utils", "_rebuild_tensor"): _Call(_tensor),
            ("torch._utils", "_rebuild_tensor_v2"): _Call(_tensor),
            ("torch._utils", "_rebuild_parameter"): _Call(lambda data, *_: data),
            **{("torch", name): _Kind(kind) for name, kind in STORAGES.items()},
        }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._known[module, name]
        except KeyError:
            raise _Refused(
                f"it names {module}.{name}, which is no plain data; nothing of it was run. "
                "Where you trust the file, load it with PyTorch and save its state_dict() alone"
            ) from None

    def persistent_load(self, identity: Any) -> Any:
        word, kind, key, _place, count, *view = identity
        if word != "storage" or type(kind) is not _Kind or type(count) is not int or count < 0:
            raise _Refused("it refers to something other than a storage")
        storage = self._storage(str(kind), str(key), count)
        if storage is None or not view or view[0] is None:
            return storage
        _key, start, size = view[0]  # old files: a part of another storage
        if not 0 <= start <= start + size <= count:
            raise _Refused("a storage reaches outside the one that it is a part of")
        return storage[start : start + size]

    def load_plain(self) -> Any:
        return _plain(self.load(), {})


def _tensor(storage: Any, offset: Any, sizes: Any, strides: Any, *_: Any) -> Any:
    """A tensor as a view of its storage."""
    if storage is None:  # the first time through an old file
        return None
    geometry = (offset, *sizes, *strides)
    if type(storage) is not np.ndarray or any(type(number) is not int or number < 0 for number in geometry):
        raise _Refused("a tensor's record is not one")
    if len(sizes) != len(strides) or len(sizes) > MAX_AXES:
        raise _Refused(f"a tensor has {len(sizes)} axes and {len(strides)} strides")
    count = math.prod(sizes)
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if count > storage.size or (count and last >= storage.size):
        raise _Refused(f"a tensor of shape {tuple(sizes)} reaches outside its storage of {storage.size} numbers")
    if not count:
        return np.empty(sizes, storage.dtype)
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], sizes, steps, writeable=False)


def _plain(value: Any, done: dict[int, Any]) -> Any:
    """The same in Python's own types; each shared part is made once, and what holds itself is refused."""
    if value is None or type(value) in (bool, int, float, str, bytes, np.ndarray):
        return value
    if id(value) in done:
        if done[id(value)] is ...:
            raise _Refused("a part of it holds itself")
        return done[id(value)]
    done[id(value)] = ...
    plain: Any
    if type(value) in (dict, _Dict):
        plain = {_plain(key, done): _plain(entry, done) for key, entry in value.items()}
    elif type(value) in (list, tuple):
        plain = [_plain(entry, done) for entry in value]
        plain = tuple(plain) if type(value) is tuple else plain
    else:
        raise _Refused(f"it holds a {type(value).__name__.strip('_').lower()}, which is no plain data")
    done[id(value)] = plain
    return plain
