"""Small networks of four kinds, exported by PyTorch, give what PyTorch gave."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from img2imgkit.catalog import Catalog
from img2imgkit.images import Picture, resize
from img2imgkit.inference import Translator, find_model, inspect_onnx
from img2imgkit.inference.exported.describe import Describe

FIXTURES = Path(__file__).parents[2] / "fixtures"
NAMES = ("onnx_matting", "onnx_depth", "onnx_style", "onnx_face")


def opened(name: str) -> Translator:
    stated = json.loads((FIXTURES / name / "config.json").read_text())["describe"]
    described = Describe.model_validate_json(json.dumps(stated))
    return Translator(
        find_model(str(FIXTURES / name / "model.onnx"), Path.cwd(), Catalog(()), described).load(), device="cpu"
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_output_is_that_of_pytorch(name: str) -> None:
    data = np.load(FIXTURES / name / "io.npz")
    made = opened(name).translate(Picture(data["picture"], None, "rgb")).picture
    assert made.color.shape == data["output"].shape
    assert np.abs(made.color - 255 * data["output"].clip(0, 1)).max() <= 0.6


@pytest.mark.parametrize("name", NAMES)
def test_pictures_of_other_sizes_and_depths(name: str) -> None:
    data = np.load(FIXTURES / name / "io.npz")
    translator = opened(name)
    other = resize(Picture(data["picture"], None, "rgb"), 71, 53, "bilinear")
    deep = Picture(other.color.astype(np.uint16) * 257, None, "rgb")
    for given in (other, deep):
        made = translator.translate(given).picture
        assert (made.height, made.width, made.color.dtype) == (53, 71, given.color.dtype)


@pytest.mark.parametrize("name", NAMES)
def test_a_description_is_proposed(name: str) -> None:
    found = inspect_onnx(FIXTURES / name / "model.onnx")
    assert found.problem == ""
    stated = json.loads((FIXTURES / name / "config.json").read_text())["describe"]
    told = {"output", "fit", "values"} & stated.keys()
    assert {option: found.proposal.get(option) for option in told} == {option: stated[option] for option in told}
