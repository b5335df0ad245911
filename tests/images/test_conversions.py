from __future__ import annotations

import numpy as np
import pytest
from corpus import noise
from PIL import Image

from img2imgkit.images import (
    Metadata,
    Picture,
    is_opaque,
    profiles,
    to_grey,
    to_rgb,
    with_depth,
    without_alpha,
)


def test_8_bits_go_to_16_and_back_exactly():
    every = Picture(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), None, "grey")
    deep = with_depth(every, 16)
    assert deep.depth == 16
    assert deep.color.max() == 65535
    assert np.array_equal(deep.color, every.color * np.uint16(257))
    assert np.array_equal(with_depth(deep, 8).color, every.color)


def test_16_bits_go_to_8_rounded_at_every_level():
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    made = with_depth(Picture(every, every, "grey"), 8)
    exact = np.floor(every / 257 + 0.5).astype(np.uint8)
    assert np.array_equal(made.color, exact)
    assert np.array_equal(made.alpha, exact)


def test_the_current_depth_changes_nothing():
    picture = Picture(noise(1, 3, 3))
    assert with_depth(picture, 8) is picture


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_is_pillows_weighting_at_full_depth(dtype):
    pixels = noise(2, 30, 30, 3, dtype)
    grey = to_grey(Picture(pixels)).color[..., 0]
    exact = pixels @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey - exact).max() <= 0.5 + 1e-9
    if dtype is np.uint8:
        assert np.abs(grey.astype(int) - np.asarray(Image.fromarray(pixels).convert("L"))).max() <= 1


def test_grey_pictures_become_rgb_of_equal_channels_and_back():
    picture = Picture(noise(3, 5, 5, 1), noise(4, 5, 5, 1), "grey")
    rgb = to_rgb(picture)
    assert (rgb.space, rgb.mode) == ("rgb", "RGB")
    assert (rgb.color == rgb.color[..., :1]).all()
    assert np.array_equal(to_grey(rgb).color, picture.color)
    assert rgb.alpha is picture.alpha


def test_inks_without_profile_are_multiplied():
    inks = noise(5, 20, 20, 4, np.uint16)
    rgb = to_rgb(Picture(inks, None, "cmyk")).color
    exact = (65535 - inks[..., :3].astype(float)) * (65535 - inks[..., 3:].astype(float)) / 65535
    assert rgb.dtype == np.uint16
    assert np.abs(rgb - exact).max() <= 0.5


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_compositing_over_a_colour_is_exact(dtype):
    top = int(np.iinfo(dtype).max)
    picture = Picture(noise(6, 20, 20, 3, dtype), noise(7, 20, 20, 1, dtype))
    made = without_alpha(picture, (255, 128, 0))
    share = picture.alpha / top
    exact = picture.color * share + np.array([255, 128, 0]) * (top / 255) * (1 - share)
    assert made.alpha is None
    assert np.abs(made.color - exact).max() <= 0.5 + 1e-6


def test_dropping_alpha_shows_the_colours_as_they_are_stored():
    picture = Picture(noise(6, 2, 2), np.zeros((2, 2, 1), np.uint8))
    assert np.array_equal(without_alpha(picture).color, picture.color)
    assert without_alpha(without_alpha(picture)).alpha is None


def test_grey_over_a_colour_becomes_rgb_and_over_a_grey_stays():
    picture = Picture(noise(6, 2, 2, 1), noise(7, 2, 2, 1), "grey")
    assert without_alpha(picture, (9, 9, 9)).space == "grey"
    assert without_alpha(picture, (9, 8, 9)).space == "rgb"


def test_opacity_depends_on_values():
    assert is_opaque(Picture(noise(1, 2, 2)))
    assert is_opaque(Picture(noise(1, 2, 2), np.full((2, 2, 1), 255, np.uint8)))
    assert not is_opaque(Picture(noise(1, 2, 2), np.full((2, 2, 1), 254, np.uint8)))


def test_a_profile_of_another_space_is_never_kept():
    rgb = Picture(noise(1, 4, 4), metadata=Metadata(icc=profiles.srgb(), dpi=(9, 9)))
    grey = to_grey(rgb)
    assert grey.metadata == Metadata(dpi=(9, 9))
