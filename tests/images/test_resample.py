from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from corpus import noise
from corpus_files import smooth
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from img2imgkit.images import Method, Picture, crop, resize

METHODS = get_args(Method)
FILTERS = [method for method in METHODS if method != "nearest"]


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    to=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    method=st.sampled_from(METHODS),
    deep=st.booleans(),
    level=st.integers(0, 255),
)
@settings(max_examples=80)
def test_any_size_is_exact_and_a_constant_colour_is_kept(width, height, to, method, deep, level):
    dtype = np.uint16 if deep else np.uint8
    level = level * 257 if deep else level
    flat = Picture(np.full((height, width, 3), level, dtype), np.full((height, width, 1), np.iinfo(dtype).max, dtype))
    made = resize(flat, *to, method)
    assert (made.width, made.height) == to
    assert (made.color == level).all()
    assert (made.alpha == np.iinfo(dtype).max).all()


@pytest.mark.parametrize("method", METHODS)
def test_8_bits_equal_pillow_where_it_does_not_clip_in_between(method):
    pixels = smooth(40, 30)
    for size in ((60, 80), (17, 11), (30, 41)):
        made = resize(Picture(pixels), *size, method).color
        theirs = Image.fromarray(pixels).resize(size, getattr(Image.Resampling, method.upper()))
        assert np.abs(made.astype(int) - np.asarray(theirs)).max() <= (0 if method == "nearest" else 1)


@pytest.mark.parametrize("method", FILTERS)
def test_16_bits_are_kept_with_all_their_levels(method):
    ramp = np.linspace(0, 65535, 100).round().astype(np.uint16)
    made = resize(Picture(np.broadcast_to(ramp[None, :, None], (4, 100, 1)).copy(), None, "grey"), 4000, 4, method)
    assert made.color.dtype == np.uint16
    if method != "box":
        assert len(np.unique(made.color)) > 3000
    assert np.abs(made.color[0, :, 0] - np.linspace(0, 65535, 4000)).max() < 700  # half a step of the ramp, and edges


@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_of_transparent_pixels_do_not_bleed(method, dtype):
    """A white disc on a transparent background: the edge stays white for any background colour."""
    top = int(np.iinfo(dtype).max)
    rows, columns = np.mgrid[0:40, 0:40]
    inside = ((rows - 20) ** 2 + (columns - 20) ** 2 < 150)[..., None]
    alpha = np.where(inside, top, 0).astype(dtype)
    black_outside = Picture(np.where(inside, top, 0).astype(dtype).repeat(3, axis=2), alpha)
    made = resize(black_outside, 100, 100, method)
    seen = made.alpha[..., 0] > 0
    assert (made.color[seen] >= top * 0.99).all()
    assert seen.sum() > 2000


def test_compositing_before_or_after_resizing_is_equivalent():
    from img2imgkit.images import without_alpha

    picture = Picture(noise(2, 20, 20), noise(3, 20, 20, 1))
    for over in ((255, 255, 255), (0, 0, 0), (255, 0, 0)):
        after = without_alpha(resize(picture, 50, 50, "bilinear"), over).color.astype(int)
        before = resize(without_alpha(picture, over), 50, 50, "bilinear").color
        assert np.abs(after - before).max() <= 2


def test_the_current_size_changes_nothing():
    picture = Picture(noise(1, 3, 4))
    assert resize(picture, 4, 3, "lanczos") is picture


def test_nearest_repeats_pixels_of_alpha_too():
    picture = Picture(noise(4, 3, 2, 4), noise(5, 3, 2, 1), "cmyk")
    made = resize(picture, 6, 9, "nearest")
    assert np.array_equal(made.color, picture.color.repeat(3, axis=0).repeat(3, axis=1))
    assert np.array_equal(made.alpha, picture.alpha.repeat(3, axis=0).repeat(3, axis=1))


def test_colour_and_alpha_are_cropped():
    picture = Picture(noise(6, 10, 12), noise(7, 10, 12, 1))
    part = crop(picture, 3, 2, 5, 4)
    assert np.array_equal(part.color, picture.color[2:6, 3:8])
    assert np.array_equal(part.alpha, picture.alpha[2:6, 3:8])
    part.color[:] = 0
    assert picture.color[2:6, 3:8].any()


@pytest.mark.parametrize("window", [(0, 0, 13, 1), (-1, 0, 2, 2), (0, 9, 1, 2), (0, 0, 0, 1)])
def test_a_region_beyond_the_picture_is_refused(window):
    with pytest.raises(ValueError, match="are not inside 12x10"):
        crop(Picture(noise(6, 10, 12)), *window)


def test_a_size_below_one_pixel_is_refused():
    with pytest.raises(ValueError, match="0x5"):
        resize(Picture(noise(6, 10, 12)), 0, 5)
