"""PyTorch checkpoint files, read into numpy arrays without PyTorch.

A checkpoint is a pickle, and a pickle is a program. This reader lets it call only a few functions of its own that
describe tensors. Of other names, those of programs are refused, and instances of classes become placeholders, which are
neither made nor imported. Every stated size is checked before memory is allocated.
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
from img2imgkit.exchange import HEAD_BYTES
from img2imgkit.files import open_regular
from img2imgkit.formats.archive import Refused, plain_members
from img2imgkit.formats.other_files import other_file
from img2imgkit.formats.small_floats import BFLOAT16, widened
from img2imgkit.formats.torch_pickle import Reader
from img2imgkit.formats.torch_tensors import width_of

MAX_PICKLE = 32 << 20  # bytes of a pickle; the optimizer state of a large network has about one million
MAX_STEPS = 1 << 19  # opcodes of a pickle; the optimizer state of a thousand arrays has about a hundred thousand
MAX_SHARED = 8  # bytes of tensors, which may share storages, per byte of the file; float8 alone takes four
ByteOrder = Literal["<", ">"]
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of files written before PyTorch 1.6
MAGIC_BYTES = LEGACY_MAGIC.to_bytes(10, "little")
MODELS = (".pth", ".pt", ".ckpt", ".safetensors", ".onnx", ".bin")
MAX_NAME = 200  # characters of a name in an error
ZIP = b"PK\x03\x04"
FIRST_PICKLE = 32  # bytes that contain the first pickle of an old file


def is_torch(head: bytes) -> bool:
    """Whether a file that begins like this was written by ``torch.save``, whose zip files start with a pickle."""
    return (head.startswith(ZIP) and b"data.pkl" in head) or MAGIC_BYTES in head[:FIRST_PICKLE]


def read_torch(path: Path | str) -> Any:
    """Read what ``torch.save`` wrote (.pth, .pt, .ckpt): dicts, lists, numbers, and numpy arrays in place of tensors.

    Reads the zip files of PyTorch 1.6 and later as well as the older format; bfloat16 and float8 become float32. A
    ``Placeholder`` stands for what is not plain data, such as an ``argparse.Namespace``.

    Raises:
        InteropError: the file does not exist, is damaged, names a program, or is not data as a whole.
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            if zipfile.is_zipfile(file):
                return _read_zip(path, file)
            file.seek(0)
            _prove_old(file.read(HEAD_BYTES))
        return _read_legacy(path)
    except Refused as error:
        raise InteropError(f"{path}: {error}") from None
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a hostile or damaged pickle can raise anything
        raise InteropError(f"{path}: damaged, or not a PyTorch checkpoint ({type(error).__name__}: {error})") from None


def _prove_old(head: bytes) -> None:
    """Refuse what is clearly no file of PyTorch before 1.6."""
    if head.startswith(ZIP):
        raise Refused(
            "cut short, or not a PyTorch checkpoint: a zip archive without the directory at its end; download it again"
        )
    if found := other_file(head):
        raise Refused(f"not a PyTorch checkpoint but {found}")


def _read_zip(path: Path, file: BinaryIO) -> Any:
    with zipfile.ZipFile(file) as archive:
        if any(name.endswith("/constants.pkl") for name in archive.namelist()):
            raise Refused("TorchScript, which contains a program; save the network's state_dict() instead")
        structures = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(structures) != 1:
            raise Refused(f"a zip file, but not written by torch.save: it has no data.pkl{_inside(archive)}")
        members = plain_members(archive, path, "torch.save")
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


def _inside(archive: zipfile.ZipFile) -> str:
    """For an error: a model's file among the members."""
    found = next((name for name in archive.namelist() if name.lower().endswith(MODELS)), None)
    return f"; unpack it, and state the file inside, such as {found[:MAX_NAME]!r}" if found else ""


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
            raw = file.read(count * width_of(kind))
            if len(raw) < count * width_of(kind):
                raise Refused(f"cut short: storage {key} of {count} numbers has {len(raw)} bytes; download it again")
            found[key] = _typed(np.frombuffer(raw, np.uint8), kind, count, sign)
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
        return widened(raw.view(f"{sign}u2"), kind)
    numbers = raw.view(np.dtype(kind).newbyteorder(sign))
    return numbers.astype(kind, copy=False)
