"""The pictures of the gallery are those that the script makes, with the models of today."""

import importlib.util

import numpy as np
import pytest
from docs_pages import DOCS
from PIL import Image

FOLDER = DOCS / "images" / "gallery"


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_is_shown(gallery):
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert {path.name for path in FOLDER.iterdir()} == {*gallery.PICTURES}
    assert [name for name in gallery.PICTURES if f"images/gallery/{name}" not in page] == []


@pytest.mark.slow
def test_the_pictures_are_those_that_the_script_makes(gallery, tmp_path):
    gallery.main(tmp_path)
    for name in gallery.PICTURES:
        made, kept = (np.asarray(Image.open(folder / name)).astype(int) for folder in (tmp_path, FOLDER))
        assert made.shape == kept.shape
        assert np.abs(made - kept).mean() < 0.5, name
