"""``img2img encode``: code files from pictures."""

import json

import numpy as np
import pytest
from PIL import Image

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.components import resolve
from img2imgkit.config import parse_yaml, validate
from img2imgkit.inference import load_code

SMALL = """{content_encoder: {kind: content-encoder, downs: 1, blocks: 1, width: 4},
  class_encoder: {kind: class-encoder, downs: 2, width: 4},
  decoder: {kind: adain-decoder, blocks: 1, mlp_width: 8}, classes: 3, code: 6, size: 16}"""


@pytest.fixture(scope="module")
def funit(tmp_path_factory):
    """A bundle of an untrained network that translates to classes."""
    catalog = Catalog.installed({"IMG2IMG_PLUGINS": "funit"})
    task_class = catalog.get("tasks", "funit")
    task = task_class(resolve(validate(task_class.Options, parse_yaml(SMALL)), catalog))
    folder = tmp_path_factory.mktemp("bundles") / "few"
    bundle.save(folder, task, task.build(), "few", catalog)
    return folder


@pytest.fixture
def cats(tmp_path):
    folder = tmp_path / "cats" / "more"
    folder.mkdir(parents=True)
    for number, place in enumerate((folder, folder.parent)):
        noise = np.random.default_rng(number).integers(0, 256, (20, 30, 3)).astype(np.uint8)
        Image.fromarray(noise).save(place / f"{number}.png")
    (folder / "notes.txt").write_text("no picture")
    (folder / "._0.png").write_text("hidden")
    return folder.parent


def test_pictures_of_a_folder_become_one_code(img2img, funit, cats, tmp_path):
    outcome = img2img("encode", funit, "class", cats, "--out", tmp_path / "cats.json")
    assert outcome.code == 0
    assert "6 numbers for 'class' of few, from 2 pictures" in outcome.out
    whole = load_code(tmp_path / "cats.json", "class", bundle.describe(funit))
    parts = []
    for picture in (cats / "1.png", cats / "more" / "0.png"):
        assert img2img("encode", funit, "class", picture, "--out", tmp_path / "one.json").code == 0
        parts.append(load_code(tmp_path / "one.json", "class", bundle.describe(funit)))
    np.testing.assert_allclose(whole, np.mean(parts, axis=0), atol=1e-6)
    assert json.loads((tmp_path / "cats.json").read_text())["pictures"] == ["1.png", "0.png"]


@pytest.mark.parametrize(
    ("condition", "pictures", "out", "message"),
    [
        ("klass", "cats", "c.json", "has no condition 'klass' to encode pictures for; it has class"),
        ("class", "dogs", "c.json", "dogs: no such file or folder"),
        ("class", "cats/more/notes.txt", "c.json", "notes.txt"),
        ("class", ".", "c.npz", "c.npz: the name of a code file must end in .json"),
        ("class", "cats", "no/such/c.json", "cannot write it"),
    ],
)
def test_errors_are_reported_and_nothing_is_written(img2img, funit, cats, tmp_path, condition, pictures, out, message):
    outcome = img2img("encode", funit, condition, tmp_path / pictures, "--out", tmp_path / out)
    assert outcome.code == 2
    assert message in outcome.err
    assert not (tmp_path / out).exists()
