"""Contract tests for importers and exporters: the built-in ones pass, and every violation is reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import img2imgkit as kit
from img2imgkit.exporting import KerasExporter, OnnxExporter, SavedModelExporter, TfliteExporter
from img2imgkit.importing import NpzImporter, SafetensorsImporter, TorchImporter
from img2imgkit.testing import check_exporter, check_importer

FIXTURES = Path(__file__).parents[1] / "fixtures"
ARRAYS = {"body.weight": np.ones((4, 3, 3, 3), np.float32), "body.bias": np.zeros(4, np.float32)}


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    path = tmp_path / "model.npz"
    np.savez(path, **ARRAYS)
    return path


class TestBuiltIn:
    def test_npz(self, npz: Path) -> None:
        check_importer(NpzImporter, npz)

    def test_torch(self) -> None:
        check_importer(TorchImporter, next(FIXTURES.glob("*/weights.pth")))

    def test_safetensors(self, tmp_path: Path) -> None:
        from safetensors.numpy import save_file

        save_file(ARRAYS, tmp_path / "model.safetensors")
        check_importer(SafetensorsImporter, tmp_path / "model.safetensors")

    def test_keras(self) -> None:
        check_exporter(KerasExporter)

    @pytest.mark.slow
    @pytest.mark.parametrize("exporter", [OnnxExporter, SavedModelExporter, TfliteExporter])
    def test_formats_that_take_longer(self, exporter: type[kit.Exporter]) -> None:
        check_exporter(exporter)


class Good(NpzImporter):
    """State dicts."""

    name = "good"


def changing() -> type[kit.Importer]:
    reads: list[int] = []

    class Changing(Good):
        """Another array each time."""

        def read(self, path: Path, key: str | None = None) -> kit.StateDict:
            reads.append(1)
            return kit.StateDict({"a": np.full(3, len(reads))})

    return Changing


class Crashing(Good):
    """Errors of Python for damaged files."""

    def read(self, path: Path, key: str | None = None) -> kit.StateDict:
        with np.load(path) as arrays:
            return kit.StateDict(dict(arrays))


class Lenient(Good):
    """Reads anything."""

    def read(self, path: Path, key: str | None = None) -> kit.StateDict:
        return kit.StateDict(ARRAYS)


class Writing(Good):
    """Changes its file."""

    def read(self, path: Path, key: str | None = None) -> kit.StateDict:
        found = super().read(path, key)
        path.write_bytes(path.read_bytes() + b"x")
        return found


class Listing(Good):
    """Lists in place of arrays."""

    def read(self, path: Path, key: str | None = None) -> kit.StateDict:
        return kit.StateDict({"a": [1, 2]})  # type: ignore[dict-item]


class Empty(Good):
    """Nothing."""

    def read(self, path: Path, key: str | None = None) -> kit.StateDict:
        return kit.StateDict({})


class Plain(Good):
    """A dictionary."""

    def read(self, path: Path, key: str | None = None) -> Any:
        return {}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (changing, "read 'a' differently the second time"),
        (lambda: Crashing, "'good' raises ValueError for a file noise, expected InteropError"),
        (lambda: Lenient, "'good' reads a file of noise; it must raise InteropError"),
        (lambda: Writing, "'good' changed the file that it read"),
        (lambda: Listing, "'good' read 'a' as list, expected numpy arrays by name"),
        (lambda: Empty, "'good' found no array"),
        (lambda: Plain, r"read\(\) returned dict, expected a StateDict or SavedWeights"),
        (lambda: type("Named", (Good,), {"__doc__": "x", "name": "Good One"}), "Named.name is 'Good One'"),
        (lambda: type("Silent", (Good,), {}), "Silent has no docstring"),
        (lambda: type("Loud", (Good,), {"__doc__": "x", "suffixes": ("NPZ",)}), "suffixes are"),
        (
            lambda: type("Deaf", (Good,), {"__doc__": "x", "suffixes": (".y",), "recognises": lambda *_: False}),
            "neither recognises nor claims model.npz",
        ),
    ],
)
def test_an_importer_s_violation_is_reported(make: Callable[[], type[kit.Importer]], said: str, npz: Path) -> None:
    with pytest.raises(AssertionError, match=said):
        check_importer(make(), npz)


class Stored(kit.Exporter):
    """Nothing but a description; what it runs is stated by a class."""

    name = "stored"
    suffix = ".stored"
    output: Any = None

    def write(self, programs: Sequence[kit.Program], path: Path, about: Mapping[str, Any], form: Any) -> None:
        path.write_text(json.dumps(about))

    def open(self, path: Path) -> Callable[[str, Mapping[str, Any]], Mapping[str, Any]]:
        return lambda name, arrays: {"output": np.zeros_like(np.repeat(np.repeat(arrays["image"], 2, 1), 2, 2))}

    def about(self, path: Path) -> str:
        return path.read_text()


class Forgetful(SavedModelExporter):
    """Another description than it was given."""

    name = "forgetful"
    precisions = ("float32",)

    def about(self, path: Path) -> str:
        return "{}"


@pytest.mark.parametrize(
    ("exporter", "said"),
    [
        (Stored, "'stored' in float32: translate of 1 x .* differ"),
        (type("Silent", (Stored,), {}), "Silent has no docstring"),
        (type("Loud", (Stored,), {"__doc__": "x", "suffix": "PB"}), "suffix is 'PB'"),
        (type("Half", (Stored,), {"__doc__": "x", "precisions": ("float16",)}), "without 'float32'"),
    ],
)
def test_an_exporter_s_violation_is_reported(exporter: type[kit.Exporter], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_exporter(exporter)


@pytest.mark.slow
def test_a_lost_description_is_reported() -> None:
    with pytest.raises(AssertionError, match=r"'forgetful' in float32: .*format"):
        check_exporter(Forgetful)
