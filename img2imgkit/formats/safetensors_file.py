"""Weights in the safetensors format (https://github.com/huggingface/safetensors, "Format"), as numpy arrays."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.errors import InteropError
from img2imgkit.files import open_regular

MAX_HEADER = 32 << 20  # bytes; a tensor's entry takes about a hundred
LENGTH = 8  # bytes of the header's length, little-endian, at the start of the file
BFLOAT16 = "BF16"  # not in numpy: read as 16-bit integers, and widened to float32
TYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", BFLOAT16: "<u2"},
    **{"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"},
}


def read_safetensors(path: Path | str) -> dict[str, np.ndarray]:
    """Read all arrays of a file by name; bfloat16 becomes float32.

    The format's own library checks the header against the file: types, shapes, and that the arrays are contiguous.
    No memory is allocated for an array before it is read.

    Raises:
        InteropError: the file does not exist, is damaged, or contains arrays of an unsupported type.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        size = path.stat().st_size
        with open_regular(path) as file:
            length = int.from_bytes(file.read(LENGTH), "little")
            if length > min(MAX_HEADER, size - LENGTH):
                raise InteropError(f"{path}: its header claims {length} bytes; the file has {size}")
            header = file.read(length)
        with safe_open(path, "numpy"):  # validates the header
            stated = json.loads(header)
        stated.pop("__metadata__", None)
        return {name: _array(path, name, entry, LENGTH + length, size) for name, entry in stated.items()}
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InteropError(f"{path}: damaged, or not a safetensors file ({error})") from None


def _array(path: Path, name: str, entry: dict[str, Any], start: int, size: int) -> np.ndarray:
    kind, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    if kind not in TYPES:
        raise InteropError(f"{path}: {name} has type {kind}; supported are {', '.join(TYPES)}")
    count = math.prod(shape)
    if end - begin != count * np.dtype(TYPES[kind]).itemsize or start + end > size:
        raise InteropError(f"{path}: {name}, {kind} {shape}, does not match its bytes in the file")
    read = np.fromfile(path, TYPES[kind], count, offset=start + begin)
    if kind == BFLOAT16:
        return (read.astype("u4") << 16).view("f4").reshape(shape)
    return read.astype(read.dtype.newbyteorder("="), copy=False).reshape(shape)
