"""The pickles in PyTorch files, restricted to plain data and tensors.

They may call only a few functions of this module, and reading one takes time in proportion to its length: keys must be
plain, copied entries are counted, and integers are bounded.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from img2imgkit.formats.archive import Refused

BFLOAT16 = "bfloat16"  # not in numpy: read as 16-bit integers, and widened to float32
STORAGES = {
    **{"DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": BFLOAT16},
    **{"LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1"},
    **{"ByteStorage": "u1", "BoolStorage": "?"},
}
MAX_AXES = 16
MAX_BITS = 128  # of integers; seeds have 64, and huge integers are slow to print
MAX_NAME = 100  # characters of a name in an error
MAX_COPIED = 1 << 18  # entries of mappings built from lists
KEYS = (str, int, float, bool, bytes, type(None))  # no tuples: a small nested one may take forever to hash

Storage = Callable[[str, str, int], "np.ndarray | None"]


class _Call:
    """A function that a pickle may call."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


class _Kind(str):
    """A storage class, represented by the type of its numbers."""

    __slots__ = ()


class _Dict(dict[Any, Any]):
    """An OrderedDict; attributes that a pickle sets on it are dropped."""

    __slots__ = ()


class Reader(pickle._Unpickler):
    """An unpickler that looks up every name in a short list. It is the Python version, to add checks to opcodes.

    Args:
        storage: returns the numbers for a type, a key and a count; None while they have not been read
        limit: total bytes of all tensors, which may share storages
    """

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, file: io.BytesIO, storage: Storage, limit: int = 0) -> None:
        super().__init__(file, encoding="utf-8")
        self._storage = storage
        self._copied = 0
        self._left = limit
        self._known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): _Call(self._ordered),
            ("torch", "Size"): _Call(_size),
            ("torch._utils", "_rebuild_tensor"): _Call(self._rebuilt),
            ("torch._utils", "_rebuild_tensor_v2"): _Call(self._rebuilt),
            ("torch._utils", "_rebuild_parameter"): _Call(lambda data, *_: data),
            **{("torch", name): _Kind(kind) for name, kind in STORAGES.items()},
        }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._known[module, name]
        except KeyError:
            raise Refused(
                f"it refers to {f'{module}.{name}'[:MAX_NAME]}, which is not plain data; none of its code was run. "
                "If you trust the file, load it with PyTorch and save only its state_dict()"
            ) from None

    def persistent_load(self, identity: Any) -> Any:
        word, kind, key, _place, count, *view = identity
        if word != "storage" or type(kind) is not _Kind or type(key) is not str or not _is_size(count):
            raise Refused("it refers to something other than a storage")
        storage = self._storage(str(kind), key, count)
        if storage is None or not view or view[0] is None:
            return storage
        _key, start, size = view[0]  # old files: a view into another storage
        if not _is_size(start) or not _is_size(size) or start + size > count:
            raise Refused("a storage extends beyond the one that it is a view of")
        return storage[start : start + size]

    def load_plain(self) -> Any:
        """Load the pickle, converted to built-in Python types and numpy arrays."""
        return _plain(self.load(), {})

    def _ordered(self, pairs: Any = ()) -> _Dict:
        self._copied += len(pairs)
        if self._copied > MAX_COPIED:
            raise Refused("its pickle copies too many entries")
        made = _Dict()
        for key, value in pairs:
            _set(made, key, value)
        return made

    def _rebuilt(self, *record: Any) -> Any:
        made = _tensor(*record)
        self._left -= 0 if made is None else made.nbytes
        if self._left < 0:
            raise Refused("its tensors together claim more data than the file has")
        return made

    def _load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _set(self.stack[-1], key, value)

    def _load_setitems(self) -> None:
        items = self.pop_mark()
        for key, value in zip(items[::2], items[1::2], strict=True):
            _set(self.stack[-1], key, value)

    def _load_dict(self) -> None:
        items = self.pop_mark()
        self.stack.append({})
        for key, value in zip(items[::2], items[1::2], strict=True):
            _set(self.stack[-1], key, value)

    def _load_build(self) -> None:
        self.stack.pop()
        if type(self.stack[-1]) is not _Dict:
            kind = "function" if type(self.stack[-1]) is _Call else type(self.stack[-1]).__name__
            raise Refused(f"its pickle modifies a {kind}")

    def _load_set(self) -> None:
        raise Refused("it contains a set, which is not plain data")

    dispatch[pickle.SETITEM[0]] = _load_setitem
    dispatch[pickle.SETITEMS[0]] = _load_setitems
    dispatch[pickle.DICT[0]] = _load_dict
    dispatch[pickle.BUILD[0]] = _load_build
    for _opcode in (pickle.EMPTY_SET, pickle.FROZENSET, pickle.ADDITEMS):
        dispatch[_opcode[0]] = _load_set


def width_of(kind: str) -> int:
    """Bytes per number of a storage."""
    return 2 if kind == BFLOAT16 else np.dtype(kind).itemsize


def _set(target: Any, key: Any, value: Any) -> None:
    if type(target) not in (dict, _Dict) or type(key) not in KEYS:
        raise Refused(f"its pickle uses a {type(key).__name__} as a key of a {type(target).__name__.strip('_')}")
    target[key] = value


def _is_size(number: Any) -> bool:
    return type(number) is int and 0 <= number < 1 << 63


def _size(numbers: Any = ()) -> tuple[Any, ...]:
    if len(numbers) > MAX_AXES:
        raise Refused(f"a size of {len(numbers)} axes")
    return tuple(numbers)


def _tensor(storage: Any, offset: Any, sizes: Any, strides: Any, *_: Any) -> Any:
    """A tensor as a view of its storage."""
    if storage is None:  # the first pass over an old file
        return None
    if len(sizes) != len(strides) or len(sizes) > MAX_AXES:
        raise Refused(f"a tensor has {len(sizes)} axes and {len(strides)} strides")
    if type(storage) is not np.ndarray or not all(map(_is_size, (offset, *sizes, *strides))):
        raise Refused("a tensor's record is malformed")
    count = math.prod(sizes)
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if count > storage.size or (count and last >= storage.size):
        raise Refused(f"a tensor of shape {tuple(sizes)} extends beyond its storage of {storage.size} numbers")
    if not count:
        return np.empty(sizes, storage.dtype)
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], sizes, steps, writeable=False)


def _plain(value: Any, done: dict[int, Any]) -> Any:
    """Convert to built-in Python types; shared values are converted once, and cycles are refused."""
    if type(value) is int and value.bit_length() > MAX_BITS:
        raise Refused(f"it contains an integer of {value.bit_length()} bits")
    if value is None or type(value) in (bool, int, float, str, bytes, np.ndarray):
        return value
    if id(value) in done:
        if done[id(value)] is ...:
            raise Refused("one of its values contains itself")
        return done[id(value)]
    done[id(value)] = ...
    plain: Any
    if type(value) in (dict, _Dict):
        plain = {_plain(key, done): _plain(entry, done) for key, entry in value.items()}
    elif type(value) in (list, tuple):
        plain = [_plain(entry, done) for entry in value]
        plain = tuple(plain) if type(value) is tuple else plain
    else:
        raise Refused(f"it contains a {type(value).__name__.strip('_').lower()}, which is not plain data")
    done[id(value)] = plain
    return plain
