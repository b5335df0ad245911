"""Named arrays in numpy's .npz format, without the pickles that it may contain."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from img2imgkit.errors import InteropError
from img2imgkit.exchange import HEAD_BYTES
from img2imgkit.files import open_regular
from img2imgkit.formats.archive import Refused
from img2imgkit.formats.other_files import other_file

SUFFIX = ".npy"  # of each member
NAME_PLACE = 30  # of the first member's name in a zip archive
NAME_LENGTH = slice(26, 28)  # the place of its length
MAX_RATIO = 20  # bytes of arrays per byte of the file: weights hardly compress
SMALL = 16 << 20  # bytes of arrays that any file may contain
MAX_ARRAYS = 100_000


def is_npz(head: bytes) -> bool:
    """Whether a file that begins like this is a zip archive whose first member is an array."""
    length = int.from_bytes(head[NAME_LENGTH], "little")
    return head.startswith(b"PK\x03\x04") and head[NAME_PLACE : NAME_PLACE + length].endswith(SUFFIX.encode())


def read_npz(path: Path | str) -> dict[str, np.ndarray]:
    """Read all arrays of numbers of a file by name.

    Raises:
        InteropError: the file does not exist, is damaged, or contains anything but arrays of numbers.
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            head = file.read(HEAD_BYTES)
            if not zipfile.is_zipfile(file):
                raise Refused(_no_archive(head))
            with zipfile.ZipFile(file) as archive:
                return _arrays(archive, path.stat().st_size)
    except Refused as error:
        raise InteropError(f"{path}: {error}") from None
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, EOFError, MemoryError, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error) as error:
        raise InteropError(f"{path}: damaged, or not an .npz file ({type(error).__name__}: {error})") from None


def _no_archive(head: bytes) -> str:
    if head.startswith(b"PK\x03\x04"):
        return "cut short: a zip archive without the directory at its end; download it again"
    return f"not an .npz file{f' but {found}' if (found := other_file(head)) else ''}"


def _arrays(archive: zipfile.ZipFile, size: int) -> dict[str, np.ndarray]:
    members = archive.infolist()
    if other := next((each.filename for each in members if not each.filename.endswith(SUFFIX)), None):
        raise Refused(f"not an .npz file: a zip archive with a member {other!r}")
    if len(members) > MAX_ARRAYS or sum(each.file_size for each in members) > max(SMALL, MAX_RATIO * size):
        raise Refused("its arrays claim far more bytes than the file has")
    found = {each.filename.removesuffix(SUFFIX): each for each in members}
    if len(found) < len(members):
        raise Refused("two of its arrays have the same name")
    arrays = {}
    for name, each in found.items():
        with archive.open(each) as member:
            arrays[name] = _array(member, name, each.file_size)
    return arrays


def _array(member: IO[bytes], name: str, size: int) -> np.ndarray:
    version = npy.read_magic(member)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, by_columns, dtype = read(member)
    if dtype.kind not in "fiub":
        raise Refused(f"{name} has type {dtype}, which is no number")
    if math.prod(shape) * dtype.itemsize != size - member.tell():
        raise Refused(f"{name}, {dtype} {shape}, does not match its bytes in the file")
    numbers = np.frombuffer(member.read(), dtype).astype(dtype.newbyteorder("="), copy=False)
    return numbers.reshape(shape, order="F" if by_columns else "C")
