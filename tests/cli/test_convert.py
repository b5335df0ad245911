"""``img2img convert`` makes an ONNX file of a network that other software saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from keras_networks import keras_2_file


def test_it_prints_the_ports_and_what_to_do_next(img2img: Any, tmp_path: Path) -> None:
    outcome = img2img("convert", keras_2_file(tmp_path / "old.h5"), "--out", tmp_path / "new.onnx")
    assert outcome.code == 0
    assert "(batch, height, width, 3)" in outcome.out
    assert "largest difference from the network: " in outcome.out
    assert outcome.out.splitlines()[-1] == f"next: img2img inspect {tmp_path / 'new.onnx'}"
    assert (tmp_path / "new.onnx").is_file()


def test_json(img2img: Any, tmp_path: Path) -> None:
    outcome = img2img("convert", keras_2_file(tmp_path / "old.h5"), "--out", tmp_path / "new.onnx", "--json")
    told = json.loads(outcome.out)
    assert (told["path"], told["multiple"]) == (str(tmp_path / "new.onnx"), 1)
    assert told["size"] == (tmp_path / "new.onnx").stat().st_size


def test_an_unknown_layer_is_named(img2img: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from keras_networks import KERAS_2

    monkeypatch.setitem(KERAS_2["config"]["layers"][2], "class_name", "Lambda")
    outcome = img2img("convert", keras_2_file(tmp_path / "old.h5"), "--out", tmp_path / "new.onnx")
    assert outcome.code == 2
    assert "layer 'leaky_re_lu' is a Lambda" in outcome.err
    assert not (tmp_path / "new.onnx").exists()
