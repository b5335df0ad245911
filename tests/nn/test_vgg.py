"""VGG's graph: taps, preprocessing, and NaN outputs until weights are loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402

from img2imgkit.nn.vgg import VGG_BLOCKS, vgg  # noqa: E402

IMAGES = np.random.default_rng(1).uniform(-1, 1, (2, 20, 28, 3)).astype(np.float32)


def with_weights(model: keras.Model) -> keras.Model:
    random = np.random.default_rng(0)
    model.set_weights([random.normal(scale=0.3, size=each.shape) for each in model.weights])
    return model


def test_outputs_are_nan_without_weights() -> None:
    assert np.isnan(vgg("vgg16", ["relu1_1"], width=2)(IMAGES)["relu1_1"]).any()


def test_taps_are_before_or_after_activations_and_blocks() -> None:
    features = with_weights(vgg("vgg19", ["pool2", "conv1_1", "relu1_1"], width=2))(IMAGES)
    assert set(features) == {"pool2", "conv1_1", "relu1_1"}
    assert tuple(features["pool2"].shape) == (2, 5, 7, 4)
    before = np.asarray(features["conv1_1"])
    assert (before < 0).any()
    np.testing.assert_array_equal(features["relu1_1"], np.maximum(before, 0))


@pytest.mark.parametrize(("name", "layers"), [("vgg16", 13), ("vgg19", 16)])
def test_the_deepest_tap_needs_every_convolution_and_a_shallow_one_few(name: str, layers: int) -> None:
    convolutions = [layer for layer in vgg(name, ["pool5"], width=1).layers if layer.name.startswith("conv")]
    assert len(convolutions) == sum(VGG_BLOCKS[name]) == layers
    assert [layer.filters for layer in convolutions][-1] == 8
    assert len([layer for layer in vgg(name, ["relu1_2"], width=1).layers if layer.name.startswith("conv")]) == 2


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("none", IMAGES),
        ("torch", ((IMAGES + 1) / 2 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)),
        ("caffe", keras.applications.vgg19.preprocess_input((IMAGES + 1) * 127.5)),
    ],
)
def test_images_are_normalised_as_the_weights_were_trained(mode: Any, expected: np.ndarray) -> None:
    layer = vgg("vgg16", ["conv1_1"], width=1, preprocessing=mode).get_layer("preprocess")
    np.testing.assert_allclose(layer(IMAGES), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "taps", "message"),
    [
        ("vgg11", ["relu1_1"], "unknown feature network 'vgg11'; expected one of vgg16, vgg19"),
        ("vgg16", ["relu3_4"], r"vgg16 has no tap 'relu3_4'; it has conv1_1, relu1_1, .*pool5"),
        ("vgg16", [], "no taps are given"),
    ],
)
def test_unknown_networks_and_taps_are_refused(name: str, taps: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vgg(name, taps)
