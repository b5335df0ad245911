from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import pytest
from corpus import noise

from img2imgkit.config import parse_yaml, validate
from img2imgkit.errors import ConfigError, TranslateError
from img2imgkit.images import Affine, Picture
from img2imgkit.item import Entry, Item
from img2imgkit.steps.crop import Crop

PIXELS = noise(1, 40, 60)


def item():
    picture = Picture(PIXELS, noise(2, 40, 60, 1))
    return Item.still(Entry("a.png", PurePosixPath("a.png"), 0, 1, "1"), picture, picture)


def crop(text):
    return Crop(validate(Crop.Options, parse_yaml(text)))


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("box: [1, 2, 3, 4]", np.s_[2:6, 1:4]),
        ("box: [0, 0, 60, 40]", np.s_[:, :]),
        ("centre: [10, 20]", np.s_[10:30, 25:35]),
        ("centre: [11, 11]", np.s_[14:25, 24:35]),
        ("multiple: 16", np.s_[4:36, 6:54]),
        ("multiple: 20", np.s_[:, :]),
        ("{centre: [100, 10], if_smaller: keep}", np.s_[15:25, :]),
        ("{box: [50, 30, 100, 100], if_smaller: keep}", np.s_[30:, 50:]),
    ],
)
def test_each_way_to_state_a_region(text, window):
    made = crop(text).apply(item()).picture
    assert np.array_equal(made.color, PIXELS[window])
    assert made.alpha.shape[:2] == made.color.shape[:2]
    rows, columns, _ = np.indices(PIXELS.shape)
    moved = made.metadata.placement.in_picture((made.width, made.height))
    assert moved == Affine.shift(-columns[window].min(), -rows[window].min())


@pytest.mark.parametrize("text", ["box: [1, 2, 300, 4]", "centre: [61, 1]", "{box: [60, 0, 1, 1], if_smaller: keep}"])
def test_a_picture_that_does_not_contain_the_region_fails(text):
    with pytest.raises(TranslateError, match="are not inside 60x40 pixels"):
        crop(text).apply(item())


def test_a_picture_smaller_than_one_multiple_fails():
    with pytest.raises(TranslateError, match="60x40 pixels are less than one multiple of 64"):
        crop("multiple: 64").apply(item())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "none is stated"),
        ("{centre: [1, 1], multiple: 2}", "got centre and multiple"),
        ("box: [1, 2, 0, 4]", "width and height at least 1"),
        ("box: [-1, 2, 1, 4]", "left and top must be at least 0"),
        ("centre: [0, 4]", "at least 1"),
        ("multiple: 1", "greater than or equal to 2"),
    ],
)
def test_invalid_regions_are_refused(text, reason):
    with pytest.raises(ConfigError, match=reason):
        crop(text)


def test_ids_are_cropped_with_their_drawing():
    label = np.arange(2400, dtype=np.int32).reshape(40, 60)
    before = item().with_maps({"label": label, "instance": label + 7})
    made = crop("box: [1, 2, 3, 4]").apply(before)
    np.testing.assert_array_equal(made.maps["label"], label[2:6, 1:4])
    np.testing.assert_array_equal(made.maps["instance"], label[2:6, 1:4] + 7)
    np.testing.assert_array_equal(made.picture.color, PIXELS[2:6, 1:4])
    assert before.maps["label"] is label
