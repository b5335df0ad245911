"""Official transformers as bundles of super-resolution: what is assumed, odd sizes, engines without TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.exporting import add_engine_form
from img2imgkit.images import Picture
from img2imgkit.importing import import_bundle
from img2imgkit.inference import Translator

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.installed({"IMG2IMG_PLUGINS": "super-resolution"})


def official(name: str) -> tuple[Picture, np.ndarray]:
    """A picture and what the official network makes of it, with values in [0, 1]."""
    config = json.loads((FIXTURES / name / "config.json").read_text(encoding="utf-8"))
    case = config["cases"][-1]["name"]
    with np.load(FIXTURES / name / "io.npz") as stored:
        given, wanted = (stored[f"{case}__{key}"][0].transpose(1, 2, 0) for key in ("in__x", "out__y"))
    return Picture(np.rint(255 * given).astype(np.uint8)), wanted


def shown(values: np.ndarray) -> np.ndarray:
    return np.rint(255 * values.clip(0, 1))


def test_a_bundle_makes_the_official_picture_of_any_size_and_says_what_it_assumes(
    catalog: Catalog, tmp_path: Path
) -> None:
    imported = import_bundle([FIXTURES / "sr_swinir_x3_light" / "weights.pth"], tmp_path / "light", catalog)
    assert [each.option for each in imported.assumptions] == ["generator.gain", "generator.mean", "generator.shifted"]
    made = bundle.load(tmp_path / "light", catalog)
    picture, wanted = official("sr_swinir_x3_light")
    assert picture.height % 8
    assert picture.width % 8
    found = Translator(made, device="cpu").translate(picture).picture.color
    assert np.abs(found - shown(wanted)).max() <= 1
    stated = {"generator.gain": 255.0, "generator.shifted": True}
    files = [FIXTURES / "sr_swinir_x3_light" / "weights.pth"]
    other = import_bundle(files, tmp_path / "other", catalog, options=stated)
    assert [each.option for each in other.assumptions] == ["generator.mean"]
    assert bundle.load(tmp_path / "other", catalog).task.options.generator.chosen.gain == 255


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sr_swinir_x2_classical", "sr_hat_x2"])
def test_its_engine_form_is_proved_and_makes_the_official_picture(name: str, catalog: Catalog, tmp_path: Path) -> None:
    import_bundle([FIXTURES / name / "weights.pth"], tmp_path / "bundle", catalog)
    made = bundle.load(tmp_path / "bundle", catalog)
    assert add_engine_form(made) == ""
    form = bundle.engine_form(made.folder, bundle.describe(made.folder), {})
    assert form is not None
    session = onnxruntime.InferenceSession(form.opened("translate"), providers=["CPUExecutionProvider"])
    picture, wanted = official(name)
    (found,) = session.run(None, {"image": picture.color[None].astype(np.float32) / 127.5 - 1})
    assert np.abs((found[0] + 1) / 2 - wanted).max() < 1e-4 * np.abs(wanted).max()
