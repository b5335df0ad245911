"""Handwritten pickles of PyTorch files: PyTorch is not installed, and would not write hostile ones."""

from __future__ import annotations

import pickle
import struct
import zipfile
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
