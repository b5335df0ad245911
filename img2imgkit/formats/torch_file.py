"""PyTorch checkpoint files, read into numpy arrays without PyTorch.

A checkpoint is a pickle, and a pickle is a program. This reader lets it call only a few functions of its own that
describe tensors; every other name is refused, and every stated size is checked before memory is allocated.
"""

from __future__ import annotations

import io
import mmap
import pickletools
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from img2imgkit.errors import InteropError
from img2imgkit.files import open_regular
from img2imgkit.formats.archive import Refused, plain_members
from img2imgkit.formats.torch_pickle import BFLOAT16, Reader, width_of

MAX_PICKLE = 32 << 20  # bytes of a pickle; the optimizer state of a large network has about one million
MAX_STEPS = 1 << 19  # opcodes of a pickle; the optimizer state of a thousand arrays has about a hundred thousand
MAX_SHARED = 4  # bytes of tensors, which may share storages, per byte of the file
ByteOrder = Literal["<", ">"]
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of files written before PyTorch 1.6


def read_torch(path: Path | str) -> Any:
    """Read what ``torch.save`` wrote (.pth, .pt, .ckpt): dicts, lists, numbers, and numpy arrays in place of tensors.

    Reads the zip files of PyTorch 1.6 and later as well as the older format; bfloat16 becomes float32.

    Raises:
        InteropError: the file does not exist, is damaged, or contains anything but data.
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            return _read_zip(path, file) if zipfile.is_zipfile(file) else _read_legacy(path)
    except Refused as error:
        raise InteropError(f"{path}: {error}") from None
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a hostile or damaged pickle can raise anything
        raise InteropError(f"{path}: damaged, or not a PyTorch checkpoint ({type(error).__name__}: {error})") from None


def _read_zip(path: Path, file: BinaryIO) -> Any:
    with zipfile.ZipFile(file) as archive:
        if any(name.endswith("/constants.pkl") for name in archive.namelist()):
            raise Refused("TorchScript, which contains a program; save the network's state_dict() instead")
        members = plain_members(archive, path, "torch.save")
        structures = [name for name in members if name.endswith("/data.pkl")]
        if len(structures) != 1:
            raise Refused("a zip file, but not written by torch.save: it has no data.pkl")
        root = structures[0].removesuffix("data.pkl")
        order = archive.read(f"{root}byteorder") if f"{root}byteorder" in members else b"little"
        sign: ByteOrder = ">" if order == b"big" else "<"
        wanted: dict[str, tuple[str, int]] = {}
        kept: dict[str, np.ndarray] = {}

        def storage(kind: str, key: str, count: int) -> np.ndarray:
            _noted(wanted, kind, key, count)
            if key not in kept:
                raw = np.frombuffer(archive.read(f"{root}data/{key}"), np.uint8)
                kept[key] = _typed(raw, kind, count, sign)
            return kept[key]

        structure = _structure(io.BytesIO(archive.read(structures[0])))
        return Reader(io.BytesIO(structure), storage, MAX_SHARED * path.stat().st_size).load_plain()


def _read_legacy(path: Path) -> Any:
    """Read four pickles (magic number, protocol, system, structure), the storage keys, then their bytes."""
    if path.stat().st_size == 0:
        raise Refused("empty")
    with open_regular(path) as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as file:
        if _legacy_value(file) != LEGACY_MAGIC:
            raise Refused("not a PyTorch checkpoint: neither a zip file nor the format before PyTorch 1.6")
        _legacy_value(file)
        system = _legacy_value(file)
        sign: ByteOrder = "<" if system.get("little_endian", True) else ">"
        structure = _structure(file)
        wanted: dict[str, tuple[str, int]] = {}
        Reader(io.BytesIO(structure), lambda kind, key, count: _noted(wanted, kind, key, count)).load()
        found: dict[str, np.ndarray] = {}
        for key in _legacy_value(file):
            kind, count = wanted[key]
            if int.from_bytes(file.read(8), "little" if sign == "<" else "big") != count:
                raise Refused(f"storage {key}: its two counts differ")
            found[key] = _typed(np.frombuffer(file.read(count * width_of(kind)), np.uint8), kind, count, sign)
        limit = MAX_SHARED * path.stat().st_size
        return Reader(io.BytesIO(structure), lambda kind, key, count: found[key], limit).load_plain()


def _legacy_value(file: Any) -> Any:
    return Reader(io.BytesIO(_structure(file)), lambda kind, key, count: np.empty(0)).load_plain()


def _noted(wanted: dict[str, tuple[str, int]], kind: str, key: str, count: int) -> None:
    """Remember the type and count of a storage, which must agree throughout a file."""
    if wanted.setdefault(key, (kind, count)) != (kind, count):
        raise Refused(f"storage {key}: used with two types or counts")


def _structure(file: Any) -> bytes:
    """Read the next pickle of a file as bytes, scanning its opcodes without executing them."""
    start = file.tell()
    for steps, (opcode, argument, _place) in enumerate(pickletools.genops(file)):
        size = file.tell() - start
        if steps == MAX_STEPS:
            raise Refused(f"its pickle has more than {MAX_STEPS:,} opcodes")
        if size > MAX_PICKLE:
            raise Refused(f"its pickle is larger than {MAX_PICKLE >> 20} MiB")
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and (argument or 0) > size:
            raise Refused("its pickle requests more memory than it can need")
    end = file.tell()
    file.seek(start)
    structure: bytes = file.read(end - start)
    return structure


def _typed(raw: np.ndarray, kind: str, count: int, sign: ByteOrder) -> np.ndarray:
    """The numbers of one storage. Shapes: (bytes,) -> (count,)."""
    if raw.size != count * width_of(kind):
        raise Refused(f"a storage of {count} numbers has {raw.size} bytes instead of {width_of(kind)} per number")
    if kind == BFLOAT16:
        return (raw.view(f"{sign}u2").astype("u4") << 16).view("f4")
    numbers = raw.view(np.dtype(kind).newbyteorder(sign))
    return numbers.astype(kind, copy=False)
