from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import pytest
from corpus import noise
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from img2imgkit.config import parse_yaml, validate
from img2imgkit.data.label_maps import resized_ids
from img2imgkit.data.palettes import drawn
from img2imgkit.errors import ConfigError, TranslateError
from img2imgkit.images import Affine, Picture
from img2imgkit.item import Entry, Item
from img2imgkit.steps.resize import Resize


def item(width, height, alpha=False, dtype=np.uint8):
    picture = Picture(noise(1, height, width, 3, dtype), noise(2, height, width, 1, dtype) if alpha else None)
    return Item.still(Entry("a.png", PurePosixPath("a.png"), 0, 1, "1"), picture, picture)


def resize(text):
    return Resize(validate(Resize.Options, parse_yaml(text)))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("scale: 2", (120, 80)),
        ("scale: 0.5", (30, 20)),
        ("scale: 0.01", (1, 1)),
        ("width: 7", (7, 5)),
        ("height: 7", (11, 7)),
        ("{width: 3, height: 90}", (3, 90)),
        ("longest: 30", (30, 20)),
        ("shortest: 30", (45, 30)),
        ("fit: [10, 100]", (10, 7)),
        ("fit: [100, 10]", (15, 10)),
        ("fit: [600, 600]", (600, 400)),
        ("{longest: 100, shrink_only: true}", (60, 40)),
        ("{width: 30, height: 50, shrink_only: true}", (60, 40)),
        ("{longest: 50, shrink_only: true}", (50, 33)),
    ],
)
@pytest.mark.parametrize("method", ["lanczos", "nearest"])
def test_each_way_to_state_a_size(text, size, method):
    inner = text.strip("{}")
    made = resize(f"{{{inner}, method: {method}}}").apply(item(60, 40, alpha=True)).picture
    assert (made.width, made.height) == size
    assert made.alpha.shape == (size[1], size[0], 1)


def test_the_longer_side_of_a_tall_picture_is_its_height():
    assert resize("longest: 30").size(40, 60) == (20, 30)
    assert resize("shortest: 30").size(40, 60) == (30, 45)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 3000), st.integers(1, 3000))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_fit_is_the_largest_size_within_the_box(width, height, across, down):
    made = resize(f"fit: [{across}, {down}]").size(width, height)
    assert made[0] == across or made[1] == down
    assert made[0] <= across
    assert made[1] <= down
    longest = resize(f"longest: {across}").size(width, height)
    assert max(longest) == across
    shortest = resize(f"shortest: {across}").size(width, height)
    assert min(shortest) == across


def test_depth_and_original_are_kept():
    before = item(9, 9, dtype=np.uint16)
    after = resize("scale: 3").apply(before)
    assert after.picture.depth == 16
    assert after.original is before.original
    assert before.picture.width == 9


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "none is stated"),
        ("{scale: 2, width: 3}", "got scale and width/height"),
        ("{fit: [1, 2], longest: 3}", "got longest and fit"),
        ("fit: [0, 3]", "both sides of the box"),
        ("scale: 0", "greater than 0"),
        ("width: 0", "greater than or equal to 1"),
        ("{scale: 2, method: cubic}", "did you mean 'bicubic'"),
    ],
)
def test_invalid_sizes_are_refused(text, reason):
    with pytest.raises(ConfigError, match=reason):
        resize(text)


def test_a_size_beyond_the_limit_fails_that_picture():
    with pytest.raises(TranslateError, match="exceeds 1000000 pixels per side"):
        resize("width: 1000").apply(item(1, 2000))


@settings(max_examples=30, deadline=None)
@given(*(st.integers(1, 40) for _ in range(4)))
def test_ids_and_their_drawing_are_resized_from_the_same_pixels(width, height, wide, high):
    label = noise(3, height, width, 1)[..., 0].astype(np.int32)
    picture = Picture(drawn(label))
    before = Item.still(Entry("a.png", PurePosixPath("a.png"), 0, 1, "1"), picture, picture, maps={"label": label})
    made = resize(f"{{width: {wide}, height: {high}}}").apply(before)
    np.testing.assert_array_equal(made.maps["label"], resized_ids(label, (wide, high)))
    np.testing.assert_array_equal(made.picture.color, drawn(made.maps["label"]))
    assert made.picture.metadata.placement.in_picture((wide, high)) == Affine(wide / width, 0, 0, 0, high / height, 0)
