"""What stands for values of a pickle while it is read, and what is left of them: built-in types and placeholders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from img2imgkit.formats.archive import Refused
from img2imgkit.formats.pickled_names import Placeholder
from img2imgkit.formats.pickled_networks import PickledNetwork, network_state

MAX_BITS = 128  # of integers; seeds have 64, and huge integers are slow to print
MAX_NETWORKS = 64  # that were pickled whole


class Call:
    """A function that a pickle may call."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function


class Kind(str):
    """A storage class, represented by the type of its numbers."""

    __slots__ = ()


class Entries(dict[Any, Any]):
    """An OrderedDict, defaultdict or Counter; attributes that a pickle sets on it are dropped."""

    __slots__ = ()


def kind_of(value: Any) -> str:
    """What a value is, for errors."""
    if type(value) is Placeholder:
        return value.name
    return {Call: "function", Entries: "dict"}.get(type(value), type(value).__name__.lower())


def _network(value: Placeholder, done: dict[int, Any]) -> PickledNetwork:
    """The state dict of a network; each is made once."""
    if id(value) not in done:
        if sum(type(each) is PickledNetwork for each in done.values()) == MAX_NETWORKS:
            raise Refused(f"it contains more than {MAX_NETWORKS} networks")
        done[id(value)] = network_state(value)
    network: PickledNetwork = done[id(value)]
    return network


def plain(value: Any, done: dict[int, Any]) -> Any:
    """Convert to built-in Python types; shared values are converted once, and cycles are refused."""
    if type(value) is int and value.bit_length() > MAX_BITS:
        raise Refused(f"it contains an integer of {value.bit_length()} bits")
    if type(value) is bytearray:
        return Placeholder("builtins.bytearray", made=True)
    if type(value) is Placeholder:
        if value.attributes is not None:
            return _network(value, done)
        return value if value.entries is None else plain(value.entries, done)
    if value is None or type(value) in (bool, int, float, str, bytes, np.ndarray):
        return value
    if id(value) in done:
        if done[id(value)] is ...:
            raise Refused("one of its values contains itself")
        return done[id(value)]
    done[id(value)] = ...
    found: Any
    if type(value) in (dict, Entries):
        keys = (key if type(key) is Placeholder else plain(key, done) for key in value)
        found = dict(zip(keys, (plain(entry, done) for entry in value.values()), strict=True))
    elif type(value) in (list, tuple):
        found = [plain(entry, done) for entry in value]
        found = tuple(found) if type(value) is tuple else found
    else:
        raise Refused(f"it contains a {kind_of(value)}, which is not plain data")
    done[id(value)] = found
    return found
