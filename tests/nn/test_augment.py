"""Augmentations of a critic's input: functions of the drawn numbers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.nn.augment import color, cutout, translation  # noqa: E402

NUMBERS = {"color": 3, "translation": 2, "cutout": 2}
CHANGES: dict[str, Callable[..., Any]] = {"color": color, "translation": translation, "cutout": cutout}
IMAGES = np.random.default_rng(7).uniform(-1, 1, (2, 16, 24, 3)).astype(np.float32)


def numbers(change: str, value: float) -> np.ndarray:
    return np.full((2, NUMBERS[change]), value, np.float32)


def test_color_at_the_middle_of_its_ranges_changes_nothing() -> None:
    np.testing.assert_allclose(color(IMAGES, numbers("color", 0.5)), IMAGES, atol=1e-6)


def test_color_changes_brightness_saturation_and_contrast() -> None:
    brighter = color(IMAGES, np.array([[0.75, 0.5, 0.5]] * 2, np.float32))
    np.testing.assert_allclose(brighter, IMAGES + 0.25, atol=1e-6)
    grey = color(IMAGES, np.array([[0.5, 0.0, 0.5]] * 2, np.float32))
    np.testing.assert_allclose(grey, np.repeat(IMAGES.mean(-1, keepdims=True), 3, -1), atol=1e-6)
    flat = color(IMAGES, np.array([[0.5, 0.5, 0.0]] * 2, np.float32))
    level = IMAGES.mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(flat, (IMAGES - level) * 0.5 + level, atol=1e-6)


def test_color_leaves_the_source_before_an_image_alone() -> None:
    pair = np.concatenate([IMAGES[..., :1], IMAGES], axis=-1)
    changed = np.asarray(color(pair, numbers("color", 0.9)))
    np.testing.assert_array_equal(changed[..., :1], pair[..., :1])
    np.testing.assert_allclose(changed[..., 1:], color(IMAGES, numbers("color", 0.9)), atol=1e-6)


def test_color_changes_grey_images() -> None:
    grey = IMAGES[..., :1]
    np.testing.assert_allclose(color(grey, np.array([[0.75, 0.1, 0.5]] * 2, np.float32)), grey + 0.25, atol=1e-6)


def test_translation_moves_by_up_to_an_eighth_and_fills_with_0() -> None:
    least = np.asarray(translation(IMAGES, numbers("translation", 0.0)))
    np.testing.assert_array_equal(least[:, :-2, :-3], IMAGES[:, 2:, 3:])
    assert not least[:, -2:].any()
    assert not least[:, :, -3:].any()
    most = np.asarray(translation(IMAGES, numbers("translation", 0.999999)))
    np.testing.assert_array_equal(most[:, 2:, 3:], IMAGES[:, :-2, :-3])
    assert not most[:, :2].any()
    assert not most[:, :, :3].any()


def test_each_image_has_its_own_random_numbers() -> None:
    moved = np.asarray(translation(IMAGES, np.array([[0.5, 0.5], [0.0, 0.5]], np.float32)))
    np.testing.assert_array_equal(moved[0], IMAGES[0])
    np.testing.assert_array_equal(moved[1, :-2], IMAGES[1, 2:])


@pytest.mark.parametrize(("value", "rows", "columns"), [(0.0, 4, 6), (0.5, 8, 12), (0.999999, 4, 6)])
def test_cutout_blanks_half_of_each_side_or_what_lies_inside(value: float, rows: int, columns: int) -> None:
    blank = np.asarray(cutout(IMAGES, numbers("cutout", value)))[0, :, :, 0] == 0
    assert blank.any(axis=1).sum() == rows
    assert blank.any(axis=0).sum() == columns
    assert blank.sum() == rows * columns


@pytest.mark.parametrize("change", CHANGES)
def test_augmentations_keep_dtype_and_odd_sizes(change: str) -> None:
    from keras import ops

    result = CHANGES[change](ops.cast(IMAGES[:, :13, :7], "bfloat16"), numbers(change, 0.3))
    assert tuple(result.shape) == (2, 13, 7, 3)
    assert result.dtype == "bfloat16"


@pytest.mark.parametrize("change", CHANGES)
def test_augmentations_have_second_derivatives_at_unknown_sizes(change: str) -> None:
    import tensorflow as tf

    from img2imgkit.losses import squared_gradient

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, None, None, 3))])
    def second(images: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = squared_gradient(
                lambda x: tf.reduce_sum(CHANGES[change](x, numbers(change, 0.3)) ** 3, (1, 2, 3)), images
            )
        return tape.gradient(total, images)

    result = second(IMAGES).numpy()
    assert np.isfinite(result).all()
    assert np.abs(result).max() > 0.1
