from __future__ import annotations

import numpy as np
import pytest

from img2imgkit.images import is_finite, to_levels, to_unit


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_round_trips_are_exact_for_every_level(dtype):
    every = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    unit = to_unit(every)
    assert unit.dtype == np.float32
    assert (unit.min(), unit.max()) == (-1, 1)
    assert np.array_equal(to_levels(unit, dtype), every)


def test_values_between_levels_are_rounded_and_values_out_of_range_are_clipped():
    top = 255 / 2
    unit = np.array([-1.5, -1, 0.49 / top - 1, 0.51 / top - 1, 0, 254.49 / top - 1, 254.51 / top - 1, 1, 7], np.float32)
    assert to_levels(unit, np.uint8).tolist() == [0, 0, 0, 1, 128, 254, 255, 255, 255]


def test_rounding_has_no_bias():
    unit = np.random.default_rng(1).uniform(-1, 1, 200_000).astype(np.float32)
    assert abs((to_levels(unit, np.uint8) - (unit + 1) * 127.5).mean()) < 0.01


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_values_are_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        to_levels(np.array([0, bad], np.float32), np.uint8)


@pytest.mark.parametrize(("dtype", "doubt"), [(np.uint8, 2e-5), (np.uint16, 0)])
def test_many_values_are_rounded_as_in_double_precision_but_for_what_lies_on_a_half(dtype, doubt):
    unit = np.random.default_rng(2).normal(0, 0.7, (90, 400, 6)).astype(np.float32)[..., ::2]
    exact = (np.clip(unit, -1, 1).astype(np.float64) + 1) * (np.iinfo(dtype).max / 2)
    other = to_levels(unit, dtype) != np.floor(exact + 0.5)
    assert np.all(np.abs(exact % 1 - 0.5)[other] < doubt)
    assert other.mean() <= doubt


def test_a_single_value_that_is_not_finite_is_found_anywhere():
    unit = np.zeros((300, 400), np.float32)
    unit[-1, -1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        to_levels(unit, np.uint8)


def test_one_value_that_is_not_finite_is_found() -> None:
    image = np.zeros((2, 3, 3), np.float32)
    assert is_finite(image)
    for value in (np.nan, np.inf, -np.inf):
        image[1, 2, 0] = value
        assert not is_finite(image)
