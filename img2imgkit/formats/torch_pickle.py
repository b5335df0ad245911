"""The pickles in PyTorch files: plain data and tensors, with placeholders for everything else.

They may call only a few functions of this module, and reading one takes time in proportion to its length: keys must be
plain, arguments are few, copied entries are counted, and integers are bounded. No other name is looked up; see
``pickled_names`` for what becomes of it.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from img2imgkit.formats.archive import Refused
from img2imgkit.formats.pickled_names import BUILTINS, Placeholder, attribute, placeholder, refusal
from img2imgkit.formats.pickled_networks import is_network
from img2imgkit.formats.pickled_values import Call, Entries, Kind, kind_of, plain
from img2imgkit.formats.small_floats import FLOAT8, widened
from img2imgkit.formats.torch_tensors import BYTES, STORAGES, is_size, size_of, tensor

MAX_ARGUMENTS = 32  # of a call; a tensor's record has ten
MAX_COPIED = 1 << 18  # entries of mappings built from lists
# Types of keys. No tuples: a small nested one may take forever to hash.
KEYS = (str, int, float, bool, bytes, type(None), Placeholder)

Storage = Callable[[str, str, int], "np.ndarray | None"]


class Reader(pickle._Unpickler):
    """An unpickler that looks up every name in a short list. It is the Python version, to add checks to opcodes.

    Args:
        storage: returns the numbers for a type, a key and a count; None while they have not been read
        limit: total bytes of all tensors, which may share storages
    """

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]
    pop_mark: Callable[[], list[Any]]
    readline: Callable[[], bytes]

    def __init__(self, file: io.BytesIO, storage: Storage, limit: int = 0) -> None:
        super().__init__(file, encoding="utf-8")
        self._storage = storage
        self._copied = 0
        self._left = limit
        rebuilt, retyped = Call(self._rebuilt), Call(self._retyped)
        self._tensors = (rebuilt, retyped)
        self._known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): Call(self._ordered),
            ("collections", "Counter"): Call(self._ordered),
            ("collections", "defaultdict"): Call(lambda factory=None, pairs=(): self._ordered(pairs)),
            ("torch", "Size"): Call(size_of),
            ("torch._utils", "_rebuild_tensor"): rebuilt,
            ("torch._utils", "_rebuild_tensor_v2"): rebuilt,
            ("torch._utils", "_rebuild_tensor_v3"): retyped,
            ("torch._utils", "_rebuild_parameter"): Call(lambda data, *_: data),
            ("torch._utils", "_rebuild_parameter_with_state"): Call(lambda data, *_: data),
            ("torch._tensor", "_rebuild_from_type_v2"): Call(self._rebuilt_subclass),
            **{(module, "getattr"): Call(attribute) for module in BUILTINS},
            **{("torch", name): Kind(kind) for name, kind in STORAGES.items()},
            **{(module, "UntypedStorage"): Kind(BYTES) for module in ("torch", "torch.storage")},
        }

    def find_class(self, module: str, name: str) -> Any:
        return self._known.get((module, name)) or placeholder(module, name)

    def persistent_load(self, identity: Any) -> Any:
        if identity[:1] == ("module",) and type(identity[1]) is Placeholder:  # a network's class, and its source code
            return identity[1]
        word, kind, key, _place, count, *view = identity
        if word != "storage" or type(kind) is not Kind or type(key) is not str or not is_size(count):
            raise Refused("it refers to something other than a storage")
        storage = self._storage(str(kind), key, count)
        if storage is None or not view or view[0] is None:
            return storage
        _key, start, size = view[0]  # old files: a view into another storage
        if not is_size(start) or not is_size(size) or start + size > count:
            raise Refused("a storage extends beyond the one that it is a view of")
        return storage[start : start + size]

    def load_plain(self) -> Any:
        """Load the pickle, converted to built-in Python types, numpy arrays and placeholders."""
        loaded = plain(self.load(), {})
        if type(loaded) is Placeholder:
            raise Refused(
                f"it is a {loaded.name}, which is not plain data; none of its code was run. "
                "If you trust the file, load it with PyTorch and save only its state_dict()"
            )
        return loaded

    def _ordered(self, pairs: Any = ()) -> Entries:
        pairs = pairs.items() if type(pairs) in (dict, Entries) else pairs
        self._copied += len(pairs)
        if self._copied > MAX_COPIED:
            raise Refused("its pickle copies too many entries")
        made = Entries()
        for key, value in pairs:
            _set(made, key, value)
        return made

    def _rebuilt(self, *record: Any) -> Any:
        made = tensor(*record)
        self._charge(0 if made is None else made.nbytes)
        return made

    def _retyped(self, storage: Any, offset: Any, sizes: Any, strides: Any, _grad: Any, _hooks: Any, kind: Any) -> Any:
        """A tensor of a type that has no storage class."""
        name = kind.name.removeprefix("torch.") if type(kind) is Placeholder else ""
        if name not in FLOAT8:
            return Placeholder(f"torch.Tensor of type {name}", made=True)
        codes = tensor(storage, offset, sizes, strides)
        if codes is None:
            return None
        if codes.dtype != BYTES:
            raise Refused("a tensor's record is malformed")
        self._charge(4 * codes.size)  # before they are made
        return widened(codes, name)

    def _rebuilt_subclass(self, function: Any, _subclass: Any, record: Any, _state: Any) -> Any:
        """A tensor of a subclass, or with attributes, which are dropped."""
        if not any(function is each for each in self._tensors):
            return Placeholder("torch.Tensor", made=True)
        return self._made(function, record)

    def _charge(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Refused("its tensors together claim more data than the file has")

    def _called(self, function: Any, arguments: Any) -> Any:
        """What a call of a function or a class returns."""
        if type(function) is Placeholder and function.calls:
            raise refusal(function.name)
        return self._made(function, arguments)

    def _made(self, kind: Any, arguments: Any) -> Any:
        """An instance of a class. Functions of this module are called; for anything else, there is a placeholder."""
        if type(arguments) is not tuple:
            raise Refused(f"its pickle calls a {kind_of(kind)} with a {kind_of(arguments)}")
        if type(kind) is Call:
            if len(arguments) > MAX_ARGUMENTS:
                raise Refused(f"its pickle calls a function with {len(arguments)} arguments")
            return kind.function(*arguments)
        if type(kind) is not Placeholder or kind.made:
            raise Refused(f"its pickle calls a {kind_of(kind)}")
        return kind.instance(arguments)

    def _load_reduce(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self._called(self.stack[-1], arguments)

    def _load_newobj(self) -> None:
        arguments, kind = self.stack.pop(), self.stack.pop()
        self.stack.append(self._made(kind, arguments))

    def _load_newobj_ex(self) -> None:
        self.stack.pop()
        self._load_newobj()

    def _load_inst(self) -> None:
        module, name = (self.readline()[:-1].decode("ascii") for _ in range(2))
        arguments = tuple(self.pop_mark())  # replaces the stack
        self.stack.append(self._called(self.find_class(module, name), arguments))

    def _load_obj(self) -> None:
        kind, *arguments = self.pop_mark()
        self.stack.append(self._called(kind, tuple(arguments)))

    def _load_append(self) -> None:
        self._append([self.stack.pop()])

    def _load_appends(self) -> None:
        self._append(self.pop_mark())

    def _append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is list:
            target.extend(values)
        elif type(target) is not Placeholder or not target.made:
            raise Refused(f"its pickle appends to a {kind_of(target)}")
        else:
            target.extend(values)

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
        attributes, target = self.stack.pop(), self.stack[-1]
        if type(target) is not Entries and not (type(target) is Placeholder and target.made):
            raise Refused(f"its pickle modifies a {kind_of(target)}")
        if type(target) is Placeholder and is_network(attributes):
            target.attributes = attributes

    def _load_empty_set(self) -> None:
        self.stack.append(Placeholder("builtins.set", made=True))

    def _load_frozenset(self) -> None:
        self.pop_mark()
        self.stack.append(Placeholder("builtins.frozenset", made=True))

    def _load_extension(self) -> None:
        raise Refused("its pickle refers to a name by a number")

    dispatch[pickle.SETITEM[0]] = _load_setitem
    dispatch[pickle.SETITEMS[0]] = _load_setitems
    dispatch[pickle.DICT[0]] = _load_dict
    dispatch[pickle.BUILD[0]] = _load_build
    dispatch[pickle.REDUCE[0]] = _load_reduce
    dispatch[pickle.NEWOBJ[0]] = _load_newobj
    dispatch[pickle.NEWOBJ_EX[0]] = _load_newobj_ex
    dispatch[pickle.INST[0]] = _load_inst
    dispatch[pickle.OBJ[0]] = _load_obj
    dispatch[pickle.APPEND[0]] = _load_append
    dispatch[pickle.APPENDS[0]] = dispatch[pickle.ADDITEMS[0]] = _load_appends
    dispatch[pickle.EMPTY_SET[0]] = _load_empty_set
    dispatch[pickle.FROZENSET[0]] = _load_frozenset
    for _opcode in (pickle.EXT1, pickle.EXT2, pickle.EXT4):
        dispatch[_opcode[0]] = _load_extension


def _set(target: Any, key: Any, value: Any) -> None:
    usual = type(key) in KEYS
    if type(target) is Placeholder and target.made:
        if usual:
            target.put(key, value)
    elif type(target) in (dict, Entries) and usual:
        target[key] = value
    else:
        raise Refused(f"its pickle uses a {kind_of(key)} as a key of a {kind_of(target)}")
