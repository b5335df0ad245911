"""The official super-resolution networks and their layers: sizes, numbers of weights, serialisation, precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from img2imgkit import nn  # noqa: E402
from img2imgkit.nn.layers.resizing import BilinearUp, bilinear  # noqa: E402
from img2imgkit.nn.layers.shuffle import PixelShuffle, PixelUnshuffle  # noqa: E402

X = np.random.default_rng(0).uniform(0, 1, (2, 4, 8, 3)).astype(np.float32)
SMALL: list[tuple[str, dict[str, Any]]] = [
    ("srresnet", {"scale": 3, "width": 4, "blocks": 1}),
    ("srresnet", {"scale": 4, "width": 4, "blocks": 1}),
    ("edsr", {"scale": 2, "width": 4, "blocks": 1, "residual_scale": 0.1}),
    ("rrdb", {"scale": 3, "width": 3, "blocks": 1, "growth": 2}),
    ("rrdb", {"scale": 2, "width": 3, "blocks": 1, "growth": 2, "unshuffle": 2}),
    ("rrdb", {"scale": 1, "width": 3, "blocks": 1, "growth": 2, "unshuffle": 4}),
]


@pytest.mark.parametrize(("network", "options"), SMALL, ids=str)
def test_it_enlarges_also_when_loaded_and_at_sizes_that_only_the_run_knows(
    network: str, options: dict[str, Any], tmp_path: Path
) -> None:
    model = getattr(nn, network)(**options)
    made = np.asarray(model(X))
    assert made.shape == (2, 4 * options["scale"], 8 * options["scale"], 3)
    assert np.std(made) > 0
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    run = tf.function(again, input_signature=[tf.TensorSpec((None, None, None, 3))], autograph=False)
    np.testing.assert_allclose(run(X), made, atol=1e-5)


@pytest.mark.parametrize(
    ("network", "options", "weights"),
    [
        ("rrdb", {"blocks": 6}, 4_467_779),  # RealESRGAN_x4plus_anime_6B
        ("srvgg", {}, 621_424),  # realesr-animevideov3
        ("srresnet", {}, 1_517_571),
        ("edsr", {"scale": 2}, 1_369_859),
        ("unet_critic", {}, 4_376_897),
        ("vgg_critic", {}, 14_499_401),
    ],
)
def test_it_has_as_many_weights_as_the_official_one(network: str, options: dict[str, Any], weights: int) -> None:
    with keras.StatelessScope(initialize_variables=False):
        model = getattr(nn, network)(**options)
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == weights


@pytest.mark.parametrize("network", ["srresnet", "edsr", "rrdb"])
def test_the_output_is_float32_under_mixed_precision(network: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = getattr(nn, network)(2, 4, 1)
    finally:
        keras.config.set_dtype_policy(before)
    assert np.asarray(model(X)).dtype == np.float32
    assert model.get_layer("first").compute_dtype == "bfloat16"


@pytest.mark.parametrize(("network", "options"), [("srresnet", {"scale": 6}), ("rrdb", {"scale": 3, "unshuffle": 2})])
def test_no_network_enlarges_six_times(network: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="scale 6: networks enlarge by 3, or by a power of 2"):
        getattr(nn, network)(**options)


def test_a_block_without_weight_changes_nothing() -> None:
    keras.utils.set_random_seed(0)
    with_blocks = nn.edsr(2, 4, 2, residual_scale=0.0)
    without = nn.edsr(2, 4, 0)
    for layer in without.layers:
        layer.set_weights(with_blocks.get_layer(layer.name).get_weights() if layer.weights else [])
    np.testing.assert_allclose(with_blocks(X), without(X), atol=1e-6)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_bilinear_enlargement_is_that_of_the_general_one(scale: int) -> None:
    layer = BilinearUp.from_config(BilinearUp(scale).get_config())
    assert layer.compute_output_shape((None, 4, None, 3)) == (None, 4 * scale, None, 3)
    np.testing.assert_allclose(layer(X), bilinear(X, 4 * scale, 8 * scale), atol=1e-6)
    one = np.full((1, 1, 1, 2), 0.3, np.float32)
    np.testing.assert_allclose(layer(one), np.full((1, scale, scale, 2), 0.3), atol=1e-7)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_unshuffling_undoes_shuffling(scale: int) -> None:
    small = PixelUnshuffle(scale)(X)
    assert small.shape == PixelUnshuffle(scale).compute_output_shape(X.shape)
    np.testing.assert_array_equal(PixelShuffle(scale)(small), X)


class TestCritics:
    """Of Real-ESRGAN and of ESRGAN."""

    def test_every_pixel_is_judged(self) -> None:
        assert nn.unet_critic(1, 2)(np.zeros((2, 16, 24, 1), np.float32), training=True).shape == (2, 16, 24, 1)

    def test_skips_carry_what_the_way_down_saw(self) -> None:
        with_skips, without = nn.unet_critic(3, 2), nn.unet_critic(3, 2, skip=False)
        without.set_weights(with_skips.get_weights())
        x = np.random.default_rng(0).uniform(0, 1, (1, 16, 16, 3)).astype(np.float32)
        assert np.abs(np.asarray(with_skips(x)) - np.asarray(without(x))).max() > 1e-4

    def test_a_picture_has_one_judgement(self) -> None:
        x = np.random.default_rng(0).uniform(0, 1, (3, 16, 16, 3)).astype(np.float32)
        assert nn.vgg_critic(16, 2)(x, training=True).shape == (3, 1)

    @pytest.mark.parametrize("size", [4, 100])
    def test_a_size_that_cannot_be_halved_down_is_refused(self, size: int) -> None:
        with pytest.raises(ValueError, match=f"size {size}: expected a power of 2 from 8"):
            nn.vgg_critic(size)
