"""Reflection beyond the border equals numpy's, however far it goes."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit.inference.tiles.padding import reflected, region


@pytest.mark.parametrize("length", [1, 2, 3, 7])
@pytest.mark.parametrize("beyond", [0, 1, 5, 40])
def test_reflection_repeats_like_numpys(length: int, beyond: int) -> None:
    expected = np.pad(np.arange(length), (0, beyond), mode="reflect") if length > 1 else np.zeros(1 + beyond)
    assert (reflected(length, 0, length + beyond) == expected).all()


def test_a_region_is_cut_from_the_padded_picture() -> None:
    pixels = np.arange(5 * 3 * 2).reshape(5, 3, 2)
    padded = np.pad(pixels, ((0, 11), (0, 13), (0, 0)), mode="reflect")
    for rows, columns in (((0, 16), (0, 16)), ((3, 8), (1, 3)), ((0, 5), (2, 9)), ((6, 16), (4, 16))):
        assert (region(pixels, rows, columns) == padded[slice(*rows), slice(*columns)]).all()


def test_a_region_inside_is_no_copy() -> None:
    pixels = np.zeros((5, 6, 1))
    assert np.shares_memory(region(pixels, (1, 5), (0, 6)), pixels)
