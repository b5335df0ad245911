from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import img2imgkit as kit
from img2imgkit.app.translation import Translation, default_output, pipeline_text
from img2imgkit.config import parse_yaml
from img2imgkit.errors import RequestError
from img2imgkit.pipeline import pipeline_of


def steps_of(source: Path, output: Path, **options: Any) -> dict[str, Any]:
    """The options of each step of a pipeline that is valid."""
    text = pipeline_text("photos", Translation(model="sr-compact-x2", **options), source, output)
    pipeline_of(parse_yaml(text, "p.yaml"), kit.Catalog.installed(), None, None)
    return {step["uses"]: step["with"] for step in parse_yaml(text, "p.yaml").data["steps"]}


def test_what_is_not_chosen_is_not_stated(tmp_path: Path) -> None:
    found = steps_of(tmp_path, tmp_path.parent / "out")
    assert found == {
        "read": {"folder": str(tmp_path)},
        "translate": {"bundle": "sr-compact-x2"},
        "write": {"folder": str(tmp_path.parent / "out")},
    }


def test_what_is_chosen_is_stated(tmp_path: Path) -> None:
    found = steps_of(
        tmp_path,
        tmp_path / "out",
        recursive=False,
        precision="fast",
        engine="openvino",
        until={"unit": "width", "value": 3840.0},
        longest=2000,
        format="webp",
        quality=70,
        metadata="strip",
    )
    assert found["read"] == {"folder": str(tmp_path), "recursive": False}
    assert found["translate"]["until"] == {"width": 3840}
    assert (found["translate"]["precision"], found["translate"]["engine"]) == ("fast", "openvino")
    assert found["resize"] == {"longest": 2000}
    assert found["write"] == {"folder": str(tmp_path / "out"), "format": "webp", "quality": 70, "metadata": "strip"}


def test_an_output_folder_inside_the_input_is_left_out_of_it(tmp_path: Path) -> None:
    output = default_output(tmp_path, tmp_path, "sr-compact-x2")
    assert output == tmp_path / "img2img" / f"{tmp_path.name}-sr-compact-x2"
    assert steps_of(tmp_path, output)["read"]["exclude"] == ["/img2img/"]


@pytest.mark.parametrize("name", ["a b", "[x]", "#1", "!a", "é*"])
def test_odd_names_of_output_folders_are_left_out_too(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "made.png").write_bytes(b"")
    (tmp_path / "kept.png").write_bytes(b"")
    text = pipeline_text("x", Translation(model="sr-compact-x2"), tmp_path, tmp_path / name)
    source = pipeline_of(parse_yaml(text, "p.yaml"), kit.Catalog.installed(), None, None).source
    assert not source.reads(str(tmp_path / name / "made.png"))
    assert source.reads(str(tmp_path / "kept.png"))


def test_the_output_folder_may_not_be_the_input(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is the input folder"):
        steps_of(tmp_path, tmp_path)


def test_names_that_yaml_cannot_state_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="not UTF-8"):
        steps_of(tmp_path / os.fsdecode(b"\xff"), tmp_path)


@pytest.mark.parametrize("options", [{"format": "exe"}, {"until": {"unit": "miles", "value": 1}}, {"steps": []}])
def test_nothing_else_reaches_a_pipeline(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Translation(model="x", **options)
