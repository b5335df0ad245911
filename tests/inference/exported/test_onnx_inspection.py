"""Descriptions proposed for third-party ONNX files: what the graph tells, what runs show, and what stays a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx_files
import pytest
from onnx_files import node

from img2imgkit.catalog import Catalog
from img2imgkit.errors import ConfigError
from img2imgkit.inference import Describe, find_model, inspect_onnx


def proposed(path: Path, **stated: Any) -> dict[str, Any]:
    """The proposal, after proving that a model can be described by it."""
    found = inspect_onnx(path, stated)
    assert found.problem == ""
    find_model(str(path), Path.cwd(), Catalog(()), Describe(**found.proposal))
    return found.proposal


def sources(path: Path, **stated: Any) -> dict[str, str]:
    return {each.option: each.source for each in inspect_onnx(path, stated).findings}


@pytest.mark.parametrize("side", [1, 3, 7])
@pytest.mark.parametrize("padded", [False, True])
def test_the_radius_of_convolutions_is_measured(tmp_path: Path, side: int, padded: bool) -> None:
    found = proposed(onnx_files.means(tmp_path / "m.onnx", side=side, padded=padded))
    assert found["radius"] == side // 2
    assert found.get("margin", 0) == (0 if padded else side // 2)


def test_scale_and_margin_and_minimum_are_measured(tmp_path: Path) -> None:
    path = onnx_files.enlarged_less(tmp_path / "m.onnx", 6)
    found = proposed(path)
    assert (found["scale"], found["margin"], found["radius"], found["minimum"]) == (2, 6, 0, 8)
    assert sources(path)["scale"] == sources(path)["margin"] == "graph"
    assert sources(path)["minimum"] == "run"
    hidden = onnx_files.secretly_enlarging(tmp_path / "n.onnx", 3)
    assert (proposed(hidden)["scale"], sources(hidden)["scale"]) == (3, "run")


def test_the_multiple_bounds_the_radius(tmp_path: Path) -> None:
    nodes = [
        node("AveragePool", "x", "d", kernel_shape=[4, 4], strides=[4, 4]),
        node("Resize", "d - scales", "y", mode="nearest"),
    ]
    path = onnx_files.write(tmp_path / "m.onnx", nodes, scales=np.array([1, 1, 4, 4], np.float32))
    found = proposed(path)
    assert (found["multiple"], found["radius"]) == (4, 3)


def test_a_radius_over_the_whole_picture_is_unknown(tmp_path: Path) -> None:
    nodes = [node("ReduceMean", "x axes", "m", keepdims=1), node("Sub", "x m", "y")]
    path = onnx_files.write(tmp_path / "m.onnx", nodes, axes=np.array([2, 3]))
    assert "radius" not in proposed(path)
    assert sources(path)["radius"] == "unknown"


@pytest.mark.parametrize(("low", "high", "values"), [(0, 1, "unit"), (-1, 1, "signed"), (0, 255, "levels")])
def test_the_range_shows_where_only_it_resembles_the_input(tmp_path: Path, low: int, high: int, values: str) -> None:
    bounds = {"low": np.float32(low), "high": np.float32(high)}
    path = onnx_files.write(tmp_path / "m.onnx", [node("Clip", "x low high", "y")], **bounds)
    found = inspect_onnx(path)
    assert found.proposal["values"] == values or {"values": "guess"}.items() <= sources(path).items()


def test_a_range_that_nothing_shows_is_a_guess(tmp_path: Path) -> None:
    path = onnx_files.identity(tmp_path / "m.onnx")
    assert sources(path)["values"] == "guess"
    assert sources(path)["mean"] == "unknown"
    assert proposed(path)["values"] == "unit"


@pytest.mark.parametrize(("end", "gives"), [("Sigmoid", "unit"), ("Tanh", "signed")])
def test_the_last_operator_bounds_what_comes_out(tmp_path: Path, end: str, gives: str) -> None:
    nodes = [node(end, "x", "e"), node("Transpose", "e", "y", perm=[0, 1, 2, 3])]
    path = onnx_files.write(tmp_path / "m.onnx", nodes)
    assert proposed(path)["gives"] == gives
    assert sources(path)["gives"] == "graph"


def test_a_mask_of_one_size_is_resized(tmp_path: Path) -> None:
    path = onnx_files.mask(tmp_path / "m.onnx")
    assert proposed(path)["fit"] == "resize"
    assert "radius" not in sources(path)


def test_other_inputs_and_outputs_are_guesses_until_they_are_stated(tmp_path: Path) -> None:
    nodes = [node("Mul", "x level", "y"), node("Cast", "count", "f", to=1), node("Add", "y f", "z")]
    inputs: dict[str, Any] = {"count": ("int64", (1,)), "x": onnx_files.ANY, "level": (1, 1)}
    path = onnx_files.write(tmp_path / "m.onnx", nodes, inputs, outputs=("y", "z"))
    found = proposed(path)
    assert (found["constants"], found["output"]) == ({"count": 1, "level": 0.5}, "y")
    assert sources(path)["constants"] == "guess"
    known = proposed(path, constants={"count": 2, "level": 1.0}, output="z")
    assert (known["constants"], known["output"]) == ({"count": 2, "level": 1.0}, "z")


def test_an_ambiguous_order_of_axes_is_guessed(tmp_path: Path) -> None:
    path = onnx_files.identity(tmp_path / "m.onnx", ("n", "c", "h", "w"))
    assert proposed(path)["layout"] == "nchw"
    assert sources(path)["layout"] == "guess"


def test_what_is_no_translation_of_pictures_is_told(tmp_path: Path) -> None:
    path = onnx_files.write(tmp_path / "m.onnx", [node("Abs", "x", "y")], {"x": (1, 3, 8, 8, 8)})
    assert "none of its inputs is a picture" in inspect_onnx(path).problem


def test_what_is_stated_is_validated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sacle"):
        inspect_onnx(onnx_files.identity(tmp_path / "m.onnx"), {"sacle": 2})
