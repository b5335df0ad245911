from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import pytest
from corpus import noise
from corpus_files import smooth

from img2imgkit.config import parse_yaml, validate
from img2imgkit.errors import ConfigError
from img2imgkit.images import Metadata, Picture, encode, profiles, resize, with_depth, without_alpha
from img2imgkit.item import Entry, Item
from img2imgkit.steps.compare import Compare


def sheet(original, current, text=""):
    made = Item.still(Entry("a.png", PurePosixPath("a.png"), 0, 1, "1"), current, original, {"tile": 9})
    return Compare(validate(Compare.Options, parse_yaml(text))).apply(made)


SMALL, LARGE = Picture(smooth(10, 12)), Picture(noise(1, 20, 24))


def test_the_original_is_enlarged_at_the_left():
    made = sheet(SMALL, LARGE, "{separator: 3, ground: black}").picture
    assert (made.width, made.height) == (24 + 3 + 24, 20)
    assert np.array_equal(made.color[:, :24], resize(SMALL, 24, 20, "bicubic").color)
    assert (made.color[:, 24:27] == 0).all()
    assert np.array_equal(made.color[:, 27:], LARGE.color)


def test_nearest_shows_the_originals_pixels():
    made = sheet(SMALL, LARGE, "{enlarge: nearest, separator: 0}").picture
    assert np.array_equal(made.color[:, :24], SMALL.color.repeat(2, axis=0).repeat(2, axis=1))


def test_the_current_picture_can_be_below():
    made = sheet(SMALL, LARGE, "{layout: below, separator: 5}").picture
    assert (made.width, made.height) == (24, 20 + 5 + 20)
    assert (made.color[20:25] == 255).all()


def test_notes_and_metadata_of_the_current_picture_are_kept():
    made = sheet(SMALL, replace(LARGE, metadata=Metadata(dpi=(9, 9))))
    assert made.notes == {"tile": 9}
    assert made.picture.metadata.dpi == (9, 9)
    assert made.original is SMALL


def test_a_sheet_is_not_a_place_for_metadata_in_pixels():
    made = sheet(SMALL, LARGE).picture
    assert made.metadata.placement.in_picture((made.width, made.height)) is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_different_formats_are_matched(dtype):
    grey = Picture(smooth(10, 12, 1), None, "grey")
    clear = Picture(noise(2, 20, 24, 3, dtype), noise(3, 20, 24, 1, dtype))
    for one, other in ((grey, clear), (clear, grey)):
        made = sheet(one, other, "separator: 0").picture
        assert made.space == "rgb"
        assert made.alpha is None
        assert made.color.dtype == dtype
    right = sheet(grey, clear, "separator: 0").picture.color[:, 24:]
    assert np.array_equal(right, without_alpha(clear, (255, 255, 255)).color)
    left = sheet(clear, grey, "separator: 0").picture.color[:, 12:, :1]
    assert np.array_equal(left, with_depth(grey, np.iinfo(dtype).bits).color)


def test_two_grey_pictures_make_a_grey_sheet():
    made = sheet(Picture(smooth(4, 4, 1), None, "grey"), Picture(smooth(8, 8, 1), None, "grey", mode="1")).picture
    assert (made.space, made.mode) == ("grey", "L")
    assert encode(made, "PNG").mode == "L"


def test_cmyk_and_different_profiles_are_converted_to_srgb():
    inks = Picture(noise(4, 8, 8, 4), None, "cmyk")
    assert sheet(inks, inks).picture.space == "rgb"
    profiled = replace(LARGE, metadata=Metadata(icc=profiles.srgb()))
    assert sheet(SMALL, profiled).picture.metadata.icc is None
    assert sheet(replace(SMALL, metadata=profiled.metadata), profiled).picture.metadata.icc == profiles.srgb()


@pytest.mark.parametrize("ground", ["white", "black", "grey"])
@pytest.mark.parametrize("layout", ["beside", "below"])
def test_labels_are_drawn_above_each_panel(ground, layout):
    wide = Picture(smooth(30, 200).astype(np.uint16) * np.uint16(257))
    text = f"{{labels: [before, after], ground: {ground}, layout: {layout}, separator: 0}}"
    made = sheet(wide, wide, text).picture
    strip = (made.height if layout == "beside" else made.height // 2) - 30
    assert strip >= 15
    first, second = (
        made.color[:strip, :200],
        (made.color[:strip, 200:] if layout == "beside" else made.color[30 + strip : 30 + 2 * strip]),
    )
    for label in (first, second):
        assert label.dtype == np.uint16
        assert len(np.unique(label)) > 2
    assert not np.array_equal(first, second)


def test_a_label_outside_ascii_is_refused():
    with pytest.raises(ConfigError, match="labels"):
        sheet(SMALL, LARGE, "labels: [before, modèle]")


def test_a_label_on_a_tiny_picture_is_cut_off():
    made = sheet(Picture(smooth(1, 1)), Picture(smooth(2, 2)), "labels: [a long text, another]").picture
    assert made.width == 2 + 8 + 2


def test_a_sheet_has_no_maps():
    before = Item.still(Entry("a.png", PurePosixPath("a.png"), 0, 1, "1"), SMALL, SMALL)
    made = Compare().apply(before.with_maps({"label": np.zeros((SMALL.height, SMALL.width), np.int32)}))
    assert made.maps == {}
