"""Penalties on a critic's gradient: closed forms, official code's values, and gradients of the penalties themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import official_losses as official
import pytest

from img2imgkit import backend

backend.load()

from keras import ops  # noqa: E402

from img2imgkit.losses import dragan_points, gradient_penalty, interpolate, mean_slope, squared_gradient  # noqa: E402

SLOPE = np.array([[1.0, 2.0], [-2.0, 4.0]], np.float32).reshape(1, 2, 2, 1)  # of norm 5
IMAGES = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 2, 2, 1)


def linear(x: Any) -> Any:
    return ops.sum(x * SLOPE, axis=(1, 2, 3))


def parabola(x: Any) -> Any:
    return ops.sum(ops.square(x), axis=(1, 2, 3)) / 2


def mean(terms: Any) -> float:
    return float(np.mean(np.asarray(terms)))


def test_a_linear_critic_has_the_same_penalty_everywhere() -> None:
    np.testing.assert_allclose(squared_gradient(linear, IMAGES), [25, 25], rtol=1e-6)
    np.testing.assert_allclose(gradient_penalty(linear, IMAGES), [16, 16], rtol=1e-6)
    np.testing.assert_allclose(gradient_penalty(linear, IMAGES, target=5.0), [0, 0], atol=1e-10)
    np.testing.assert_allclose(gradient_penalty(linear, IMAGES, epsilon=1.0), [(np.sqrt(39) - 1) ** 2] * 2, rtol=1e-6)
    per_pixel = np.mean((np.abs(SLOPE) - 1) ** 2)
    np.testing.assert_allclose(gradient_penalty(linear, IMAGES, per_pixel=True), [per_pixel] * 2, rtol=1e-6)


def test_each_image_is_penalised_for_its_own_gradient() -> None:
    wanted = np.sum(IMAGES**2, axis=(1, 2, 3))
    np.testing.assert_allclose(squared_gradient(parabola, IMAGES), wanted, rtol=1e-6)
    np.testing.assert_allclose(gradient_penalty(parabola, IMAGES), (np.sqrt(wanted) - 1) ** 2, rtol=1e-6)


def test_half_precision_images_are_penalised_in_float32() -> None:
    half = ops.cast(IMAGES, "bfloat16")
    for penalty in (squared_gradient, gradient_penalty):
        result = penalty(lambda x: ops.cast(parabola(ops.cast(x, "bfloat16")), "bfloat16"), half)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, penalty(parabola, IMAGES), rtol=2e-2)


@pytest.mark.parametrize("penalty", [squared_gradient, gradient_penalty])
def test_a_penalty_has_a_gradient_in_the_critics_weights(penalty: Any) -> None:
    import tensorflow as tf

    scale = tf.Variable(0.5)

    @tf.function(autograph=False)
    def slope() -> Any:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(penalty(lambda x: scale * linear(x), IMAGES))
        return tape.gradient(total, scale)

    wanted = 2 * (2 * 0.5 * 25 if penalty is squared_gradient else 2 * (2.5 - 1) * 5)
    assert float(slope()) == pytest.approx(wanted, rel=1e-6)


def test_a_critic_without_slope_has_a_finite_gradient() -> None:
    import tensorflow as tf

    scale = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(gradient_penalty(lambda x: scale * linear(x), IMAGES))
    assert float(total) == pytest.approx(2.0)
    assert np.isfinite(float(tape.gradient(total, scale)))


def test_interpolation_has_one_factor_per_image() -> None:
    mixed = interpolate(IMAGES, -IMAGES, np.array([1.0, 0.25], np.float32))
    np.testing.assert_allclose(mixed, np.stack([IMAGES[0], -0.5 * IMAGES[1]]), rtol=1e-6)


def test_dragan_points_are_within_half_a_standard_deviation() -> None:
    noise = np.full_like(IMAGES, 0.5)
    points = dragan_points(IMAGES, noise, np.array([0.0, 1.0], np.float32))
    np.testing.assert_allclose(points[0], IMAGES[0])
    np.testing.assert_allclose(points[1] - IMAGES[1], np.full((2, 2, 1), 0.25 * IMAGES[1].std()), rtol=1e-5)


class TestOfficial:
    @pytest.mark.parametrize("name", official.names("junyanz.cal_gradient_penalty"))
    def test_junyanz(self, name: str) -> None:
        given = official.entry(name)
        images = {key: given.inputs[given.args[key]] for key in ("real", "fake")}
        mix = given.inputs["alpha"].reshape(-1)
        x = {**images, "mixed": interpolate(**images, mix=mix)}[given.args["type"]]
        terms = gradient_penalty(official.critic("junyanz_critic"), x, given.args["constant"], epsilon=1e-16)
        assert given.args["lambda_gp"] * mean(terms) == pytest.approx(given.expected["penalty"], rel=5e-6)

    def test_basicsr_r1(self) -> None:
        given = official.entry("BasicSR.r1_penalty")
        terms = squared_gradient(official.critic("junyanz_critic"), given.inputs["img_a"])
        assert mean(terms) == pytest.approx(given.value, rel=5e-6)

    def test_basicsr_takes_norms_of_pixels(self) -> None:
        given = official.entry("BasicSR.gradient_penalty_loss")
        x = interpolate(given.inputs["img_a"], given.inputs["img_b"], given.inputs["alpha4"].reshape(-1))
        terms = gradient_penalty(official.critic("junyanz_critic"), x, per_pixel=True)
        assert mean(terms) == pytest.approx(given.value, rel=5e-6)

    def test_stargan(self) -> None:
        given = official.entry("StarGAN.gradient_penalty")
        terms = gradient_penalty(official.critic("stargan_critic"), given.inputs["x_hat"])
        assert mean(terms) == pytest.approx(given.expected["penalty"], rel=5e-6)

    def test_funit_takes_the_gradient_of_the_mean_over_the_batch(self) -> None:
        given = official.entry("FUNIT.GPPatchMcResDis.losses")
        critic = official.critic("funit_critic")
        chosen = np.eye(5, dtype=np.float32)[given.inputs["y"]][:, None, None, :]
        terms = mean_slope(lambda x: ops.sum(critic(x) * chosen, axis=-1), given.inputs["x_real"])
        assert mean(terms) == pytest.approx(given.expected["grad2"], rel=5e-6)
