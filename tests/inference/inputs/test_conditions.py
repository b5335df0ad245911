"""Conditions: maps, codes and values that the networks read in addition to a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiny_tasks import Painted, Plain, Tinted, loaded

from img2imgkit.bundle import Bundle
from img2imgkit.errors import ConfigError, TranslateError
from img2imgkit.images import Picture
from img2imgkit.inference import TranslateOptions, Translator, parse_condition

RNG = np.random.default_rng(3)
GREY = Picture(np.full((20, 24, 3), 128, np.uint8))
STYLE = np.zeros(3, np.float32)


@pytest.fixture(scope="module")
def tinted() -> Bundle:
    return loaded(Tinted)


@pytest.fixture(scope="module")
def painted() -> Bundle:
    return loaded(Painted)


def colour(value: int, side: int = 5) -> Picture:
    return Picture(np.full((side, side + 3, 3), value, np.uint8))


def drawing(height: int, width: int) -> Picture:
    return Picture(np.zeros((height, width, 3), np.uint8))


def test_a_value_and_a_code_change_the_picture(tinted: Bundle) -> None:
    translator = Translator(tinted, device="cpu")
    red, blue = (translator.translate(GREY, {"style": STYLE, "tint": tint}).picture.color for tint in ("red", "blue"))
    assert (red[0, 0] == np.rint(127.5 + 127.5 * np.array([0.25, -0.25, -0.25]) + 0.05)).all()
    assert (red[..., ::-1] == blue).all()
    dark = translator.translate(GREY, {"style": STYLE, "traits": {"dark": True}}).picture.color
    assert (dark < red).all()


def test_one_graph_serves_all_values_and_sizes(tinted: Bundle) -> None:
    translator = Translator(tinted, TranslateOptions(tile=16), "cpu")
    for tint in ("red", "blue"):
        translator.translate(GREY, {"style": STYLE + 0.1, "tint": tint})
    translator.translate(colour(3, 40), {"style": STYLE})
    assert [session.traces for session in translator.model.runner.sessions] == [1]  # type: ignore[attr-defined]


def test_several_pictures_are_averaged_whatever_their_depth_colours_and_sizes(tinted: Bundle) -> None:
    translator = Translator(tinted, device="cpu")
    one, other = (translator.encode("style", [colour(value)]) for value in (0, 255))
    assert np.allclose(one, -1)
    assert np.allclose(other, 1)
    grey = Picture(np.full((9, 4, 1), 65535, np.uint16), np.full((9, 4, 1), 65535, np.uint16), "grey")
    assert np.allclose(translator.encode("style", [colour(0), grey]), 0, atol=1e-6)
    assert np.allclose(translator.encode("style", [colour(0), colour(0), colour(255)]), -1 / 3)


def test_maps_are_cut_into_tiles_with_their_picture(tinted: Bundle) -> None:
    height, width = 70, 95
    hidden = np.where(RNG.random((height, width)) < 0.5, 9, 300).astype(np.int32)
    given = {"style": STYLE, "hidden": hidden}
    picture = Picture(RNG.integers(0, 256, (height, width, 3)).astype(np.uint8))
    whole = Translator(tinted, TranslateOptions(tile="off"), "cpu").translate(picture, given).picture.color
    assert ((whole == 0).all(axis=2) == (hidden == 9)).all()
    for settings in (TranslateOptions(tile=16), TranslateOptions(tile=30, batch=3), TranslateOptions(ensemble=True)):
        assert (Translator(tinted, settings, "cpu").translate(picture, given).picture.color == whole).all()


def test_a_label_map_takes_the_place_of_its_drawing(painted: Bundle) -> None:
    label = RNG.integers(0, 3, (18, 21))
    label[0, :2] = 255  # of no class
    label[5, 5], instance = 0, np.zeros((18, 21), np.int32)
    instance[5, 5] = 7
    made = Translator(painted, TranslateOptions(tile=16), "cpu").translate(
        drawing(18, 21), {"label": label, "instance": instance}
    )
    expected = np.where(label[..., None] == np.arange(3), 255, 128).astype(np.uint8)
    expected[5, 5] = 255
    assert made.picture.color.dtype == np.uint8
    assert (made.picture.color == expected).all()


def test_what_the_task_makes_of_a_map_goes_through_tiles_too(painted: Bundle) -> None:
    label = RNG.integers(0, 3, (50, 61))
    given = {"label": label, "instance": np.zeros_like(label), "seed": 3}
    whole, tiled = (
        Translator(painted, TranslateOptions(tile=tile), "cpu").translate(drawing(50, 61), given).picture.color  # type: ignore[arg-type]
        for tile in ("off", 16)
    )
    assert (whole == tiled).all()
    assert (whole[..., 0] == np.where(label == 0, 255, np.where(label == 1, 166, 128))).all()


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_precision_is_measured_with_the_sides(painted: Bundle, tinted: Bundle, precision: Any) -> None:
    label = np.zeros((9, 9), np.int32)
    settings = TranslateOptions(precision=precision)
    notes = Translator(painted, settings, "cpu").translate(drawing(9, 9), {"label": label, "instance": label}).notes
    assert notes["precision_difference"]["max"] < 2
    notes = Translator(tinted, settings, "cpu").translate(GREY, {"style": STYLE}).notes
    assert notes["precision_difference"]["max"] < 2


def test_grey_goes_through_networks_with_sides(tinted: Bundle) -> None:
    grey = Picture(np.full((9, 9, 1), 128, np.uint8), None, "grey")
    made = Translator(tinted, device="cpu").translate(grey, {"style": STYLE}).picture
    assert made.color.shape == (9, 9, 3)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"label": None}, "needs 'label'.*read-labels"),
        ({"instance": None}, "needs 'instance' .ids of objects.: read it with a read-labels step"),
        ({"instance": np.zeros((4, 9), int)}, "the instance map is 9x4 pixels, but its picture is 9x9"),
        ({"label": np.full((9, 9), 4)}, r"pixel \(0, 0\) has the id 4, but this model knows 0 to 2, and 255 for none"),
        ({"label": np.full((9, 9), -1)}, r"has the id -1"),
    ],
)
def test_maps_that_do_not_fit_are_refused(painted: Bundle, change: dict[str, Any], match: str) -> None:
    maps = {"label": np.zeros((9, 9), int), "instance": np.zeros((9, 9), int), **change}
    given = {name: each for name, each in maps.items() if each is not None}
    with pytest.raises(TranslateError, match=match):
        Translator(painted, device="cpu").translate(drawing(9, 9), given)


def test_a_missing_code_is_named_with_the_way_out(tinted: Bundle) -> None:
    with pytest.raises(TranslateError, match=r"needs 'style' \(pictures of a colour\): state it under 'inputs: style'"):
        Translator(tinted, device="cpu").translate(GREY)


def test_sides_that_the_task_has_not_are_refused(tinted: Bundle) -> None:
    with pytest.raises(ConfigError, match=r"no input 'tnt'; did you mean 'tint'.*it has style, tint"):
        Translator(tinted, device="cpu").translate(GREY, {"style": STYLE, "tnt": "red"})
    with pytest.raises(ConfigError, match="no input 'seed'; it has none"):
        parse_condition(Plain(), "seed", 1)
    with pytest.raises(ConfigError, match="input 'tint' of task 'tiny-tinted': expected one of red, blue, got 'green'"):
        parse_condition(Tinted(), "tint", "green")
    with pytest.raises(ConfigError, match="no condition 'tint' to encode pictures for; it has style"):
        Translator(tinted, device="cpu").encode("tint", [GREY])
    with pytest.raises(ConfigError, match="no pictures for 'style'"):
        Translator(tinted, device="cpu").encode("style", [])
