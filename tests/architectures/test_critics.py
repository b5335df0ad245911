"""Critics: sizes, receptive fields, spectral normalization, CUT's projection."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from img2imgkit.architectures.patch.network import patch_critic  # noqa: E402
from img2imgkit.architectures.patch_projection import patch_sample  # noqa: E402
from img2imgkit.architectures.pixel import pixel_critic  # noqa: E402
from img2imgkit.nn import SpectralConv  # noqa: E402


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def seen(model: keras.Model, size: int) -> int:
    """How many columns of its input the middle judgement depends on."""
    x = tf.constant(images(1, size, size, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = model(x)
        middle = scores[0, scores.shape[1] // 2, scores.shape[2] // 2, 0]
    return int(np.any(tape.gradient(middle, x)[0] != 0, axis=(0, 2)).sum())


class TestPatchCritic:
    @pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
    def test_a_score_has_the_published_receptive_field(self, layers: int, patch: int) -> None:
        assert seen(patch_critic(3, 2, layers, "none"), 2 * patch + 20) == patch

    @pytest.mark.parametrize("norm", ["batch", "instance", "none"])
    @pytest.mark.parametrize("spectral", [False, True])
    @pytest.mark.parametrize("antialias", [False, True])
    def test_each_kind_accepts_any_size(self, norm: Any, spectral: bool, antialias: bool) -> None:
        model = patch_critic(2, 2, 2, norm, spectral, antialias)
        scores = model(images(2, 32, 45, 2), training=True)
        assert scores.shape == (2, 6, 9, 1)

    def test_spectral_normalization_is_on_every_convolution(self) -> None:
        model = patch_critic(3, 2, 3, "none", spectral=True)
        assert sum(isinstance(layer, SpectralConv) for layer in model.layers) == 5
        assert not any(isinstance(layer, keras.layers.Conv2D) for layer in model.layers)

    def test_it_has_as_many_weights_as_the_official_one(self) -> None:
        assert sum(int(np.prod(v.shape)) for v in patch_critic(6).trainable_variables) == 2_768_705

    @pytest.mark.parametrize("options", [{"norm": "instance"}, {"norm": "none", "spectral": True}, {"antialias": True}])
    def test_a_gradient_penalty_reaches_every_kernel(self, options: dict[str, Any]) -> None:
        model, x = patch_critic(3, 2, 1, **options), tf.constant(images(2, 16, 16, 3))
        with tf.GradientTape() as tape:
            slope = backend.input_gradient(lambda x: tf.tanh(model(x, training=True)), x)
            penalty = tf.reduce_sum(slope**2)
        kernels = [variable.value for variable in model.trainable_variables if variable.name == "kernel"]
        assert all(np.abs(gradient).max() > 0 for gradient in tape.gradient(penalty, kernels))


class TestPixelCritic:
    def test_a_score_depends_on_one_pixel(self) -> None:
        assert seen(pixel_critic(3, 4, "none"), 9) == 1

    def test_each_pixel_has_a_score(self) -> None:
        for spectral in (False, True):
            assert pixel_critic(2, 4, spectral=spectral)(images(2, 5, 7, 2)).shape == (2, 5, 7, 1)


@pytest.mark.parametrize("make", [patch_critic, pixel_critic])
def test_scores_are_float32_under_mixed_precision(make: Any) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make(3, 4, spectral=True)
    finally:
        keras.config.set_dtype_policy(before)
    assert model(images(1, 32, 32, 3)).dtype == tf.float32
    assert model.get_layer("conv1").compute_dtype == "bfloat16"


class TestPatchSample:
    def test_embeddings_have_unit_length(self) -> None:
        model = patch_sample((3, 8), 16)
        features = [images(2, 5, 3) * 100, images(2, 5, 8) * 100]
        for rows in model(features):
            assert rows.shape == (2, 5, 16)
            np.testing.assert_allclose(np.linalg.norm(rows, axis=-1), 1, atol=1e-3)

    def test_features_of_one_layer_become_a_list_of_one(self) -> None:
        [rows] = patch_sample((3,), 4)([images(2, 5, 3)])
        assert rows.shape == (2, 5, 4)

    def test_features_of_zero_have_a_gradient(self) -> None:
        model, x = patch_sample((3,), 4), tf.zeros((1, 2, 3))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model([x])[0])
        assert all(np.isfinite(g).all() for g in tape.gradient(loss, [v.value for v in model.trainable_variables]))
