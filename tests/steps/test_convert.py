from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import pytest
from corpus import noise

from img2imgkit.config import parse_yaml, validate
from img2imgkit.errors import ConfigError
from img2imgkit.images import Metadata, Picture, encode, profiles, to_grey, with_depth, without_alpha
from img2imgkit.item import Entry, Item
from img2imgkit.steps.convert import Convert


def item(picture):
    return Item.still(Entry("a.png", PurePosixPath("a.png"), 0, 1, "1"), picture, picture)


def converted(picture, text):
    return Convert(validate(Convert.Options, parse_yaml(text))).apply(item(picture))


CLEAR = Picture(noise(1, 6, 6), noise(2, 6, 6, 1), metadata=Metadata(icc=profiles.srgb(), dpi=(72, 72)))


def test_by_default_nothing_changes():
    assert converted(CLEAR, "").picture is CLEAR


def test_each_option_changes_one_property():
    assert np.array_equal(converted(CLEAR, "mode: grey").picture.color, to_grey(CLEAR).color)
    assert np.array_equal(converted(CLEAR, "depth: 16").picture.color, with_depth(CLEAR, 16).color)
    assert converted(CLEAR, "icc: strip").picture.metadata == Metadata(dpi=(72, 72))
    assert converted(CLEAR, "icc: keep").picture.metadata.icc == profiles.srgb()
    assert converted(CLEAR, "icc: srgb").picture.metadata.icc is None
    for name, level in (("white", 255), ("black", 0), ("grey", 128)):
        made = converted(CLEAR, f"alpha: {name}").picture
        assert np.array_equal(made.color, without_alpha(CLEAR, (level, level, level)).color)
    dropped = converted(CLEAR, "alpha: drop").picture
    assert dropped.alpha is None
    assert np.array_equal(dropped.color, CLEAR.color)


def test_all_options_together():
    made = converted(CLEAR, "{mode: grey, depth: 16, alpha: white, icc: srgb}").picture
    assert (made.space, made.depth, made.alpha, made.metadata.icc) == ("grey", 16, None, None)


def test_the_conversion_that_the_encoder_suggests_works():
    assert encode(converted(CLEAR, "alpha: white").picture, "JPEG").mode == "RGB"


def test_cmyk_becomes_rgb_and_grey():
    inks = Picture(noise(3, 6, 6, 4), None, "cmyk", mode="CMYK")
    assert converted(inks, "mode: rgb").picture.space == "rgb"
    assert converted(inks, "mode: grey").picture.space == "grey"
    assert converted(inks, "alpha: drop").picture is inks


def test_grey_from_a_palette_is_written_as_grey():
    assert encode(converted(replace(CLEAR, mode="P"), "mode: grey").picture, "PNG").mode == "LA"


def test_inexact_conversions_are_noted():
    broken = replace(CLEAR, metadata=Metadata(icc=b"broken" * 40))
    assert "profile" in converted(broken, "icc: srgb").notes["convert"]
    assert "convert" not in converted(CLEAR, "icc: srgb").notes


@pytest.mark.parametrize(("text", "near"), [("mode: gray", "did you mean 'grey'"), ("depth: 12", "8 or 16")])
def test_option_values_are_checked(text, near):
    with pytest.raises(ConfigError, match=near):
        converted(CLEAR, text)
