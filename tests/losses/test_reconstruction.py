"""Reconstruction losses: closed forms, one number per image."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import official_losses as official
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.losses import charbonnier, frobenius, l1, l2, total_variation  # noqa: E402

IMAGE = np.array([[0.0, 0.5], [1.0, -1.0]], np.float32).reshape(2, 1, 2, 1)
TARGET = np.array([[0.0, 0.0], [0.0, 1.0]], np.float32).reshape(2, 1, 2, 1)


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [
        (l1, [0.25, 1.5]),
        (l2, [0.125, 2.5]),
        (charbonnier, [(1e-3 + math.hypot(0.5, 1e-3)) / 2, (math.hypot(1, 1e-3) + math.hypot(2, 1e-3)) / 2]),
    ],
)
def test_closed_form_per_image(loss, wanted) -> None:  # type: ignore[no-untyped-def]
    result = loss(IMAGE, TARGET)
    assert tuple(result.shape) == (2,)
    np.testing.assert_allclose(result, wanted, rtol=1e-6)


@pytest.mark.parametrize("loss", [l1, l2, charbonnier])
def test_half_precision_images_are_compared_in_float32(loss) -> None:  # type: ignore[no-untyped-def]
    from keras import ops

    result = loss(ops.cast(IMAGE, "bfloat16"), TARGET)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, loss(IMAGE, TARGET), rtol=1e-6)


@pytest.mark.parametrize("loss", [l1, l2, charbonnier])
def test_shapes_that_would_broadcast_are_refused(loss) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="differ in shape"):
        loss(np.zeros((2, 4, 4, 3), np.float32), np.zeros((2, 4, 4, 1), np.float32))
    with pytest.raises(ValueError, match="differ in rank"):
        loss(np.zeros((2, 4, 4, 3), np.float32), np.zeros((4, 4, 3), np.float32))


@pytest.mark.parametrize("loss", [l1, l2, charbonnier])
def test_weights_decide_which_pixels_count(loss) -> None:  # type: ignore[no-untyped-def]
    first = np.array([1.0, 0.0], np.float32).reshape(1, 1, 2, 1)
    np.testing.assert_allclose(loss(IMAGE, TARGET, weight=first), loss(IMAGE[:, :, :1], TARGET[:, :, :1]), rtol=1e-6)
    np.testing.assert_allclose(loss(IMAGE, TARGET, weight=7 * np.ones_like(IMAGE)), loss(IMAGE, TARGET), rtol=1e-6)
    np.testing.assert_array_equal(loss(IMAGE, TARGET, weight=0 * first), [0, 0])


def test_frobenius_is_the_length_of_the_difference() -> None:
    np.testing.assert_allclose(frobenius(IMAGE, TARGET), [0.5, math.sqrt(5)], rtol=1e-6)


def test_total_variation_counts_steps_along_both_axes() -> None:
    image = np.array([[0.0, 1.0], [3.0, 0.0]], np.float32).reshape(1, 2, 2, 1)
    np.testing.assert_allclose(total_variation(image), [(3 + 1) / 2 + (1 + 3) / 2])
    np.testing.assert_allclose(total_variation(np.ones((2, 3, 3, 1), np.float32)), [0, 0])


class TestOfficial:
    LOSSES = (("L1Loss", l1), ("MSELoss", l2), ("CharbonnierLoss", partial(charbonnier, epsilon=1e-6)))

    @pytest.mark.parametrize(("name", "loss"), LOSSES)
    def test_mean_and_sum(self, name, loss) -> None:  # type: ignore[no-untyped-def]
        for kind in ("mean", "sum"):
            given = official.entry(f"BasicSR.{name}.{kind}")
            images = given.inputs["img_a"], given.inputs["img_b"]
            numbers = 1 if kind == "mean" else images[0].size
            result = given.args["loss_weight"] * numbers * float(np.mean(loss(*images)))
            assert result == pytest.approx(given.value, rel=1e-6)

    @pytest.mark.parametrize(("name", "loss"), LOSSES)
    @pytest.mark.parametrize("kind", ["weighted1", "weighted3"])
    def test_weighted_with_the_mean_over_the_batch(self, name, loss, kind) -> None:  # type: ignore[no-untyped-def]
        given = official.entry(f"BasicSR.{name}.{kind}")
        weight = given.inputs["weight"]
        result = np.asarray(loss(given.inputs["img_a"], given.inputs["img_b"], weight=weight))
        assert np.average(result, weights=weight.sum((1, 2, 3))) == pytest.approx(given.value, rel=1e-6)

    def test_charbonnier_with_the_epsilon_outside_the_square(self) -> None:
        given = official.entry("BasicSR.CharbonnierLoss.eps")
        result = charbonnier(given.inputs["img_a"], given.inputs["img_b"], epsilon=math.sqrt(given.args["eps"]))
        assert float(np.mean(result)) == pytest.approx(given.value, rel=1e-6)

    def test_total_variation(self) -> None:
        given = official.entry("BasicSR.WeightedTVLoss")
        result = given.args["loss_weight"] * float(np.mean(total_variation(given.inputs["img_a"])))
        assert result == pytest.approx(given.value, rel=1e-6)
