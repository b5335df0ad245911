from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from img2imgkit.images import Affine, Metadata, Picture, Placement, crop, resize
from img2imgkit.images.raster import oriented

NUMBERS = st.floats(-9, 9).filter(lambda value: abs(value) > 0.1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turn_says_where_the_pixels_of_a_turned_picture_are(orientation):
    pixels = np.arange(3 * 5).reshape(3, 5, 1)
    turned, by = oriented(pixels, orientation), Affine.turn(orientation, 5, 3)
    for row in range(3):
        for column in range(5):
            x, y = by.point(column + 0.5, row + 0.5)
            assert turned[int(y), int(x)] == pixels[row, column]
    assert by.swaps_axes == (orientation >= 5)
    assert by.keeps_axes == (orientation == 1)
    assert by.extent(5, 3) == turned.shape[1::-1]


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_transforms_compose_and_invert(a, c, e, f):
    first, second = Affine(a, 0, c, 0, e, f), Affine.turn(6, 7, 4)
    both = first.then(second)
    assert both.point(3, 2) == pytest.approx(second.point(*first.point(3, 2)))
    assert both.inverse().point(*both.point(3, 2)) == pytest.approx((3, 2))


def test_resizing_and_cropping_state_where_pixels_went():
    picture = Picture(np.zeros((6, 8, 3), np.uint8))
    made = crop(resize(picture, 16, 18), 4, 3, 6, 5)
    by = made.metadata.placement.in_picture((6, 5))
    assert by == Affine(2, 0, -4, 0, 3, -3)
    assert crop(picture, 1, 0, 8 - 1, 6).metadata.placement == Placement((7, 6), Affine.shift(-1, 0), (8, 6))


def test_other_values_in_the_same_places_keep_the_placement():
    picture = resize(Picture(np.zeros((6, 8, 3), np.uint8)), 4, 3)
    again = picture.with_pixels(picture.color[..., :1], None, "grey")
    assert again.metadata.placement == Placement((4, 3), Affine(0.5, 0, 0, 0, 0.5, 0), (8, 6))


def test_another_size_without_a_word_makes_the_placement_unknown_for_good():
    picture = Picture(np.zeros((6, 8, 3), np.uint8))
    larger = picture.with_pixels(np.zeros((7, 9, 3), np.uint8), None)
    assert larger.metadata.placement.in_picture((9, 7)) is None
    assert crop(larger, 0, 0, 8, 6).metadata.placement.in_picture((8, 6)) is None
    fresh = Picture(np.zeros((7, 9, 3), np.uint8), metadata=picture.metadata)
    assert fresh.metadata.placement.in_picture((9, 7)) is None
    assert resize(fresh, 8, 6).metadata.placement.in_picture((8, 6)) is None


def test_new_metadata_describe_the_picture_as_it_is():
    assert Picture(np.zeros((6, 8, 3), np.uint8)).metadata.placement == Placement((8, 6), Affine())
    assert Picture(np.zeros((6, 8, 3), np.uint8)).metadata == Metadata()
