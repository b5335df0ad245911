"""The compact super-resolution network: sizes, receptive field, serialisation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402

from img2imgkit.architectures.srvgg import srvgg  # noqa: E402


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_initial_outputs_are_near_the_nearest_neighbour_image(scale: int) -> None:
    image = np.random.default_rng(0).uniform(-1, 1, (2, 5, 7, 3)).astype(np.float32)
    result = np.asarray(srvgg(scale, 8, 2)(image))
    assert result.shape == (2, 5 * scale, 7 * scale, 3)
    assert 0 < np.abs(result - image.repeat(scale, 1).repeat(scale, 2)).max() < 0.1


def test_the_receptive_radius_is_depth_plus_two() -> None:
    depth = 2
    model = srvgg(2, 8, depth, "relu")
    model.set_weights([np.abs(array) + 0.01 for array in model.get_weights()])  # nothing cancels, no unit is dead
    image = np.ones((1, 15, 15, 3), np.float32)
    changed = image.copy()
    changed[0, 7, 7] += 1
    difference = np.abs(np.asarray(model(changed)) - np.asarray(model(image))).max(axis=(0, 3)) > 1e-6
    rows, columns = np.nonzero(difference)
    reach = depth + 2
    assert (rows.min() // 2, rows.max() // 2) == (7 - reach, 7 + reach)
    assert (columns.min() // 2, columns.max() // 2) == (7 - reach, 7 + reach)


def test_it_survives_serialisation_without_custom_code(tmp_path: Path) -> None:
    model = srvgg(3, 8, 1)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 6, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(again(image)), np.asarray(model(image)))


def test_the_sum_is_float32_under_mixed_precision() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = srvgg(2, 8, 1)
    finally:
        keras.config.set_dtype_policy(before)
    image = np.full((1, 4, 4, 3), 0.123456789, np.float32)
    result = np.asarray(model(image))
    assert result.dtype == np.float32
    assert model.get_layer("conv0").compute_dtype == "bfloat16"
    residual = np.asarray(srvgg(2, 8, 1)(image)) - image.repeat(2, 1).repeat(2, 2)
    assert np.abs(result - image.repeat(2, 1).repeat(2, 2)).max() < 10 * max(np.abs(residual).max(), 1e-3)
