"""DySample: bilinear samples at computed positions."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.nn.layers import DySample  # noqa: E402

RNG = np.random.default_rng(0)


def sampled(plane: np.ndarray, row: float, column: float) -> np.ndarray:
    """A bilinear sample of (H, W, C), whose edges go on for ever."""
    row, column = (min(max(place, 0), side - 1) for place, side in zip((row, column), plane.shape, strict=False))
    top, left = int(row), int(column)
    bottom, right = min(top + 1, plane.shape[0] - 1), min(left + 1, plane.shape[1] - 1)
    above = (1 - column + left) * plane[top, left] + (column - left) * plane[top, right]
    below = (1 - column + left) * plane[bottom, left] + (column - left) * plane[bottom, right]
    return np.asarray((1 - row + top) * above + (row - top) * below)


@pytest.mark.parametrize(("scale", "groups"), [(1, 1), (2, 2), (3, 1)])
def test_each_pixel_is_the_sample_at_its_place_and_offset(scale: int, groups: int) -> None:
    height, width, channels = 3, 4, 2
    x = RNG.uniform(-1, 1, (2, height, width, channels)).astype(np.float32)
    offset = RNG.normal(0, 2, (2, height, width, scale, scale, 2, groups)).astype(np.float32)
    layer = DySample(scale, groups)
    made = np.asarray(layer([x, offset.reshape(2, height, width, -1)]))
    assert made.shape == (2, scale * height, scale * width, channels)
    assert made.shape == layer.compute_output_shape([x.shape, None])
    places = (np.arange(scale) + 0.5) / scale - 0.5
    each = channels // groups
    for image, y, x_, group in np.ndindex(2, scale * height, scale * width, groups):
        (row, i), (column, j) = divmod(y, scale), divmod(x_, scale)
        across, down = offset[image, row, column, i, j, :, group]
        part = x[image, :, :, group * each : (group + 1) * each]
        wanted = sampled(part, row + places[i] + down, column + places[j] + across)
        np.testing.assert_allclose(made[image, y, x_, group * each : (group + 1) * each], wanted, atol=1e-5)


def test_without_offsets_it_interpolates_bilinearly() -> None:
    from img2imgkit.nn.layers import BilinearUp

    x = RNG.uniform(-1, 1, (1, 5, 6, 4)).astype(np.float32)
    still = np.zeros((1, 5, 6, 2 * 4 * 9), np.float32)
    np.testing.assert_allclose(DySample(3, 4)([x, still]), BilinearUp(3)(x), atol=1e-6)
