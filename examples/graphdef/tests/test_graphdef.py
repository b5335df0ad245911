"""An export proves itself: it runs the written file and compares it with the bundle."""

import json
from pathlib import Path

import pytest
from img2img_graphdef import GraphDef

import img2imgkit as kit
from img2imgkit.errors import ConfigError


def test_the_bundled_model(tmp_path: Path) -> None:
    written = kit.export("sr-compact-x2", "graphdef", tmp_path / "sr.pb")
    assert max(written.differences.values()) < 1e-4
    assert json.loads(GraphDef().about(tmp_path / "sr.pb"))["manifest"]["name"] == "sr-compact-x2"


def test_the_suffix_is_required(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must end in \.pb"):
        kit.export("sr-compact-x2", "graphdef", tmp_path / "sr.graph")
