"""Handwritten pickles of PyTorch files: PyTorch is not installed, and would not write hostile ones."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.formats.torch_file import LEGACY_MAGIC


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    return b"L%dL\n" % value


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def called(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


def tensor(
    shape: tuple[int, ...],
    strides: tuple[int, ...] | None = None,
    offset: int = 0,
    count: int | None = None,
    kind: str = "Float",
    view: bytes = b"",
) -> bytes:
    if strides is None:
        strides = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    count = int(np.prod(shape)) if count is None else count
    storage = b"(" + text("storage") + named("torch", f"{kind}Storage") + text("0") + text("cpu") + number(count)
    hooks = called(named("collections", "OrderedDict"))
    rebuild = named("torch._utils", "_rebuild_tensor_v2")
    return called(rebuild, storage + view + b"tQ", number(offset), numbers(*shape), numbers(*strides), b"\x89", hooks)


def entries(**values: bytes) -> bytes:
    return b"}(" + b"".join(text(name) + value for name, value in values.items()) + b"u"


def module(name: str, memo: bool = False, **attributes: bytes) -> bytes:
    """An instance of a class of networks with its attributes; with ``memo`` it is memoised as number 1."""
    empty = called(named("collections", "OrderedDict"))
    usual = {"training": b"\x89", **dict.fromkeys(("_parameters", "_buffers", "_modules", "_hooks"), empty)}
    made = named(*name.rsplit(".", 1)) + b")\x81" + (b"q\x01" if memo else b"")
    return made + entries(**{**usual, **attributes}) + b"b"


def pickled_network(path: Path, kind: str, state: Mapping[str, np.ndarray]) -> Path:
    """What ``torch.save(model)`` writes for a network of this class with this state dict."""
    places, start = {}, 0
    for name, array in state.items():
        places[name] = tensor(array.shape, offset=start, count=sum(each.size for each in state.values()))
        start += array.size
    data = np.concatenate([array.astype("f4").ravel() for array in state.values()])
    return torch_zip(path, _nested(kind, places), data.tobytes())


def _nested(kind: str, arrays: Mapping[str, bytes]) -> bytes:
    own = {name: array for name, array in arrays.items() if "." not in name}
    inside: dict[str, dict[str, bytes]] = {}
    for name, array in arrays.items():
        word, _, rest = name.partition(".")
        if rest:
            inside.setdefault(word, {})[rest] = array
    modules = {word: _nested("torch.nn.modules.container.Sequential", each) for word, each in inside.items()}
    return module(kind, _parameters=entries(**own), _modules=entries(**modules))


def torch_zip(
    path: Path, structure: bytes, data: bytes = b"", compression: int = zipfile.ZIP_STORED, **more: str
) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + structure + b".")
        for name, content in more.items():
            archive.writestr(f"archive/{name}", content)
        archive.writestr("archive/data/0", data)
    return path


def spliced(value: Any, protocol: int) -> bytes:
    """The opcodes of any value, without the frame of a pickle; the first of a pickle that refer to their place."""
    whole = pickle.dumps(value, protocol)
    start = 2 if protocol >= 2 else 0
    if whole[start : start + 1] == pickle.FRAME:
        start += 9
    return whole[start:-1]


def legacy(path: Path, structure: bytes, data: np.ndarray, keys: tuple[str, ...] = ("0",)) -> Path:
    heads = [pickle.dumps(head, 2) for head in (LEGACY_MAGIC, 1001, {"little_endian": True})]
    body = b"\x80\x02" + structure + b"."
    path.write_bytes(
        b"".join([*heads, body, pickle.dumps(list(keys), 2), struct.pack("<q", data.size), data.tobytes()])
    )
    return path
