"""Descriptions of exported models are read completely or rejected with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_tasks import Plain, loaded

from img2imgkit.bundle import EXPORTED_FORMAT, Exported, PortDescription, ProgramDescription, read_exported
from img2imgkit.errors import BundleError


@pytest.fixture(scope="module")
def described() -> Exported:
    port = PortDescription(name="image", shape=(None, None, None, 3), dtype="float32", meaning="RGB")
    program = ProgramDescription(name="translate", inputs=(port,), outputs=(port,), multiple=8)
    return Exported(format=EXPORTED_FORMAT, manifest=loaded(Plain).manifest, programs=(program,), size=(64, 96))


def test_a_description_survives_a_round_trip(described: Exported) -> None:
    assert read_exported(described.text(), "m.onnx") == described


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"format": EXPORTED_FORMAT + 1},
            "m.onnx: description of format 2; this version reads up to 1: upgrade img2imgkit",
        ),
        ({"size": [1 << 30, 64]}, "size.0: "),
        (
            {"programs": [{"name": "translate", "inputs": [], "outputs": [], "multiple": 1 << 40}]},
            "programs.0.multiple",
        ),
        ({"programs": [{"name": "t", "inputs": [], "outputs": [], "scale": 1000}]}, "programs.0.scale"),
        ({"layout": "hwc"}, "layout"),
    ],
)
def test_invalid_descriptions_are_rejected(described: Exported, change: dict[str, Any], reason: str) -> None:
    text = json.dumps({**json.loads(described.text()), **change})
    with pytest.raises(BundleError) as caught:
        read_exported(text, "m.onnx")
    assert reason in str(caught.value)
    assert "m.onnx" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '"x"'])
def test_other_json_is_rejected(text: str) -> None:
    with pytest.raises(BundleError, match=Path("m.onnx").name):
        read_exported(text, "m.onnx")
