"""The official super-resolution networks: sizes, numbers of weights, serialisation, precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from img2imgkit.architectures.mosr.network import mosr  # noqa: E402
from img2imgkit.architectures.rcan.network import rcan  # noqa: E402
from img2imgkit.architectures.realplksr.network import realplksr  # noqa: E402
from img2imgkit.architectures.rrdb.network import rrdb  # noqa: E402
from img2imgkit.architectures.span.network import span  # noqa: E402
from img2imgkit.architectures.srresnet.network import edsr, srresnet  # noqa: E402
from img2imgkit.architectures.srvgg import srvgg  # noqa: E402
from img2imgkit.architectures.unet_critic.network import unet_critic  # noqa: E402
from img2imgkit.architectures.vgg_critic.network import vgg_critic  # noqa: E402

NETWORKS = {
    each.__name__: each for each in (edsr, mosr, rcan, realplksr, rrdb, span, srresnet, srvgg, unet_critic, vgg_critic)
}

X = np.random.default_rng(0).uniform(0, 1, (2, 4, 8, 3)).astype(np.float32)
SMALL: list[tuple[str, dict[str, Any]]] = [
    ("srresnet", {"scale": 3, "width": 4, "blocks": 1}),
    ("srresnet", {"scale": 4, "width": 4, "blocks": 1}),
    ("edsr", {"scale": 2, "width": 4, "blocks": 1, "residual_scale": 0.1}),
    ("rrdb", {"scale": 3, "width": 3, "blocks": 1, "growth": 2}),
    ("rrdb", {"scale": 2, "width": 3, "blocks": 1, "growth": 2, "unshuffle": 2}),
    ("rrdb", {"scale": 1, "width": 3, "blocks": 1, "growth": 2, "unshuffle": 4}),
    ("rrdb", {"scale": 2, "width": 3, "blocks": 1, "growth": 2, "inner": True}),
    ("edsr", {"scale": 2, "width": 4, "blocks": 1, "levels": True}),
    ("rcan", {"scale": 3, "width": 4, "groups": 1, "blocks": 1, "reduction": 2}),
    ("mosr", {"scale": 2, "width": 4, "blocks": 1, "hidden": 6, "convolved": 4}),
    ("span", {"scale": 2, "width": 4}),
    ("realplksr", {"scale": 2, "width": 4, "blocks": 1, "kernel_size": 5, "large": 1}),
    ("realplksr", {"scale": 2, "width": 4, "blocks": 1, "large": 4, "layer_norm": False, "upsampler": "dysample"}),
]


@pytest.mark.parametrize(("network", "options"), SMALL, ids=str)
def test_it_upscales_after_loading_and_at_sizes_known_only_at_run_time(
    network: str, options: dict[str, Any], tmp_path: Path
) -> None:
    model = NETWORKS[network](**options)
    made = np.asarray(model(X))
    assert made.shape == (2, 4 * options["scale"], 8 * options["scale"], 3)
    assert np.std(made) > 0
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    run = tf.function(again, input_signature=[tf.TensorSpec((None, None, None, 3))], autograph=False)
    np.testing.assert_allclose(run(X), made, atol=1e-5 * max(1, np.abs(made).max()))


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
        model = NETWORKS[network](**options)
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == weights


@pytest.mark.parametrize(("network", "options"), [*SMALL[1:4], SMALL[-1]], ids=str)
def test_the_output_is_float32_under_mixed_precision(network: str, options: dict[str, Any]) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = NETWORKS[network](**options)
    finally:
        keras.config.set_dtype_policy(before)
    assert np.asarray(model(X)).dtype == np.float32
    assert model.get_layer("first").compute_dtype == "bfloat16"


@pytest.mark.parametrize(("network", "options"), [("srresnet", {"scale": 6}), ("rrdb", {"scale": 3, "unshuffle": 2})])
def test_a_scale_of_six_is_refused(network: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="scale 6: expected 3 or a power of 2"):
        NETWORKS[network](**options)


def test_a_block_with_a_scale_of_zero_is_the_identity() -> None:
    keras.utils.set_random_seed(0)
    with_blocks = edsr(2, 4, 2, residual_scale=0.0)
    without = edsr(2, 4, 0)
    for layer in without.layers:
        layer.set_weights(with_blocks.get_layer(layer.name).get_weights() if layer.weights else [])
    np.testing.assert_allclose(with_blocks(X), without(X), atol=1e-6)


class TestCritics:
    """Of Real-ESRGAN and of ESRGAN."""

    def test_every_pixel_has_a_score(self) -> None:
        assert unet_critic(1, 2)(np.zeros((2, 16, 24, 1), np.float32), training=True).shape == (2, 16, 24, 1)

    def test_skip_connections_carry_encoder_features(self) -> None:
        with_skips, without = unet_critic(3, 2), unet_critic(3, 2, skip=False)
        without.set_weights(with_skips.get_weights())
        x = np.random.default_rng(0).uniform(0, 1, (1, 16, 16, 3)).astype(np.float32)
        assert np.abs(np.asarray(with_skips(x)) - np.asarray(without(x))).max() > 1e-4

    def test_an_image_has_one_score(self) -> None:
        x = np.random.default_rng(0).uniform(0, 1, (3, 16, 16, 3)).astype(np.float32)
        assert vgg_critic(16, 2)(x, training=True).shape == (3, 1)

    @pytest.mark.parametrize("size", [4, 100])
    def test_a_size_that_is_no_power_of_2_is_refused(self, size: int) -> None:
        with pytest.raises(ValueError, match=f"size {size}: expected a power of 2, at least 8"):
            vgg_critic(size)
