"""The bundles that ship: they load, describe themselves, and beat bicubic interpolation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from img2imgkit import Catalog, Picture, bundle
from img2imgkit.images import decode
from img2imgkit.images.matlab import imresize
from img2imgkit.metrics import SR_MATLAB, psnr

PICTURES = Path(__file__).parents[2] / "pipelines" / "pictures"
CHARACTERS = Path(__file__).parents[2] / "pipelines" / "characters"
LIMIT = 5 << 20


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.installed()


def shipped() -> list[str]:
    return sorted(Catalog.installed().bundles)


def test_three_models_ship() -> None:
    assert {"sr-compact-x2", "sr-compact-x4", "stargan-typefaces"} <= set(shipped())


@pytest.mark.parametrize("name", shipped())
def test_a_bundle_describes_itself(name: str, catalog: Catalog) -> None:
    folder = catalog.bundles[name]
    manifest = bundle.describe(folder)
    assert manifest.name == name == folder.name
    assert manifest.licence
    assert manifest.attribution
    enlarges = manifest.task == "super-resolution"
    assert {score.metric for score in manifest.scores} >= ({"psnr_y", "ssim_y"} if enlarges else {"l1", "ssim"})
    assert enlarges == all(score.set == "Set5" for score in manifest.scores)
    assert manifest.training["steps"] > 0
    assert {path.name for path in folder.iterdir()} >= {"training.yaml", "LICENSE.md"}
    assert sum(path.stat().st_size for path in folder.iterdir()) < LIMIT


@pytest.mark.parametrize("name", shipped())
def test_its_training_file_is_the_plugins_and_builds_it(name: str, catalog: Catalog) -> None:
    folder = catalog.bundles[name]
    assert (folder / "training.yaml").read_text() == (folder.parents[1] / f"{name}.yaml").read_text()
    recorded = bundle.describe(folder).training["file"]
    assert f"steps: {recorded['training']['steps']}\n" in (folder / "training.yaml").read_text()


@pytest.mark.parametrize(("name", "gain"), [("sr-compact-x2", 1.0), ("sr-compact-x4", 0.4)])
def test_unseen_photographs_are_nearer_than_by_bicubic(name: str, gain: float, catalog: Catalog) -> None:
    from img2imgkit.inference import Translator

    translator = Translator(bundle.load(catalog.bundles[name], catalog))
    scale = translator.geometry.scale
    gains = []
    for path in sorted(PICTURES.glob("*.jpg")):
        whole = decode(path).color[:320, :320]
        small = imresize(whole, 1 / scale)
        made = translator.translate(Picture(small)).picture.color
        truth, ours, bicubic = (SR_MATLAB.view(each, scale) for each in (whole, made, imresize(small, scale)))
        gains.append(psnr(truth, ours) - psnr(truth, bicubic))
    assert np.mean(gains) > gain, gains


def test_unseen_characters_get_the_weight_of_each_typeface(catalog: Catalog) -> None:
    from img2imgkit.inference import Translator, parse_condition

    loaded = bundle.load(catalog.bundles["stargan-typefaces"], catalog)
    translator = Translator(loaded)
    given = {path.stem: decode(path) for path in sorted(CHARACTERS.glob("*.png"))}
    assert len(given) >= 4
    for picture in given.values():
        made = {
            name: translator.translate(picture, {"domain": parse_condition(loaded.task, "domain", name)}).picture.color
            for name in loaded.task.conditions()["domain"].values
        }
        ink = {name: int((pixels < 128).sum()) for name, pixels in made.items()}
        own = int((picture.color < 128).sum())
        assert ink["black"] > 1.3 * max(own, ink["sans"], ink["serif"], ink["mono"])
        assert 0.6 * own < ink["serif"] < 1.3 * own
        assert np.abs(made["sans"].astype(float) - picture.color).mean() < 12  # it is sans already
