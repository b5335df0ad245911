from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import img2imgkit as kit
from img2imgkit import bundle
from img2imgkit.errors import BundleError, ConfigError, InteropError
from img2imgkit.images import decode

RNG = np.random.default_rng(0)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(RNG.integers(0, 256, (20, 24, 3), np.uint8)).save(folder / f"{number}.png")
    return folder


def resizing(photos: Path, **more: Any) -> dict[str, Any]:
    steps = [
        {"uses": "read", "with": {"folder": photos}},
        {"uses": "resize", "with": {"width": 10}},
        {"uses": "write", "with": {"folder": photos.parent / "out"}},
    ]
    return {"name": "small", "steps": steps, **more}


def test_a_pipeline_of_a_mapping_is_run_and_resumed(photos: Path) -> None:
    events: list[Any] = []
    report = kit.run(resizing(photos), notify=events.append)
    assert (report["totals"]["done"], report["totals"]["failed"]) == (3, 0)
    started, *outcomes = events
    assert (started.total, started.up_to_date) == (3, 0)
    assert [outcome.status for outcome in outcomes] == ["done"] * 3
    assert decode(photos.parent / "out" / "0.png").width == 10
    assert kit.run(resizing(photos))["totals"]["up_to_date"] == 3


def test_folders_can_be_replaced(photos: Path, tmp_path: Path) -> None:
    report = kit.run(resizing(tmp_path / "nowhere"), source=photos, output=tmp_path / "elsewhere", limit=2)
    assert report["totals"]["done"] == 2
    assert len(list((tmp_path / "elsewhere").glob("*.png"))) == 2


def test_what_is_wrong_is_told_as_in_a_file(photos: Path) -> None:
    with pytest.raises(ConfigError, match="nmae: unknown option; did you mean 'name'"):
        kit.run(resizing(photos, nmae="x"))


@pytest.mark.slow
def test_a_task_is_trained_loaded_and_exported(photos: Path, tmp_path: Path) -> None:
    training = {
        "name": "tiny",
        "task": "super-resolution",
        "options": {"scale": 2, "generator": {"kind": "residual", "blocks": 1, "width": 4}},
        "data": {"kind": "degraded", "folder": photos, "crop": 16, "batch": 2},
        "training": {"steps": 2, "log_every": 1},
    }
    events: list[Any] = []
    finished = kit.train(training, tmp_path / "run", notify=events.append)
    assert finished.reason == "complete"
    assert type(events[-1]).__name__ == "Finished"
    assert finished.bundle is not None
    assert kit.load(finished.bundle)(np.zeros((8, 9, 3), np.uint8)).shape == (16, 18, 3)
    written = kit.export(finished.bundle, "onnx", tmp_path / "tiny.onnx", image_io="uint8")
    assert max(written.differences.values()) <= 1 / 255
    assert kit.load(tmp_path / "tiny.onnx")(np.zeros((8, 9, 3), np.uint8)).shape == (16, 18, 3)


class TestImport:
    """Other people's weights become a loaded model."""

    FILE = Path(__file__).parents[1] / "fixtures" / "sr_srvgg_x2_leaky" / "weights.pth"

    def test_a_file_becomes_a_bundle_and_a_model(self, tmp_path: Path) -> None:
        with kit.import_model(self.FILE, tmp_path / "imported", licence="MIT") as model:
            assert (model.name, model.scale) == ("imported", 2)
            assert model(np.zeros((6, 5, 3), np.uint8)).shape == (12, 10, 3)
            assert [each.option for each in model.assumptions] == ["generator.activation"]
        assert (tmp_path / "imported" / "bundle.json").is_file()

    @pytest.mark.slow
    def test_options_replace_what_is_assumed(self, tmp_path: Path) -> None:
        file = Path(__file__).parents[1] / "fixtures" / "junyanz_resnet6_instance" / "weights.pth"
        model = kit.import_model([file], tmp_path / "resnet", options={"generator.padding": "zero"})
        assert "generator.padding" not in [each.option for each in model.assumptions]
        assert bundle.describe(tmp_path / "resnet").options["generator"]["padding"] == "zero"

    def test_nothing_is_replaced_or_guessed(self, tmp_path: Path) -> None:
        kit.import_model(self.FILE, tmp_path / "imported").close()
        with pytest.raises(BundleError, match="a bundle already exists"):
            kit.import_model(self.FILE, tmp_path / "imported")
        (tmp_path / "text.pth").write_text("no weights")
        with pytest.raises(InteropError):
            kit.import_model(tmp_path / "text.pth", tmp_path / "other")
