"""Strangers beside weights are passed over without being made; programs are refused; reading takes bounded time."""

from __future__ import annotations

import argparse
import array
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import json
import pathlib
import pickle
import re
import sys
import types
import typing
import uuid
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch_pickles import (
    called,
    entries,
    legacy,
    module,
    named,
    number,
    numbers,
    spliced,
    tensor,
    text,
    torch_zip,
)

from img2imgkit.errors import InteropError
from img2imgkit.formats.pickled_names import PROGRAMS
from img2imgkit.formats.pickled_values import MAX_NETWORKS
from img2imgkit.formats.torch_pickle import MAX_ARGUMENTS
from img2imgkit.importing import Placeholder, read_torch
from img2imgkit.importing.weight_sets import state_of

DATA = np.arange(4, dtype="f4")
MADE: list[str] = []


class Watched:
    """A class that notices whatever is done to it."""

    def __new__(cls, *_: Any) -> Watched:
        MADE.append("new")
        return super().__new__(cls)

    def __init__(self, value: Any = None) -> None:
        MADE.append("init")
        self.value = value

    def __getstate__(self) -> Any:
        return {"value": 1}

    def __setstate__(self, state: Any) -> None:
        MADE.append("setstate")


class Reduced(Watched):
    def __reduce__(self) -> Any:
        return Reduced, (1,), {"value": 2}


class Keyed(Watched):
    """Protocol 4 and later have an opcode for it."""

    def __new__(cls, *, value: int = 0) -> Keyed:
        return super().__new__(cls)

    def __getnewargs_ex__(self) -> Any:
        return (), {"value": 1}


class Mapped(dict[str, Any]):
    pass


class Listed(list[Any]):
    pass


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Settings:
    rate: float = 0.1


class Slotted:
    __slots__ = ("value",)


class Outer:
    class Inner:
        """Before protocol 4, its pickle calls ``getattr``."""


Point = namedtuple("Point", "x y")
slotted = Slotted()
slotted.value = 3
STRANGERS = {
    "argparse.Namespace": argparse.Namespace(lr=1e-3, steps={"a": [1, 2]}),
    "a number of numpy": np.float64(31.25),
    "a truth of numpy": np.bool_(True),
    "an array of numpy": np.arange(6.0).reshape(2, 3),
    "a type of numpy": np.dtype("f4"),
    "a class of numpy": np.float32,
    "a random state": np.random.RandomState(1),
    "a random generator": np.random.default_rng(1),
    "a set": {1, 2},
    "an empty set": set(),
    "a frozenset": frozenset({"a"}),
    "a deque": deque([1, 2]),
    "a path": pathlib.Path("experiments"),
    "a path of Windows": pathlib.PureWindowsPath("a"),
    "a time": datetime.datetime(2024, 5, 6),
    "a duration": datetime.timedelta(3),
    "a decimal": decimal.Decimal("1.5"),
    "a fraction": fractions.Fraction(1, 3),
    "an id": uuid.UUID(int=5),
    "a complex number": 1 + 2j,
    "a range": range(3),
    "a slice": slice(1, 2),
    "bytes that can change": bytearray(b"ab"),
    "numbers in an array": array.array("d", [1.0]),
    "an enum": Colour.RED,
    "a dataclass": Settings(),
    "slots": slotted,
    "a named tuple": Point(1, 2),
    "a list of a class": Listed([1]),
    "types.SimpleNamespace": types.SimpleNamespace(a=1),
    "a pattern": re.compile("a+"),
    "a part of a function": functools.partial(int, base=2),
    "an error": ValueError("x"),
    "a class": dict,
    "a function of a library": json.dumps,
    "a type of typing": typing.List[typing.Any],  # noqa: UP006
    "an ellipsis": ...,
    "an instance": Watched(),
    "an instance of an inner class": Outer.Inner(),
    "an instance that states how it is made": Reduced(),
}
# What is plain data after all, or at least a mapping with plain entries.
CONTAINERS = {
    "Counter": (Counter("aab"), {"a": 2, "b": 1}),
    "defaultdict": (defaultdict(list, a=[1]), {"a": [1]}),
    "OrderedDict": (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    "a dict of a class": (Mapped(a=1, b=[2]), {"a": 1, "b": [2]}),
}


def typed(kind: str, shape: tuple[int, ...], count: int | None = None, storage: str = "Untyped") -> bytes:
    """A tensor of a type that has no storage class."""
    record = tensor(shape, count=count, kind=storage).replace(b"_rebuild_tensor_v2", b"_rebuild_tensor_v3")
    return record.removesuffix(b"tR") + named("torch", kind) + b"tR"


# What Python cannot pickle here.
HANDMADE = {
    "torch.device": called(named("torch", "device"), text("cuda"), number(0)),
    "torch.float32": named("torch", "float32"),
    "a layout": called(named("torch.serialization", "_get_layout"), text("torch.strided")),
    "a sparse tensor": called(named("torch._utils", "_rebuild_sparse_tensor"), named("torch", "sparse_coo"), b"N"),
    "OmegaConf": (
        named("omegaconf.dictconfig", "DictConfig")
        + b")\x81"
        + entries(_metadata=named("omegaconf.base", "ContainerMetadata") + b")\x81}b", _content=entries(a=number(1)))
        + b"b"
    ),
    "Lightning's dict": named("pytorch_lightning.utilities.parsing", "AttributeDict") + b")\x81" + entries(a=b"N")[1:],
    "Lightning's callbacks, by class": b"}(" + named("pytorch_lightning.callbacks", "ModelCheckpoint") + b"}u",
    "an instance of Python 2": b"(" + number(1) + b"imodule\nThing\n}b",
    "an instance with its class on the stack": b"(" + named("module", "Thing") + number(1) + b"o",
    "a class of numpy 2": called(
        named("numpy._core.multiarray", "scalar"), called(named("numpy", "dtype"), text("f8"))
    ),
    "a class of numpy 1": called(named("numpy.core.multiarray", "scalar"), called(named("numpy", "dtype"), text("f8"))),
}


def loaded_beside(path: Path, stranger: bytes) -> Any:
    """What is read if the stranger lies beside weights, in a list, and in a dict."""
    structure = entries(args=stranger, more=b"]" + stranger + b"a", params=entries(**{"a.weight": tensor((4,))}))
    loaded = read_torch(torch_zip(path / "file.pth", structure, DATA.tobytes()))
    np.testing.assert_array_equal(loaded["params"]["a.weight"], DATA)
    return loaded


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("what", STRANGERS)
def test_strangers_beside_weights_are_not_made(what: str, protocol: int, tmp_path: Path) -> None:
    try:
        stranger = spliced(STRANGERS[what], protocol)
    except (pickle.PicklingError, TypeError):
        pytest.skip("this protocol cannot describe it")
    MADE.clear()
    structure = entries(args=stranger, params=entries(**{"a.weight": tensor((4,))}))
    loaded = read_torch(torch_zip(tmp_path / "file.pth", structure, DATA.tobytes()))
    np.testing.assert_array_equal(loaded["params"]["a.weight"], DATA)
    assert isinstance(loaded["args"], Placeholder)
    assert not MADE


@pytest.mark.parametrize("protocol", [4, 5])
def test_arguments_by_name_are_not_used(protocol: int, tmp_path: Path) -> None:
    stranger = spliced(Keyed(), protocol)
    MADE.clear()
    loaded = read_torch(torch_zip(tmp_path / "file.pth", entries(args=stranger)))
    assert isinstance(loaded["args"], Placeholder)
    assert not MADE


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("what", CONTAINERS)
def test_mappings_keep_their_entries(what: str, protocol: int, tmp_path: Path) -> None:
    value, wanted = CONTAINERS[what]
    structure = entries(args=spliced(value, protocol))
    assert read_torch(torch_zip(tmp_path / "file.pth", structure)) == {"args": wanted}


@pytest.mark.parametrize("what", HANDMADE)
def test_strangers_of_other_libraries_are_not_made(what: str, tmp_path: Path) -> None:
    before = {*sys.modules}
    loaded = loaded_beside(tmp_path, HANDMADE[what])
    assert isinstance(loaded["args"], (Placeholder, dict))
    assert not {*sys.modules} - before


def test_a_module_that_a_pickle_names_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "careless.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for stranger in (named("careless", "Thing"), named("careless", "Thing") + b")\x81", b"(icareless\nThing\n"):
        loaded_beside(tmp_path, stranger)
    assert "careless" not in sys.modules


def test_a_placeholder_shows_its_name(tmp_path: Path) -> None:
    assert repr(loaded_beside(tmp_path, spliced(argparse.Namespace(), 2))["args"]) == "<argparse.Namespace>"


PROGRAM = {
    "a function of the system": called(named("posix", "mkdir"), text("HARM")),
    "a function that is only named": named("os", "system"),
    "a class that runs programs": called(named("subprocess", "Popen"), text("touch HARM")),
    "an instance of such a class": named("subprocess", "Popen") + b")\x81",
    "a class of such a class": called(named("copyreg", "_reconstructor"), named("subprocess", "Popen"), b"N", b"N"),
    "a function inside a module": called(named("torch.hub", "load"), text("x")),
    "a function by a name with dots": called(named("json", "codecs.open"), text("x")),
    "a function of a library": called(named("json", "loads"), text("{}")),
    "a method": called(called(named("builtins", "getattr"), named("json", "JSONDecoder"), text("decode")), text("x")),
    "a method of an instance": called(named("builtins", "getattr"), named("json", "JSONDecoder") + b")\x81", text("x")),
    "a function of Python 2": called(named("__builtin__", "execfile"), text("x")),
    "a function of numpy that runs code": named("numpy.testing._private.utils", "runstring"),
    "a function through a list": b"(" + named("os", "system") + text("touch HARM") + b"o",
    "a number for a name": b"\x82\x01",
    "a call of an instance": called(called(named("module", "Thing")), text("x")),
    "a call of a text": called(text("print"), text("x")),
    "arguments that are no tuple": named("module", "Thing") + b"]R",
    "a text that is extended": text("x") + b"Na",
    "a class that is changed": named("module", "Thing") + b"}b",
    "a class with entries": named("module", "Thing") + entries(a=b"N")[1:],
}


@pytest.mark.parametrize("what", PROGRAM)
def test_programs_are_refused_and_nothing_runs(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InteropError, match=r"refers to|calls a|appends to|modifies a|as a key of"):
        loaded_beside(tmp_path, PROGRAM[what])
    assert [path.name for path in tmp_path.iterdir()] == ["file.pth"]


@pytest.mark.parametrize("module", sorted(PROGRAMS))
def test_no_function_of_a_module_that_does_things_is_passed_over(module: str, tmp_path: Path) -> None:
    for name in (module, f"{module}.inner"):
        with pytest.raises(InteropError, match=rf"refers to {re.escape(name)}\.run, which is a program"):
            loaded_beside(tmp_path, named(name, "run"))


def test_a_stranger_alone_is_no_checkpoint(tmp_path: Path) -> None:
    structure = named("torch.nn.modules.container", "Sequential") + b")\x81}b"
    with pytest.raises(InteropError, match=r"it is a torch\.nn\.modules\.container\.Sequential, .*state_dict"):
        read_torch(torch_zip(tmp_path / "file.pth", structure))


class TestBounds:
    def test_names_are_short(self, tmp_path: Path) -> None:
        for stranger in (named("a" * 201, "Thing"), named("a", "T" * 201)):
            with pytest.raises(InteropError, match="a name that is too long"):
                loaded_beside(tmp_path, stranger)

    def test_arguments_are_few(self, tmp_path: Path) -> None:
        stranger = called(named("collections", "OrderedDict"), *[b"N"] * (MAX_ARGUMENTS + 1))
        with pytest.raises(InteropError, match="calls a function with 33 arguments"):
            loaded_beside(tmp_path, stranger)

    def test_entries_of_counters_are_counted(self, tmp_path: Path) -> None:
        """One dict that is memoised and copied over and over."""
        counter = b"ccollections\nCounter\n"
        copies = b"}(" + b"".join(number(each) + b"N" for each in range(2_000)) + b"uq\x000"
        copies += b"](" + (counter + b"h\x00\x85R") * 200 + b"e"
        with pytest.raises(InteropError, match="copies too many entries"):
            read_torch(torch_zip(tmp_path / "file.pth", copies))


class TestFloat8:
    @pytest.mark.parametrize("module", ["torch", "torch.storage"])
    def test_it_is_read_as_float32(self, module: str, tmp_path: Path) -> None:
        structure = typed("float8_e4m3fn", (2, 2)).replace(b"ctorch\nUntyped", f"c{module}\nUntyped".encode())
        found = read_torch(torch_zip(tmp_path / "x.pth", entries(a=structure), bytes([0x38, 0xB8, 0x7E, 0])))["a"]
        assert found.dtype == np.float32
        assert found.tolist() == [[1, -1], [448, 0]]

    def test_tensors_of_other_types_are_strangers(self, tmp_path: Path) -> None:
        found = read_torch(torch_zip(tmp_path / "x.pth", entries(a=typed("uint16", (4,), 8)), bytes(8)))["a"]
        assert repr(found) == "<torch.Tensor of type uint16>"

    def test_one_byte_is_not_repeated_into_gigabytes(self, tmp_path: Path) -> None:
        shared = b"](" + typed("float8_e5m2", (1000,)) * 40 + b"e"
        with pytest.raises(InteropError, match="more data than the file has"):
            read_torch(torch_zip(tmp_path / "x.pth", shared, bytes(1000)))

    def test_a_storage_of_another_type_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InteropError, match="record is malformed"):
            read_torch(torch_zip(tmp_path / "x.pth", typed("float8_e5m2", (4,), storage="Float"), DATA.tobytes()))


def test_tensors_with_attributes_and_of_subclasses_are_tensors(tmp_path: Path) -> None:
    function, record = named("torch._utils", "_rebuild_tensor_v2"), tensor((4,))
    arguments = record[len(function) :].removesuffix(b"R")
    kinds = {
        "attributes": called(named("torch._utils", "_rebuild_parameter_with_state"), record, b"\x88", b"N", b"}"),
        "subclass": called(
            named("torch._tensor", "_rebuild_from_type_v2"), function, named("torch.nn", "Buffer"), arguments, b"}"
        ),
    }
    found = read_torch(torch_zip(tmp_path / "x.pth", entries(**kinds), DATA.tobytes()))
    for each in found.values():
        np.testing.assert_array_equal(each, DATA)


def test_a_size_is_a_tuple(tmp_path: Path) -> None:
    size = called(named("torch", "Size"), numbers(2, 3))
    assert read_torch(torch_zip(tmp_path / "x.pth", entries(a=size))) == {"a": (2, 3)}


class TestNetworks:
    """Networks that were pickled whole, as by ``torch.save(model)``."""

    def layer(self, offset: int = 0, kind: str = "Conv2d", **more: bytes) -> bytes:
        """A module with a weight of two numbers."""
        weight = called(
            named("torch._utils", "_rebuild_parameter"), tensor((2,), offset=offset, count=4), b"\x88", b"N"
        )
        return module(f"torch.nn.modules.conv.{kind}", _parameters=entries(weight=weight, bias=b"N"), **more)

    def test_the_arrays_have_the_names_of_a_state_dict(self, tmp_path: Path) -> None:
        body = module(
            "torch.nn.modules.container.Sequential", _modules=entries(**{"0": self.layer(), "1": self.layer(2)})
        )
        network = module(
            "basicsr.archs.Net", _modules=entries(body=body, act=b"N"), _buffers=entries(mean=tensor((4,)))
        )
        found = read_torch(torch_zip(tmp_path / "model.pth", network, DATA.tobytes()))
        assert {name: array.tolist() for name, array in found.items()} == {
            "mean": [0, 1, 2, 3],
            "body.0.weight": [0, 1],
            "body.1.weight": [2, 3],
        }
        assert found.kind == "basicsr.archs.Net"

    def test_they_are_found_beside_other_things_and_in_the_old_format(self, tmp_path: Path) -> None:
        structure = entries(epoch=number(3), model=self.layer(), again=self.layer())
        found = read_torch(torch_zip(tmp_path / "model.pth", structure, DATA.tobytes()))
        assert [*found["model"]] == [*found["again"]] == ["weight"]
        source = b"(" + text("module") + named("archs", "Net") + text("/src/net.py") + text("class Net: ...") + b"tQ"
        old = self.layer().replace(named("torch.nn.modules.conv", "Conv2d"), source)
        found = read_torch(legacy(tmp_path / "old.pth", old, DATA))
        assert found["weight"].tolist() == [0, 1]

    @pytest.mark.parametrize("protocol", [2, 4])
    def test_buffers_that_a_state_dict_lacks_are_left_out(self, protocol: int, tmp_path: Path) -> None:
        unsaved = spliced({"mask"}, protocol)
        buffers = entries(mask=tensor((4,)), kept=tensor((4,)))
        network = self.layer(_buffers=buffers, _non_persistent_buffers_set=unsaved)
        found = read_torch(torch_zip(tmp_path / "model.pth", network, DATA.tobytes()))
        assert sorted(found) == ["kept", "weight"]

    def test_nothing_of_them_is_made(self, tmp_path: Path) -> None:
        before = {*sys.modules}
        read_torch(torch_zip(tmp_path / "model.pth", self.layer(kind="Careless"), DATA.tobytes()))
        assert not {*sys.modules} - before

    def test_what_is_no_array_is_refused_when_it_is_among_the_weights(self, tmp_path: Path) -> None:
        odd = entries(odd=named("module", "Thing") + b")\x81")
        network = self.layer(_modules=odd, _buffers=entries(mean=tensor((4,))))
        path = torch_zip(tmp_path / "model.pth", network, DATA.tobytes())
        with pytest.raises(InteropError, match=r"odd: a module\.Thing among the weights"):
            state_of(read_torch(path))

    @pytest.mark.parametrize(
        ("network", "why"),
        [
            (module("a.Net", _parameters=b"]"), "the _parameters of its a.Net are no mapping"),
            (module("a.Net", _parameters=b"}(" + number(1) + number(2) + b"u"), "a name that is not plain"),
            (module("a.Net", _modules=entries(me=b"h\x01"), memo=True), "contain each other"),
        ],
    )
    def test_malformed_ones_are_refused(self, network: bytes, why: str, tmp_path: Path) -> None:
        with pytest.raises(InteropError, match=why):
            read_torch(torch_zip(tmp_path / "model.pth", network, DATA.tobytes()))

    def test_many_are_refused(self, tmp_path: Path) -> None:
        structure = b"](" + self.layer() * (MAX_NETWORKS + 1) + b"e"
        with pytest.raises(InteropError, match="more than 64 networks"):
            read_torch(torch_zip(tmp_path / "model.pth", structure, DATA.tobytes()))
