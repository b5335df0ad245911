"""Starting from a bundle's weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_gan_task import SmallGan, catalog

import img2imgkit as kit
from img2imgkit import bundle
from img2imgkit.errors import TrainingError
from img2imgkit.training.plan.initial import copy_bundle_weights


def saved(tmp_path: Path) -> kit.Networks:
    task = SmallGan()
    nets = task.build()
    bundle.save(tmp_path / "start", task, nets, "start", catalog())
    return nets


def test_fitting_weights_are_copied_and_the_others_are_named(tmp_path: Path) -> None:
    import keras
    from keras import layers

    given = saved(tmp_path)
    image = keras.Input((None, None, 3))
    wide = keras.Model(image, layers.Conv2D(5, 3, name="out")(layers.Conv2D(4, 3, name="in")(image)))
    before = [variable.numpy() for variable in wide.get_layer("out").weights]
    [note] = copy_bundle_weights(tmp_path / "start", catalog(), kit.Networks({"generator": wide}))
    assert note == "generator: 2 of 4 weights from start; not copied: out/kernel, out/bias"
    for mine, theirs in zip(wide.get_layer("in").weights, given["generator"].get_layer("in").weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    for variable, was in zip(wide.get_layer("out").weights, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), was)


def test_a_network_missing_from_the_bundle_is_named(tmp_path: Path) -> None:
    saved(tmp_path)
    nets = kit.Networks({role: SmallGan().build()["generator"] for role in ("generator", "encoder")})
    copied, kept = copy_bundle_weights(tmp_path / "start", catalog(), nets)
    assert copied.startswith("generator: ")
    assert kept == "start has no encoder: it keeps its random weights"


def test_a_bundle_of_which_nothing_fits_is_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(TrainingError, match=r"initial: no weight of start .* fits these networks"):
        copy_bundle_weights(tmp_path / "start", catalog(), kit.Networks({"encoder": SmallGan().build()["generator"]}))
