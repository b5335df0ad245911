"""The CUT plugin: the contract, positions of patches, FastCUT's flips, its training files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import img2imgkit_plugins.cut as plugin
import keras
import numpy as np
import pytest
from img2imgkit_plugins.cut.task import Cut

from img2imgkit import Catalog, resolve
from img2imgkit.architectures import Patch, PatchProjection, Resnet
from img2imgkit.architectures.resnet.network import resnet_features
from img2imgkit.config import load_yaml
from img2imgkit.errors import ConfigError
from img2imgkit.testing import check_task
from img2imgkit.training import read_training_plan

FILES = sorted(Path(plugin.__file__).parent.glob("*.yaml"))
SMALL: dict[str, Any] = {
    "generator": Resnet(blocks=1, width=2, antialias=True),
    "critic": Patch(width=2, layers=1, antialias=True),
    "projection": PatchProjection(width=5),
    "taps": (0, 4, 8, 12),
    "patches": 9,
}
UNSMOOTHED: dict[str, Any] = {"generator": Resnet(blocks=1, width=2), "critic": Patch(width=2, layers=1)}


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
def test_it_fulfils_the_contract() -> None:
    check_task(Cut, Cut.Options(**SMALL))


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
def test_fastcut_fulfils_the_contract() -> None:
    options = Cut.Options(**{**SMALL, **UNSMOOTHED, "flip_equivariance": True, "channels": 1, "taps": (0, 4, 10)})
    check_task(Cut, options, Cut.Weights(nce=10.0, nce_identity=0.0))


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("size", [(16, 16), (24, 37)])
def test_patches_are_distinct_and_inside_the_features(antialias: bool, size: tuple[int, int]) -> None:
    networks = {} if antialias else UNSMOOTHED
    task = Cut(Cut.Options(**{**SMALL, **networks, "patches": 10_000, "taps": (0, 1, 4, 7, 8, 10)}))
    features = resnet_features(task.build()["generator"], task.options.taps)
    image = np.zeros((1, *size, 3), np.float32)
    drawn = task.draw(np.random.default_rng(0), {"a": image[0], "b": image[0]})
    for number, each in enumerate(features(image)):
        for side in "ab":
            places = drawn[f"places_{side}_{number}"]
            assert sorted(places.tolist()) == list(range(each.shape[1] * each.shape[2]))


def test_a_flipped_source_is_compared_with_the_flipped_translation() -> None:
    """A generator that does nothing but copy is right about every patch, mirrored or not."""
    task = Cut(Cut.Options(**{**SMALL, "flip_equivariance": True}), Cut.Weights(nce_identity=0.0))
    keras.utils.set_random_seed(0)
    nets = task.build()
    random = np.random.default_rng(0)
    images = {key: random.uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32) for key in "ab"}
    draws = [task.draw(random, {key: image[i] for key, image in images.items()}) for i in range(2)]
    batch: dict[str, Any] = {**images, **{key: np.stack([each[key] for each in draws]) for key in draws[0]}}
    batch["flip"] = np.float32([0, 1])
    copied = np.stack([images["a"][0], images["a"][1][:, ::-1]])
    terms = task.generator_losses(nets, batch, {"from_a": copied})
    unturned = task.generator_losses(nets, {**batch, "flip": np.float32([0, 0])}, {"from_a": copied})
    assert float(terms["nce"][1]) < float(unturned["nce"][1])
    assert float(terms["nce"][0]) == pytest.approx(float(unturned["nce"][0]), rel=1e-5)


def test_a_tap_beyond_the_encoder_is_refused() -> None:
    with pytest.raises(ConfigError, match="taps: 13: the generator has layers 0 to 12"):
        resolve(Cut.Options(**{**SMALL, "taps": (0, 13)}), Catalog.installed())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_training_files_are_valid(path: Path) -> None:
    assert read_training_plan(load_yaml(path), Catalog.installed()).task.name == "cut"
    assert {path.stem for path in FILES} == {"cut", "cut-small", "fastcut"}
