"""MAT-files of version 5, written for tests."""

from __future__ import annotations

import struct
import zlib

import numpy as np

CLASSES = {"f8": (6, 9), "f4": (7, 7), "u1": (9, 2), "i4": (12, 5)}  # of a matrix, and of its numbers


def mat_file(packed: bool = True, order: str = "<", **matrices: np.ndarray) -> bytes:
    """The bytes of a file with these matrices."""
    header = b"MATLAB 5.0 MAT-file, written by a test".ljust(124) + struct.pack(f"{order}H", 0x0100)
    elements = [matrix(name, array, order) for name, array in matrices.items()]
    if packed:
        elements = [element(15, zlib.compress(each), order, padded=False) for each in elements]
    return header + (b"IM" if order == "<" else b"MI") + b"".join(elements)


def matrix(name: str, array: np.ndarray, order: str = "<", flags: int = 0) -> bytes:
    kind, numbers = CLASSES[array.dtype.str[1:]]
    parts = (
        element(6, struct.pack(f"{order}II", kind | flags, 0), order),
        element(5, np.array(array.shape, f"{order}i4").tobytes(), order),
        element(1, name.encode(), order),
        element(numbers, array.astype(array.dtype.newbyteorder(order)).tobytes("F"), order),
    )
    return element(14, b"".join(parts), order)


def element(kind: int, data: bytes, order: str = "<", padded: bool = True) -> bytes:
    """An element; a short one has its size and data beside its type, as MATLAB writes it."""
    if len(data) <= 4 and kind != 14:
        return struct.pack(f"{order}I", len(data) << 16 | kind) + data.ljust(4, b"\0")
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8 if padded else 0)
