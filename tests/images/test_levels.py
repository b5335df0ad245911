from __future__ import annotations

import numpy as np
import pytest

from img2imgkit.images import to_levels, to_unit


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_level_returns_exactly(dtype):
    every = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    unit = to_unit(every)
    assert unit.dtype == np.float32
    assert (unit.min(), unit.max()) == (-1, 1)
    assert np.array_equal(to_levels(unit, dtype), every)


def test_what_lies_between_levels_is_rounded_and_what_lies_beyond_is_clipped():
    top = 255 / 2
    unit = np.array([-1.5, -1, 0.49 / top - 1, 0.51 / top - 1, 0, 254.49 / top - 1, 254.51 / top - 1, 1, 7], np.float32)
    assert to_levels(unit, np.uint8).tolist() == [0, 0, 0, 1, 128, 254, 255, 255, 255]


def test_rounding_has_no_bias():
    unit = np.random.default_rng(1).uniform(-1, 1, 200_000).astype(np.float32)
    assert abs((to_levels(unit, np.uint8) - (unit + 1) * 127.5).mean()) < 0.01


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_level(bad):
    with pytest.raises(ValueError, match="finite"):
        to_levels(np.array([0, bad], np.float32), np.uint8)
