"""The U-Nets of waifu2x and Real-CUGAN as bundles: odd sizes, tiles, engines without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.exporting import ExportOptions, add_engine_form, export_bundle
from img2imgkit.images import Picture
from img2imgkit.importing import import_bundle
from img2imgkit.inference import TranslateOptions, Translator

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.installed({"IMG2IMG_PLUGINS": "super-resolution"})


def official(name: str) -> tuple[Picture, np.ndarray]:
    """A picture and what the official network makes of it, with values in [0, 1]."""
    with np.load(FIXTURES / name / "io.npz") as stored:
        given, wanted = (stored[f"square__{key}"][0].transpose(1, 2, 0) for key in ("in__x", "out__y"))
    return Picture(np.rint(255 * given).astype(np.uint8)), wanted


@pytest.mark.slow
def test_a_bundle_makes_the_official_picture_of_any_size_and_notes_inexact_tiles(
    catalog: Catalog, tmp_path: Path
) -> None:
    files = [FIXTURES / "waifu2x_upcunet" / "weights.pth"]
    stated = {"generator.edge": "replicate", "generator.clipped": True, "generator.pro": False}
    assert import_bundle(files, tmp_path / "bundle", catalog, options=stated).assumptions == ()
    picture, wanted = official("waifu2x_upcunet")
    assert picture.height % 2
    loaded = bundle.load(tmp_path / "bundle", catalog)
    found = Translator(loaded, device="cpu").translate(picture).picture.color
    assert np.abs(found - np.rint(255 * wanted.clip(0, 1))).max() <= 1
    tiled = Translator(loaded, TranslateOptions(tile=16), "cpu").translate(picture)
    assert "a tile shows only a region" in str(tiled.notes)


@pytest.mark.slow
def test_its_engine_form_is_proved_and_makes_the_official_picture(catalog: Catalog, tmp_path: Path) -> None:
    name = "sr_cunet_x4"
    import_bundle([FIXTURES / name / "weights.pth"], tmp_path / "bundle", catalog)
    made = bundle.load(tmp_path / "bundle", catalog)
    assert add_engine_form(made) == ""
    form = bundle.engine_form(made.folder, bundle.describe(made.folder), {})
    assert form is not None
    session = onnxruntime.InferenceSession(form.opened("translate"), providers=["CPUExecutionProvider"])
    picture, wanted = official(name)
    (found,) = session.run(None, {"image": picture.color[None].astype(np.float32) / 127.5 - 1})
    assert np.abs((found[0] + 1) / 2 - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.slow
def test_it_is_exported_to_tensorflow_lite(tmp_path: Path) -> None:
    catalog = Catalog.installed()
    import_bundle([FIXTURES / "sr_cunet_x3" / "weights.pth"], tmp_path / "bundle", catalog)
    made = bundle.load(tmp_path / "bundle", catalog)
    options = ExportOptions(size=(20, 21))
    written = export_bundle(made, catalog.exporters["tflite"](), tmp_path / "a.tflite", options)
    assert written.path.is_file()
