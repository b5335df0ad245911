"""Transparency is kept: no dark fringe, and opaque pictures stay opaque."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tiny_tasks
from tiny_tasks import Plain, loaded

import img2imgkit as kit
from img2imgkit.images import Picture
from img2imgkit.inference import TranslateOptions, Translator
from img2imgkit.inference.inputs import channels
from img2imgkit.inference.inputs.channels import apart, filled, levels_read, resampled, to_model

SIDE = 48
RNG = np.random.default_rng(0)


class Filter(tiny_tasks._Tiny):
    """Upsampling by 2 with a linear filter, as one convolution."""

    name = "tiny-filter"
    radius = 2

    class Options(tiny_tasks._Tiny.Options):
        bicubic: bool = True  # with a = -1/2, which overshoots at edges; else bilinear, which does not

    def network(self, image: Any) -> Any:
        from keras import layers, ops

        return ops.depth_to_space(layers.Conv2D(12, 5, padding="same", use_bias=False)(image), 2)

    def build(self) -> kit.Networks:
        nets = super().build()
        sharp = [-0.0234375, 0.2265625, 0.8671875, -0.0703125, 0]  # at 7/4, 3/4, 1/4 and 5/4 pixels
        phase = np.array(sharp if self.options.bicubic else [0, 0.25, 0.75, 0, 0])
        kernel = np.zeros((5, 5, 3, 4, 3))
        for number, (row, column) in enumerate([(phase, phase), (phase, phase[::-1]), (phase[::-1], phase)]):
            kernel[..., number, :] = np.outer(row, column)[..., None, None] * np.eye(3)
        kernel[..., 3, :] = np.outer(phase[::-1], phase[::-1])[..., None, None] * np.eye(3)
        nets["generator"].set_weights([kernel.reshape(5, 5, 3, 12)])
        return nets


def disk(dtype: Any, hidden: int, edge: float = 1) -> Picture:
    """A disk of smooth colours with a soft edge in alpha, and the colour ``hidden`` outside."""
    top = np.iinfo(dtype).max
    y, x = np.mgrid[:SIDE, :SIDE]
    alpha = np.clip((15 - np.hypot(y - 23.5, x - 23.5)) / edge, 0, 1)[..., None]
    color = np.stack([120 + x, 200 - y, 90 + (x + y) // 2], axis=-1) / 255
    color[alpha[..., 0] == 0] = hidden
    return Picture((color * top).round().astype(dtype), (alpha * top).round().astype(dtype))


def over(picture: Picture, background: tuple[int, int, int]) -> np.ndarray:
    """The picture over a colour, in levels of 255."""
    assert picture.alpha is not None
    top = np.iinfo(picture.color.dtype).max
    see = picture.alpha / top
    return np.asarray(picture.color * (255 / top) * see + np.array(background) * (1 - see))


@pytest.fixture(scope="module")
def bicubic() -> Translator:
    return Translator(loaded(Filter), TranslateOptions(tile=24), "cpu")


@pytest.fixture(scope="module")
def bilinear() -> Translator:
    return Translator(loaded(Filter, bicubic=False), TranslateOptions(tile=24, alpha="model"), "cpu")


INSIDE = np.s_[8:-8, 8:-8]  # these convolutions pad with grey at the border


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), (255, 0, 0)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("hidden", [0, 1])
@pytest.mark.parametrize(("translator", "edge"), [("bilinear", 1), ("bicubic", 12)])
def test_no_fringe_over_any_background(
    translator: str,
    edge: float,
    background: tuple[int, int, int],
    dtype: Any,
    hidden: int,
    request: pytest.FixtureRequest,
) -> None:
    translate = request.getfixturevalue(translator).translate
    given = disk(dtype, hidden, edge)
    expected = translate(Picture(over(given, background).round().astype(np.uint8))).picture.color.astype(float)
    found = over(translate(given).picture, background)
    assert np.abs(found - expected)[INSIDE].max() <= 2


@pytest.mark.parametrize("hidden", [0, 1])
def test_without_filling_there_would_be_a_fringe(bilinear: Translator, hidden: int) -> None:
    given = disk(np.uint8, hidden)
    plain = bilinear.translate(given.with_pixels(given.color, None)).picture.color
    good = bilinear.translate(given).picture
    bad = good.with_pixels(plain, good.alpha)
    assert np.abs(over(bad, (255, 0, 0)) - over(good, (255, 0, 0))).max() > 10


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("mode", ["resample", "model"])
@pytest.mark.parametrize("share", [0, 1])
def test_constant_alpha_stays_exactly_constant(dtype: Any, mode: Any, share: int) -> None:
    alpha = np.full((9, 7, 1), share * np.iinfo(dtype).max, dtype)
    given = Picture(np.random.default_rng(0).integers(0, 255, (9, 7, 3)).astype(dtype), alpha)
    made = Translator(loaded(Plain, scale=4), TranslateOptions(alpha=mode), "cpu").translate(given).picture
    assert made.alpha is not None
    assert made.alpha.shape == (36, 28, 1)
    assert (made.alpha == alpha[0, 0]).all()


def test_alpha_at_scale_one_is_unchanged() -> None:
    given = disk(np.uint16, 0)
    made = Translator(loaded(Plain, scale=1), device="cpu").translate(given).picture
    assert (made.alpha == given.alpha).all()


def test_alpha_can_be_scaled_by_the_network(bicubic: Translator) -> None:
    through = Translator(bicubic.bundle, TranslateOptions(alpha="model"), "cpu").translate(disk(np.uint8, 0)).picture
    beside = bicubic.translate(disk(np.uint8, 0)).picture
    assert through.alpha is not None
    assert beside.alpha is not None
    assert np.abs(through.alpha[INSIDE].astype(int) - beside.alpha[INSIDE]).max() <= 1  # the same filter


def test_grey_with_alpha_stays_grey(bicubic: Translator) -> None:
    color = disk(np.uint8, 0)
    made = bicubic.translate(Picture(color.color[..., :1].copy(), color.alpha, "grey")).picture
    assert made.space == "grey"
    assert made.alpha is not None
    assert made.color.shape == made.alpha.shape == (96, 96, 1)


def test_only_fully_transparent_pixels_are_filled() -> None:
    given = disk(np.uint8, 0)
    assert given.alpha is not None
    found = filled(given.color, given.alpha)
    seen = given.alpha[..., 0] > 0
    assert (found[seen] == given.color[seen]).all()
    assert (found[~seen].max(axis=-1) > 80).all()


def test_holes_get_the_alpha_weighted_colour_around_them() -> None:
    color = np.array([[[200], [0], [100], [50]]], np.uint8)
    alpha = np.array([[[255], [0], [255], [0]]], np.uint8)
    assert filled(color, alpha)[0, :, 0].tolist() == [200, 200, 100, 100]
    soft = np.array([[[255], [0]], [[85], [0]]], np.uint8)
    assert filled(np.array([[[200], [0]], [[100], [0]]], np.uint8), soft)[:, 1, 0].tolist() == [175, 175]


@pytest.mark.parametrize("value", [0, 255])
def test_nothing_is_filled_if_all_or_no_pixels_are_visible(value: int) -> None:
    color = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    assert filled(color, np.full((4, 5, 1), value, np.uint8)) is color


@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (31, 2), (33, 65)])
def test_one_visible_pixel_fills_everything(shape: tuple[int, int]) -> None:
    color, alpha = np.zeros((*shape, 3), np.uint16), np.zeros((*shape, 1), np.uint16)
    color[-1, 0], alpha[-1, 0] = (1000, 30000, 65535), 1
    assert (filled(color, alpha) == color[-1, 0]).all()


def test_alpha_is_clipped_and_rounded_not_wrapped() -> None:
    alpha = np.zeros((8, 8, 1), np.uint8)
    alpha[:, 4:] = 255
    found = resampled(alpha, 4)[16, :, 0].astype(int)
    assert (found[:8] == 0).all()
    assert (found[24:] == 255).all()
    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize("height", [255, 256, 257, 700])
def test_tall_pictures_are_processed_in_blocks_without_a_seam(height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    color = rng.integers(0, 256, (height, 9, 3), dtype=np.uint8)
    alpha = (rng.integers(0, 256, (height, 9, 1)) * (rng.random((height, 9, 1)) > 0.8)).astype(np.uint8)
    portions = filled(color, alpha), resampled(alpha, 3)
    monkeypatch.setattr(channels, "_PORTION", 10_000)
    assert (portions[0] == filled(color, alpha)).all()
    assert (portions[1] == resampled(alpha, 3)).all()


@pytest.mark.parametrize("written", [1, 3])
def test_networks_of_one_channel_read_luma_unless_they_improve_each_channel(written: int) -> None:
    geometry = kit.Geometry(channels=1, output_channels=written)
    given = disk(np.uint8, 0)
    seen = to_model(given, geometry, keeps_grey=False)
    weights = np.array([0.299, 0.587, 0.114])
    visible = given.alpha[..., 0] > 0  # type: ignore[index]
    assert seen.space == "grey"
    assert np.abs(seen.color[..., 0] - given.color @ weights)[visible].max() <= 0.5
    assert to_model(given, geometry, keeps_grey=True).space == ("rgb" if written == 1 else "grey")


def test_networks_that_read_alpha_see_it_and_hidden_colours() -> None:
    geometry, given = kit.Geometry(channels=4), disk(np.uint8, 1)
    seen = to_model(given, geometry, keeps_grey=True)
    both = levels_read(seen, geometry)
    np.testing.assert_array_equal(both, np.concatenate([given.color, given.alpha], axis=-1))  # type: ignore[list-item]
    color, alpha = apart(both, given.alpha)
    np.testing.assert_array_equal(color, given.color)
    np.testing.assert_array_equal(alpha, given.alpha)
    opaque = levels_read(seen.with_pixels(seen.color, None), geometry)
    assert opaque.shape[2] == 4
    assert (opaque[..., 3] == 255).all()
    assert levels_read(seen, kit.Geometry()) is seen.color


def test_alpha_that_is_missing_or_opaque_stays_so() -> None:
    made = RNG.integers(0, 65536, (4, 6, 2), dtype=np.uint16)
    assert apart(made, None)[1] is None
    color, alpha = apart(made, np.full((2, 3, 1), 65535, np.uint16))
    np.testing.assert_array_equal(color, made[..., :1])
    assert (alpha == 65535).all()


@pytest.mark.parametrize("keeps_grey", [False, True])
def test_grey_pictures_become_colour_for_networks_of_four_channels_unless_kept(keeps_grey: bool) -> None:
    grey = Picture(RNG.integers(0, 256, (2, 3, 1), dtype=np.uint8), None, "grey")
    assert to_model(grey, kit.Geometry(channels=4), keeps_grey).space == ("grey" if keeps_grey else "rgb")


def test_networks_never_see_hidden_colours() -> None:
    given = disk(np.uint8, 1)
    for count in (1, 3):
        seen = to_model(given, kit.Geometry(channels=count), keeps_grey=False)
        assert seen.color[0, 0, 0] < 200  # the stored colour is white
        assert (seen.alpha == given.alpha).all()
