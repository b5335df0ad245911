"""Windows of a map: what they contain, put together again, and which pixels a shifted window hides from each other."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.nn.layers.windows import (  # noqa: E402
    MASKED,
    from_spaced_windows,
    from_windows,
    rolled,
    shift_mask,
    spaced_windows,
    windows,
)

MAP = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype(np.float32)


def test_windows_hold_neighbours_row_by_row() -> None:
    made = np.asarray(windows(MAP, (2, 3)))
    assert made.shape == (2 * 2 * 2, 6, 3)
    np.testing.assert_array_equal(made[1], MAP[0, :2, 3:].reshape(6, 3))
    np.testing.assert_array_equal(made[4], MAP[1, :2, :3].reshape(6, 3))


def test_spaced_windows_hold_pixels_at_equal_distances() -> None:
    made = np.asarray(spaced_windows(MAP, (2, 3)))
    assert made.shape == (2 * 2 * 2, 6, 3)
    np.testing.assert_array_equal(made[0], MAP[0, ::2, ::2].reshape(6, 3))
    np.testing.assert_array_equal(made[1], MAP[0, ::2, 1::2].reshape(6, 3))
    np.testing.assert_array_equal(made[6], MAP[1, 1::2, ::2].reshape(6, 3))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 2), (4, 6)])
def test_they_are_put_together_again(size: tuple[int, int]) -> None:
    np.testing.assert_array_equal(from_windows(windows(MAP, size), size, 4, 6), MAP)
    np.testing.assert_array_equal(from_spaced_windows(spaced_windows(MAP, size), size, 4, 6), MAP)


def test_a_map_is_rolled_back() -> None:
    np.testing.assert_array_equal(rolled(MAP, (1, 2)), np.roll(MAP, (-1, -2), axis=(1, 2)))
    np.testing.assert_array_equal(rolled(rolled(MAP, (1, 2)), (-1, -2)), MAP)


@pytest.mark.parametrize("size", [(4, 4), (8, 4), (12, 8)])
def test_the_mask_hides_what_only_rolling_made_neighbours(size: tuple[int, int]) -> None:
    window, shift = (4, 2), (2, 1)
    rows, columns = (
        np.searchsorted([length - side, length - moved], np.arange(length), side="right")
        for length, side, moved in zip(size, window, shift, strict=True)
    )  # the parts of the rolled map, which come from one place each
    labels = (3 * rows[:, None] + columns).astype(np.float32)[None, ..., None]
    inside = np.asarray(windows(labels, window))[..., 0]
    apart = np.where(inside[:, :, None] != inside[:, None], MASKED, 0)
    made = np.asarray(shift_mask(np.zeros((2, *size, 3), np.float32), window, shift))
    np.testing.assert_array_equal(made, np.concatenate([apart, apart])[:, None])
    assert {*np.unique(made)} == {MASKED, 0}


def test_blocks_are_hidden_like_their_pixels() -> None:
    image = np.zeros((1, 8, 8, 1), np.float32)
    pixels = np.asarray(shift_mask(image, (8, 8), (4, 4))).reshape(8, 8, 4, 2, 4, 2)
    blocks = np.asarray(shift_mask(image, (8, 8), (4, 4), 2)).reshape(8, 8, 4, 4)
    np.testing.assert_array_equal(blocks, pixels.min(axis=(3, 5)))
    np.testing.assert_array_equal(blocks, pixels.max(axis=(3, 5)))
