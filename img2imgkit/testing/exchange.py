"""Contract tests for importers and exporters: read a file, also a damaged one; write a small model and run it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit import backend, bundle
from img2imgkit.catalog import Catalog
from img2imgkit.data import Paired
from img2imgkit.errors import InteropError
from img2imgkit.exchange import HEAD_BYTES, Exporter, Importer, SavedWeights, StateDict
from img2imgkit.exporting import ExportOptions, export_bundle
from img2imgkit.files import read_bytes
from img2imgkit.geometry import Geometry
from img2imgkit.images import Picture, encode
from img2imgkit.task import Networks, Task
from img2imgkit.testing.claims import check_docstring, check_name, expect, must_work
from img2imgkit.testing.tasks import with_task

_SEED = 13
_CUTS = (0.0, 0.3, 0.8)  # how much of a file is left


def check_importer(importer_class: type[Importer], path: Path, key: str | None = None) -> None:
    """Verify the contract of an importer: it reads a file the same each time, and refuses what is damaged or missing.

    Args:
        path: a small file of the format
        key: where in the file the network is; see ``Importer.read``

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    check_name(importer_class)
    check_docstring(importer_class)
    importer, content = importer_class(), read_bytes(path)
    good = importer.suffixes and all(each.startswith(".") and each == each.lower() for each in importer.suffixes)
    expect(good, f"suffixes are {importer.suffixes!r}; expected small letters after a dot, such as ('.pth',)")
    head = content[:HEAD_BYTES]
    known = importer.recognises(head) or importer.claims(path, head)
    expect(known, f"{importer.name!r} neither recognises nor claims {path.name}")
    with must_work(f"{importer.name!r} cannot read {path.name}"):
        first, again = (importer.read(path, key) for _ in range(2))
    _check_read(importer, first, again)
    expect(read_bytes(path) == content, f"{importer.name!r} changed the file that it read")
    with tempfile.TemporaryDirectory() as folder:
        _check_damage(importer, Path(folder) / path.name, content, key)


def _check_read(importer: Importer, first: Any, again: Any) -> None:
    expected = "expected a StateDict or SavedWeights"
    expect(isinstance(first, StateDict | SavedWeights), f"read() returned {type(first).__name__}, {expected}")
    if not isinstance(first, StateDict):
        return
    expect(first.arrays or first.others, f"{importer.name!r} found no array")
    for name, array in first.arrays.items():
        good = isinstance(name, str) and isinstance(array, np.ndarray)
        expect(good, f"{importer.name!r} read {name!r} as {type(array).__name__}, expected numpy arrays by name")
        same = name in again.arrays and np.array_equal(array, again.arrays[name])
        expect(same, f"{importer.name!r} read {name!r} differently the second time")


def _check_damage(importer: Importer, path: Path, content: bytes, key: str | None) -> None:
    """A file that is cut off, full of noise or missing is refused by InteropError, if it is refused."""
    noise = np.random.default_rng(_SEED).bytes(len(content))
    for what, data in (("noise", noise), *((f"cut to {cut:.0%}", content[: int(cut * len(content))]) for cut in _CUTS)):
        path.write_bytes(data)
        refused = _refused(importer, path, key, f"a file {what}")
        expect(refused or data, f"{importer.name!r} reads an empty file; it must raise InteropError")
        expect(refused or what != "noise", f"{importer.name!r} reads a file of noise; it must raise InteropError")
    path.unlink()
    expect(_refused(importer, path, key, "a missing file"), f"{importer.name!r} reads a file that does not exist")


def _refused(importer: Importer, path: Path, key: str | None, what: str) -> bool:
    try:
        importer.read(path, key)
    except InteropError:
        return True
    except Exception as error:
        claim = f"{importer.name!r} raises {type(error).__name__} for {what}, expected InteropError: {error}"
        raise AssertionError(claim) from error
    return False


class _Exported(Task):
    """A picture twice as large (arXiv:1501.00092)."""

    name = "check-exporter"
    data = "paired"

    def build(self) -> Networks:
        import keras

        from img2imgkit.nn import PixelShuffle

        keras.utils.set_random_seed(_SEED)
        source = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(source)
        x = PixelShuffle(2)(keras.layers.Conv2D(12, 3, padding="same")(x))
        return Networks({"generator": keras.Model(source, x)})

    def geometry(self) -> Geometry:
        return Geometry(scale=2, radius=2)

    def forward(self, nets: Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def generator_losses(self, nets: Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def translate(self, nets: Networks, inputs: Mapping[str, Any]) -> Any:
        return nets["generator"](inputs["source"], training=False)


def check_exporter(exporter_class: type[Exporter]) -> None:
    """Verify the contract of an exporter: in each precision, what it wrote computes what the networks do.

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    check_name(exporter_class)
    check_docstring(exporter_class)
    suffix = exporter_class.suffix
    good = suffix == "" or (suffix.startswith(".") and suffix == suffix.lower())
    expect(good, f"suffix is {suffix!r}; expected small letters after a dot, or '' for a folder")
    expect("float32" in exporter_class.precisions, f"precisions are {exporter_class.precisions}, without 'float32'")
    backend.load()
    catalog = with_task(_Exported, Paired, Catalog.installed({"IMG2IMG_PLUGINS": ""}))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        task = _Exported()
        bundle.save(folder / "bundle", task, task.build(), "tested", catalog)
        for precision in exporter_class.precisions:
            calibrate = _pictures(folder / "pictures") if precision == "int8" else None
            options = ExportOptions(precision=precision, calibrate=calibrate)
            loaded = bundle.load(folder / "bundle", catalog)
            with must_work(f"{exporter_class.name!r} in {precision}"):
                export_bundle(loaded, exporter_class(), folder / f"{precision}{suffix}", options)


def _pictures(folder: Path) -> Path:
    folder.mkdir()
    random = np.random.default_rng(_SEED)
    for number in range(2):
        levels = random.integers(0, 256, (24, 32, 3), np.uint8)
        (folder / f"{number}.png").write_bytes(encode(Picture(levels), "PNG").data)
    return folder
