"""Tensors in PyTorch files as views of their storages, which are arrays of numbers; every stated size is checked."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from img2imgkit.formats.archive import Refused
from img2imgkit.formats.small_floats import BFLOAT16, WIDTHS

STORAGES = {
    **{"DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": BFLOAT16},
    **{"LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1"},
    **{"ByteStorage": "u1", "BoolStorage": "?", "ComplexFloatStorage": "c8", "ComplexDoubleStorage": "c16"},
}
BYTES = "u1"  # of an untyped storage, whose tensors state their types
MAX_AXES = 16


def width_of(kind: str) -> int:
    """Bytes per number of a storage."""
    return WIDTHS.get(kind) or np.dtype(kind).itemsize


def is_size(number: Any) -> bool:
    """Whether it can be an offset, a size or a count."""
    return type(number) is int and 0 <= number < 1 << 63


def size_of(numbers: Any = ()) -> tuple[Any, ...]:
    """A ``torch.Size``."""
    if len(numbers) > MAX_AXES:
        raise Refused(f"a size of {len(numbers)} axes")
    return tuple(numbers)


def tensor(storage: Any, offset: Any, sizes: Any, strides: Any, *_: Any) -> Any:
    """A tensor as a view of its storage."""
    if storage is None:  # the first pass over an old file
        return None
    if len(sizes) != len(strides) or len(sizes) > MAX_AXES:
        raise Refused(f"a tensor has {len(sizes)} axes and {len(strides)} strides")
    if type(storage) is not np.ndarray or not all(map(is_size, (offset, *sizes, *strides))):
        raise Refused("a tensor's record is malformed")
    count = math.prod(sizes)
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if count > storage.size or (count and last >= storage.size):
        raise Refused(f"a tensor of shape {tuple(sizes)} extends beyond its storage of {storage.size} numbers")
    if not count:
        return np.empty(sizes, storage.dtype)
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], sizes, steps, writeable=False)
