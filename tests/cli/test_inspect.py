"""``img2img inspect`` proposes a step for a pipeline."""

from __future__ import annotations

import json

import onnx_files
import yaml

from img2imgkit.inference import Describe


def test_its_last_lines_are_a_step(img2img, tmp_path):
    path = onnx_files.enlarged_less(tmp_path / "m.onnx", 6)
    outcome = img2img("inspect", path)
    assert outcome.code == 0
    assert "input x: float32 ? x 3 x ? x ?" in outcome.out
    step = yaml.safe_load(outcome.out[outcome.out.index("  - uses:") :])[0]
    assert (step["uses"], step["with"]["bundle"]) == ("translate", str(path))
    described = Describe(**step["with"]["describe"])
    assert (described.scale, described.margin, described.radius) == (2, 6, 0)
    assert "# a guess" in outcome.out


def test_json_says_how_each_option_is_known(img2img, tmp_path):
    outcome = img2img("inspect", onnx_files.means(tmp_path / "m.onnx"), "--set", "values=signed", "--json")
    told = json.loads(outcome.out)
    found = {each["option"]: (each["value"], each["source"]) for each in told["findings"]}
    assert (found["values"], found["margin"], found["channels"][1]) == (("signed", "stated"), (1, "graph"), "guess")
    assert told["describe"]["values"] == "signed"
    assert told["problem"] is None


def test_a_file_that_does_not_run_fails_with_the_reason(img2img, tmp_path):
    path = onnx_files.write(tmp_path / "m.onnx", [onnx_files.node("Abs", "x", "y")], {"x": (1, 3, 8, 8, 8)})
    outcome = img2img("inspect", path)
    assert outcome.code == 1
    assert "none of its inputs is a picture" in outcome.err


def test_other_files_are_refused(img2img, tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"not a graph")
    outcome = img2img("inspect", tmp_path / "m.onnx")
    assert outcome.code == 2
    assert "not an ONNX file" in outcome.err
