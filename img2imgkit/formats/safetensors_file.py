"""Weights in the safetensors format (https://github.com/huggingface/safetensors, "Format"), as numpy arrays."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.errors import InteropError
from img2imgkit.files import open_regular
from img2imgkit.formats.other_files import other_file
from img2imgkit.formats.small_floats import BFLOAT16, WIDTHS, widened

MAX_HEADER = 32 << 20  # bytes; a tensor's entry takes about a hundred
LENGTH = 8  # bytes of the header's length, little-endian, at the start of the file
TYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2"},
    **{"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1"},
    "BOOL": "?",
}
WIDENED = {  # types that numpy lacks
    "BF16": BFLOAT16,
    **{"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu"},
    **{"F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz"},
}


def is_safetensors(head: bytes) -> bool:
    """Whether a file that begins like this may be one: the length of its header, then the header in JSON."""
    return head[LENGTH : LENGTH + 1] == b"{" and head[LENGTH - 2 : LENGTH] == bytes(2)


def read_safetensors(path: Path | str) -> dict[str, np.ndarray]:
    """Read all arrays of a file by name; bfloat16 and float8 become float32.

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
            first = file.read(LENGTH)
            head = first + file.peek()
            if not is_safetensors(head) and (found := other_file(head)):
                raise InteropError(f"{path}: not a safetensors file but {found}")
            length = int.from_bytes(first, "little")
            if length > min(MAX_HEADER, size - LENGTH):
                raise InteropError(f"{path}: its header claims {length} bytes; the file has {size}")
            header = file.read(length)
        _prove_whole(path, header, size - LENGTH - length)
        with safe_open(path, "numpy"):  # validates the header
            stated = json.loads(header)
        stated.pop("__metadata__", None)
        return {name: _array(path, name, entry, LENGTH + length, size) for name, entry in stated.items()}
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (SafetensorError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise InteropError(f"{path}: damaged, or not a safetensors file ({error})") from None


def _prove_whole(path: Path, header: bytes, size: int) -> None:
    """Refuse a file that is shorter than its header says, with the most likely reason."""
    stated = json.loads(header)
    ends = [each["data_offsets"][1] for name, each in stated.items() if name != "__metadata__"]
    if (end := max(ends, default=0)) > size:
        raise InteropError(f"{path}: damaged: cut short, with {size} of {end} bytes of arrays; download it again")


def _array(path: Path, name: str, entry: dict[str, Any], start: int, size: int) -> np.ndarray:
    kind, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    if kind not in TYPES and kind not in WIDENED:
        raise InteropError(f"{path}: {name} has type {kind}; supported are {', '.join((*TYPES, *WIDENED))}")
    stored = TYPES.get(kind) or f"<u{WIDTHS[WIDENED[kind]]}"
    count = math.prod(shape)
    if end - begin != count * np.dtype(stored).itemsize or start + end > size:
        raise InteropError(f"{path}: {name}, {kind} {shape}, does not match its bytes in the file")
    read = np.fromfile(path, stored, count, offset=start + begin)
    if kind in WIDENED:
        return widened(read, WIDENED[kind]).reshape(shape)
    return read.astype(read.dtype.newbyteorder("="), copy=False).reshape(shape)
