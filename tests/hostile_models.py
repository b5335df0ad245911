"""Hostile and damaged model files and functions that write them; their code would create the file ``CANARY``."""

from __future__ import annotations

import argparse
import builtins
import io
import json
import os
import pickle
import pickletools
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

FIXTURES = Path(__file__).parent / "fixtures"
SOUND = FIXTURES / "junyanz_pixel_batch" / "weights.pth"
GENERATOR = FIXTURES / "junyanz_resnet6_instance" / "weights.pth"
CANARY = "CANARY"
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


class _Code:
    """An object whose pickle calls a function when it is loaded."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def touching(folder: Path) -> _Code:
    return _Code(os.system, f"touch {folder / CANARY}")


def evaluating(folder: Path) -> _Code:
    return _Code(builtins.eval, f"open({str(folder / CANARY)!r}, 'w')")


def empty_dataset(path: Path) -> Path:
    import h5py

    return hdf5(path, lambda file: file.create_dataset("a", data=h5py.Empty("f4")))


def zipped(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def torch_zip(path: Path, value: Any, **more: bytes) -> Path:
    structure = value if isinstance(value, bytes) else pickle.dumps(value, 2)
    return zipped(path, {"archive/data.pkl": structure, **{f"archive/{name}": each for name, each in more.items()}})


def legacy(path: Path, value: Any) -> Path:
    heads = (LEGACY_MAGIC, 1001, {"little_endian": True}, value, [])
    path.write_bytes(b"".join(pickle.dumps(each, 2) for each in heads))
    return path


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(path: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]], source: Path = GENERATOR) -> Path:
    return zipped(path, change(members_of(source)))


def lying_size(path: Path) -> Path:
    content = bytearray(SOUND.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", 2**31)
    path.write_bytes(content)
    return path


def other_numbers(members: dict[str, bytes], old: int, new: int) -> dict[str, bytes]:
    """Replace a number in the pickle wherever it is an argument of its own."""
    name = next(name for name in members if name.endswith("data.pkl"))
    structure, found, before = io.BytesIO(members[name]), b"", 0
    ops = [*pickletools.genops(structure)]
    ends = [place for _, _, place in ops[1:]] + [len(members[name])]
    for (_, argument, _), end in zip(ops, ends, strict=True):
        same = type(argument) is int and argument == old and members[name][before : before + 1] in (b"K", b"M", b"J")
        found += b"\x8a\x08" + struct.pack("<q", new) if same else members[name][before:end]
        before = end
    return {**members, name: found}


def nested_key(depth: int = 64) -> bytes:
    """A dict whose key is a tuple of two equal tuples, recursively: short, but hashing takes 2**depth steps."""
    return b"\x80\x02}" + b")q\x00" + b"0h\x00h\x00\x86q\x00" * depth + b"K\x01s."


def nested_lists(depth: int = 10_000) -> bytes:
    return b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."


def copies(count: int = 2_000) -> bytes:
    """One list of pairs, copied into as many mappings as it has pairs."""
    ordered = b"ccollections\nOrderedDict\n"
    pairs = b"](" + b"K\x01K\x02\x86" * count + b"eq\x000"
    return b"\x80\x02" + pairs + b"](" + (ordered + b"h\x00\x85R") * count + b"e."


def poisoned(path: Path) -> Path:
    """A network with one kernel of NaN."""

    def change(members: dict[str, bytes]) -> dict[str, bytes]:
        name = max((name for name in members if "/data/" in name), key=lambda name: len(members[name]))
        return {**members, name: np.full(len(members[name]) // 4, np.nan, "<f4").tobytes()}

    return changed(path, change)


def floating(dtype: str, kind: str, value: float, path: Path) -> Path:
    """The generator with all weights set to one value, in another type."""
    from img2imgkit.importing import read_torch

    header, data = {}, b""
    for name, array in read_torch(GENERATOR).items():
        raw = np.full(array.shape, value, kind).tobytes()
        header[name] = entry(list(array.shape), len(data), len(data) + len(raw), dtype)
        data += raw
    return safetensors(path, header, data)


def safetensors(path: Path, header: Any, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def hdf5(path: Path, make: Callable[[Any], None]) -> Path:
    import h5py

    with h5py.File(path, "w") as file:
        make(file)
    return path


def elsewhere(path: Path) -> Path:
    (path.parent / "secret").write_bytes(bytes(64))
    at = [(str(path.parent / "secret"), 0, 64)]
    return hdf5(path, lambda file: file.create_dataset("layers/conv2d/vars/0", (16,), "f4", external=at))


def linked(path: Path) -> Path:
    import h5py

    hdf5(path.parent / "other.h5", lambda file: file.create_dataset("x", data=np.zeros(4, "f4")))
    target = h5py.ExternalLink(str(path.parent / "other.h5"), "x")
    return hdf5(path, lambda file: file.create_group("layers").__setitem__("conv2d", target))


def virtual(path: Path) -> Path:
    import h5py

    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(path.parent / "other.h5"), "x", (4,))
    return hdf5(path, lambda file: file.create_virtual_dataset("layers/vars/0", layout))


def cyclic(path: Path) -> Path:
    def make(file: Any) -> None:
        group = file.create_group("layers")
        group["again"] = group

    return hdf5(path, make)


def legacy_lambda(path: Path) -> Path:
    """A file in the format of Keras 2 whose model configuration contains a Lambda layer."""
    config = {"class_name": "Lambda", "config": {"function": ["4wEAAA==", None, None], "function_type": "lambda"}}
    return hdf5(path, lambda file: file.attrs.__setitem__("model_config", json.dumps({"config": {"layers": [config]}})))


def keras_lambda(path: Path) -> Path:
    """A Keras 3 file with a Lambda layer whose code creates the canary, as it does here when the network is built."""
    import keras

    canary = path.parent / CANARY
    image = keras.Input((4, 4, 3))
    features = keras.layers.Conv2D(3, 1)(image)
    model = keras.Model(image, keras.layers.Lambda(lambda x, name=str(canary): (Path(name).touch(), x)[1])(features))
    assert canary.exists()
    canary.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # raised by Keras about numpy
        model.save(path)
    return path


def safetensors_shapes(path: Path) -> Path:
    """A resnet in which one kernel has the shape of another."""
    from img2imgkit.importing import read_torch

    state = dict(read_torch(GENERATOR))
    state["model.4.weight"] = state["model.7.weight"]
    header, data = {}, b""
    for name, array in state.items():
        raw = np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = entry(list(array.shape), len(data), len(data) + len(raw))
        data += raw
    return safetensors(path, header, data)


def _cut(path: Path, source: Path) -> Path:
    content = source.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def _same(path: Path, source: Path) -> Path:
    path.write_bytes(source.read_bytes())
    return path


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    (path / "weights.txt").write_text("nothing")
    return path


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(path, **arrays)
    return path


HUGE = 2**40
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4fd5\nsize 67040989\n"
SHARED = {f"net.{number}.weight": entry([1], 0, 4) for number in range(2)}
HOSTILE: Mapping[str, tuple[str, Callable[[Path], Path], str]] = {
    "a pickle that calls os.system": (
        "x.pth",
        lambda at: torch_zip(at, touching(at.parent)),
        r"refers to posix\.system",
    ),
    "a pickle that calls eval, inside a state dict": (
        "x.pt",
        lambda at: torch_zip(at, {"params": {"conv.weight": evaluating(at.parent)}}),
        r"refers to (__builtin__|builtins)\.eval",
    ),
    "a pickle that calls os.system beside weights": (
        "x.pth",
        lambda at: torch_zip(at, {"params": {"a.weight": 1}, "list": [{1}, touching(at.parent)]}),
        r"refers to posix\.system",
    ),
    "strangers without weights": (
        "x.pth",
        lambda at: torch_zip(at, {"args": argparse.Namespace(rate=0.1), "made": {1, 2}}),
        r"contains 'args' \(a argparse\.Namespace\), 'made' \(a \w+\.set\)",
    ),
    "an old pickle that calls os.system": (
        "x.pth",
        lambda at: legacy(at, touching(at.parent)),
        r"refers to posix\.system",
    ),
    "a zip bomb": (
        "x.pth",
        lambda at: zipped(at, {"a/data.pkl": b"N.", "a/data/0": bytes(1 << 26)}, zipfile.ZIP_DEFLATED),
        "compressed",
    ),
    "a member with a false size": ("x.pth", lying_size, "claim more bytes"),
    "a member with an absolute name": (
        "x.pth",
        lambda at: zipped(at, {"/etc/data.pkl": b"N."}),
        "leads outside the archive",
    ),
    "a member with a path to the parent folder": (
        "x.ckpt",
        lambda at: zipped(at, {"../a/data.pkl": b"N."}),
        "leads outside the archive",
    ),
    "a truncated file": ("x.pth", lambda at: _cut(at, SOUND), "not a PyTorch checkpoint"),
    "an old file cut short": ("x.pth", lambda at: _cut(at, SOUND.with_name("weights_oldformat.pth")), r"has \d+ bytes"),
    "shapes that contradict each other": (
        "x.pth",
        lambda at: safetensors_shapes(at.with_suffix(".safetensors")),
        r"its shape .* does not fit",
    ),
    "shapes that are larger than the file": (
        "x.pth",
        lambda at: changed(at, lambda members: other_numbers(members, 6, HUGE)),
        "beyond its storage",
    ),
    "TorchScript": ("x.pt", lambda at: torch_zip(at, None, **{"constants.pkl": b"N."}), "TorchScript"),
    "TorchScript as PyTorch packs it": (
        "x.pt",
        lambda at: zipped(at, {"a/data.pkl": b"N.", "a/constants.pkl": b"N."}, zipfile.ZIP_DEFLATED),
        "TorchScript",
    ),
    "a large pickle": (
        "x.pth",
        lambda at: torch_zip(at, b"\x80\x02(" + b"}" * (1 << 20) + b"l."),
        "more than 524,288 opcodes",
    ),
    "a key that is a huge integer": (
        "x.pth",
        lambda at: torch_zip(at, {1 << (1 << 15): None}),
        "an integer of 32769 bits",
    ),
    "an overlong name": (
        "x.safetensors",
        lambda at: safetensors(at, {f"model.{'9' * 5000}.weight": entry([1], 0, 4)}, bytes(4)),
        "a name of 5013 characters",
    ),
    "a kernel without axes": (
        "x.safetensors",
        lambda at: safetensors(
            at,
            {
                "model.1.weight": entry([1, 1, 1, 1], 0, 4),
                "model.2.conv_block.1.weight": entry([1, 1, 1, 1], 4, 8),
                "model.9.weight": entry([], 8, 12),
            },
            bytes(12),
        ),
        "matches no installed architecture",
    ),
    "weights that float32 cannot hold": (
        "x.safetensors",
        lambda at: floating("F64", "<f8", 1e300, at),
        "NaN or infinity",
    ),
    "weights that are integers": ("x.safetensors", lambda at: floating("I32", "<i4", 1, at), "has type int32"),
    "a key that takes forever to hash": ("x.pth", lambda at: torch_zip(at, nested_key()), "a tuple as a key"),
    "deeply nested lists": ("x.pth", lambda at: torch_zip(at, nested_lists()), "RecursionError"),
    "copies of copies": ("x.pth", lambda at: torch_zip(at, copies()), "copies too many entries"),
    "weights that are NaN": ("x.pth", poisoned, "NaN or infinity"),
    "a critic alone": ("x.pth", lambda at: _same(at, SOUND), "no task can make a bundle from x.pth"),
    "a safetensors header that is longer than the file": (
        "x.safetensors",
        lambda at: safetensors(at, {}, length=2**62),
        "its header claims",
    ),
    "a safetensors header with a false shape": (
        "x.safetensors",
        lambda at: safetensors(at, {"w": entry([HUGE], 0, 4)}, bytes(4)),
        "damaged",
    ),
    "safetensors that overlap": ("x.safetensors", lambda at: safetensors(at, SHARED, bytes(4)), "damaged"),
    "safetensors of no known type": (
        "x.safetensors",
        lambda at: safetensors(at, {"w": entry([1], 0, 4, "PyObject")}, bytes(4)),
        "damaged",
    ),
    "safetensors whose header is not JSON": ("x.safetensors", lambda at: safetensors(at, b"{]  "), "damaged"),
    "HDF5 whose data is in another file": ("x.weights.h5", elsewhere, "is not stored in the file"),
    "HDF5 with a link to another file": ("x.weights.h5", linked, "is a link"),
    "HDF5 with an empty dataset": ("x.weights.h5", empty_dataset, "cannot be read as Keras weights"),
    "HDF5 with a virtual dataset": ("x.weights.h5", virtual, "is not stored in the file"),
    "HDF5 whose groups form a cycle": ("x.weights.h5", cyclic, "form a cycle"),
    "HDF5 that claims terabytes": (
        "x.weights.h5",
        lambda at: hdf5(at, lambda file: file.create_dataset("vars/0", (HUGE,), "f4", chunks=(1024,))),
        "is not stored in the file",
    ),
    "code in Keras 2's format": ("x.h5", legacy_lambda, "a model of other software"),
    "code in Keras 3's format": ("x.keras", keras_lambda, "does not state the task"),
    "a .keras file with a path to the parent folder": (
        "x.keras",
        lambda at: zipped(at, {"../model.weights.h5": b""}),
        "leads outside the archive",
    ),
    "a .keras file without weights": ("x.keras", lambda at: zipped(at, {"config.json": b"{}"}), "no model.weights.h5"),
    "an .npz bomb": ("x.npz", lambda at: npz(at, zeros=np.zeros(1 << 24, "f4")), "claim far more bytes"),
    "an .npz of pickles": ("x.npz", lambda at: npz(at, a=np.array([touching(at.parent)])), "a has type object"),
    "a pointer of Git LFS": ("x.pth", lambda at: _written(at, LFS), "a pointer of Git LFS.*git lfs pull"),
    "a pointer of Git LFS for Keras": ("x.weights.h5", lambda at: _written(at, LFS), "a pointer of Git LFS"),
    "a web page without a suffix": ("x", lambda at: _written(at, b"<!DOCTYPE html>"), "no importer.*a web page"),
    "an empty file": ("x.pth", lambda at: _written(at, b""), "empty"),
    "an empty .keras file": ("x.keras", lambda at: _written(at, b""), "cannot be read"),
    "a text": ("x.pth", lambda at: _written(at, b"<html>not found</html>"), "not a PyTorch checkpoint"),
    "a text called safetensors": (
        "x.safetensors",
        lambda at: _written(at, b"version https://git-lfs"),
        "its header claims",
    ),
    "a folder": ("x", _folder, r"without \.keras files"),
    "nothing": ("x.pth", lambda at: at, "No such file"),
    "an ONNX file": ("x.onnx", lambda at: _written(at, b"x"), "state the file as 'bundle' of a translate step"),
    "an unsupported kind": ("x.docx", lambda at: _written(at, b"PK"), "no importer reads this file"),
}
