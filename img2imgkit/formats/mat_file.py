"""MATLAB's MAT-files of version 5: their matrices of real numbers by name.

Format: https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf. Everything else that a file may contain, such
as cells and text, is left out; files of version 7.3, which are HDF5, are refused.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from img2imgkit.errors import InteropError
from img2imgkit.files import open_regular
from img2imgkit.formats.archive import Refused

MARK = b"MATLAB 5.0 MAT-file"
HEADER = 128  # bytes, with the byte order at the end
ORDERS = {b"IM": "<", b"MI": ">"}
MAX_BYTES = 64 << 20  # of a file, and of what it decompresses to
MATRIX, COMPRESSED, INT8, INT32 = 14, 15, 1, 5
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
REAL_CLASSES = range(6, 16)  # of matrices: double, single, and integers
COMPLEX = 0x0800  # among the flags
ALIGNMENT = 8


def is_mat(head: bytes) -> bool:
    """Whether a file begins like a MAT-file of version 5."""
    return head.startswith(MARK)


def read_mat(path: Path | str) -> dict[str, np.ndarray]:
    """Read the matrices of real numbers of a file by name, as float32.

    Raises:
        InteropError: the file does not exist, is damaged or too large, or is no MAT-file of version 5.
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            raw = file.read(MAX_BYTES + 1)
        return dict(_matrices(raw))
    except Refused as error:
        raise InteropError(f"{path}: {error}") from None
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, UnicodeDecodeError, struct.error, zlib.error) as error:
        raise InteropError(f"{path}: damaged, or not a MAT-file ({type(error).__name__}: {error})") from None


def _matrices(raw: bytes) -> Iterator[tuple[str, np.ndarray]]:
    if len(raw) > MAX_BYTES:
        raise Refused(f"larger than {MAX_BYTES >> 20} MiB, the limit for MAT-files")
    order = ORDERS.get(raw[HEADER - 2 : HEADER])
    if not is_mat(raw) or order is None:
        raise Refused("not a MAT-file of version 5; save it in MATLAB with the option -v6 or -v7")
    left = MAX_BYTES
    for kind, data in _elements(raw[HEADER:], order):
        inside = [(kind, data)]
        if kind == COMPRESSED:
            content = _inflated(data, left)
            left -= len(content)
            inside = [*_elements(content, order)]
        for each, numbers in inside:
            if each == MATRIX and (found := _matrix(numbers, order)):
                yield found


def _inflated(data: bytes, most: int) -> bytes:
    inflating = zlib.decompressobj()
    content = inflating.decompress(data, most)
    if not inflating.eof:
        raise Refused("a matrix is cut short, or decompresses to more bytes than the limit")
    return content


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """The elements in a row of bytes: the type and the content of each."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        start, end = at + 8, at + 8 + size
        following = end if kind == COMPRESSED else start + -(-size // ALIGNMENT) * ALIGNMENT
        if kind >> 16:  # a small element: its size and up to 4 bytes beside its type
            kind, size = kind & 0xFFFF, kind >> 16
            start, end, following = at + 4, at + 4 + min(size, 4), at + 8
        if end > len(data):
            raise Refused("an element is longer than the file: it is cut short")
        yield kind, data[start:end]
        at = following


def _matrix(data: bytes, order: str) -> tuple[str, np.ndarray] | None:
    """Name and numbers of a matrix; None if it does not consist of real numbers."""
    parts = list(_elements(data, order))
    if len(parts) < 3 or parts[1][0] != INT32 or parts[2][0] != INT8:
        return None
    [flags] = struct.unpack_from(f"{order}I", parts[0][1])
    if flags & 0xFF not in REAL_CLASSES or flags & COMPLEX or len(parts) != 4 or parts[3][0] not in NUMBERS:
        return None
    shape = tuple(np.frombuffer(parts[1][1], f"{order}i4").tolist())
    numbers = np.frombuffer(parts[3][1], order + NUMBERS[parts[3][0]])
    if min(shape, default=0) < 0 or math.prod(shape) != numbers.size:
        raise Refused(f"a matrix of shape {shape} has {numbers.size} numbers")
    return parts[2][1].decode("ascii"), numbers.reshape(shape, order="F").astype(np.float32)
