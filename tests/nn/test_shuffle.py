"""Pixel shuffles, and their inverse."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.nn.layers import PixelShuffle, PixelUnshuffle  # noqa: E402


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_unshuffling_undoes_shuffling(scale: int) -> None:
    x = np.random.default_rng(0).uniform(0, 1, (2, 4, 8, 3)).astype(np.float32)
    small = PixelUnshuffle(scale)(x)
    assert small.shape == PixelUnshuffle(scale).compute_output_shape(x.shape)
    np.testing.assert_array_equal(PixelShuffle(scale)(small), x)
