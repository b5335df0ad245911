"""Sizes, crops and filters: those of the official code of pix2pix and CycleGAN. Colour jitter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from img2imgkit.data.framing import FramedOptions, Framing, Jitter, Preprocess, jittered, mixed_sizes, resized_to, sides
from img2imgkit.task import Geometry

OFFICIAL = Path(__file__).parents[1] / "fixtures" / "preprocess.npz"
UNIT = np.random.default_rng(0).uniform(-0.5, 0.5, (6, 7, 3)).astype(np.float32)


def framing(preprocess: Preprocess = "resize_and_crop", **changes: int | bool | tuple[int, int]) -> Framing:
    stated = {"resize": 286, "crop": 256, "flip": True, **changes}
    return Framing(preprocess, **{**stated, "crop": sides(stated["crop"])})  # type: ignore[arg-type]


# Width and height of pictures, before and after `get_transform` of the official code.
@pytest.mark.parametrize(
    ("size", "whole", "scaled"),
    [
        ((100, 63), (100, 64), (286, 256)),
        ((256, 256), (256, 256), (286, 286)),
        ((301, 517), (300, 516), (286, 491)),
        ((1025, 511), (1024, 512), (286, 256)),
        ((64, 48), (64, 48), (286, 256)),
    ],
)
def test_sizes_are_those_of_the_official_code(
    size: tuple[int, int], whole: tuple[int, int], scaled: tuple[int, int]
) -> None:
    assert framing("none").resized(size) == whole
    assert framing("scale_width").resized(size) == scaled
    assert framing("resize_and_crop").resized(size) == (286, 286)
    assert framing("crop").resized(size) == size


@pytest.mark.parametrize(
    ("size", "multiple", "whole"),
    [((100, 63), 16, (96, 64)), ((301, 517), 16, (304, 512)), ((301, 517), 32, (288, 512)), ((64, 48), 32, (64, 64))],
)
def test_whole_pictures_are_rounded_to_what_the_task_needs(
    size: tuple[int, int], multiple: int, whole: tuple[int, int]
) -> None:
    """As pix2pixHD (16) and SPADE (32) round them."""
    assert framing("none", multiple=multiple).resized(size) == whole


def test_a_picture_of_the_right_width_is_left_alone() -> None:
    assert framing("scale_width").resized((286, 300)) == (286, 300)
    assert framing("scale_width").resized((286, 100)) == (286, 256)


def test_filters_crop_and_mirror_are_those_of_the_official_code() -> None:
    with np.load(OFFICIAL) as official:
        picture = official["picture"]
        np.testing.assert_array_equal(resized_to(picture, (40, 30)), official["bicubic_40x30"])
        assert resized_to(picture, (56, 48)) is picture
        window = framing("none").window(np.random.default_rng(0), picture)
        np.testing.assert_array_equal(window.of(picture), picture[:, ::-1] if window.mirrored else picture)
        mirrored = type(window)(0, 0, 56, 48, mirrored=True)
        np.testing.assert_array_equal(mirrored.of(picture), official["flip"])
        np.testing.assert_array_equal(type(window)(5, 3, 20, 20).of(picture), official["crop_5_3_20"])


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bit_pictures_are_resized_at_their_own_depth(channels: int) -> None:
    ramp = np.broadcast_to(np.linspace(0, 65535, 64)[:, None, None], (64, 8, channels)).astype(np.uint16)
    small = resized_to(ramp, (8, 32))
    assert small.dtype == np.uint16
    assert small.shape == (32, 8, channels)
    expected = np.asarray(Image.fromarray(ramp[..., 0].astype(np.float32)).resize((8, 32), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(small[..., 0], expected, atol=1)


def test_every_crop_lies_inside_and_every_corner_is_reached() -> None:
    pixels = np.zeros((6, 7, 1), np.uint8)
    cut = framing("crop", crop=5)
    random = np.random.default_rng(0)
    windows = [cut.window(random, pixels) for _ in range(300)]
    assert {(w.left, w.top) for w in windows} == {(left, top) for left in range(3) for top in range(2)}
    assert {w.mirrored for w in windows} == {False, True}
    assert all(w.of(pixels).shape == (5, 5, 1) for w in windows)


def test_without_flip_nothing_is_mirrored() -> None:
    random = np.random.default_rng(0)
    assert not any(framing("none", flip=False).window(random, np.zeros((4, 4, 1))).mirrored for _ in range(50))


def test_probe_images_are_centre_crops() -> None:
    pixels = np.arange(49, dtype=np.uint8).reshape(7, 7, 1)
    seen = framing("crop", crop=3).middle_of(pixels)
    np.testing.assert_array_equal(np.rint((seen + 1) * 127.5)[0, ..., 0], pixels[2:5, 2:5, 0])


@pytest.mark.parametrize(
    ("cut", "size", "problem"),
    [
        (framing("crop", crop=64), (100, 63), "100x63 is smaller than the crop of 64"),
        (framing("scale_width", multiple=4), (301, 517), "is resized to 286x491, but this task needs multiples of 4"),
        (framing("none", multiple=32, minimum=32), (10, 90), "is resized to 0x96, but this task needs at least 32"),
        (framing("scale_width_and_crop"), (1025, 100), None),
        (framing("resize_and_crop"), (10, 10), None),
    ],
)
def test_unusable_sizes_are_problems(cut: Framing, size: tuple[int, int], problem: str | None) -> None:
    found = cut.problem(size)
    assert found is None if problem is None else found is not None and problem in found


def test_several_sizes_are_a_problem_in_batches_only() -> None:
    sizes = {"a": (4, 4), "b": (4, 8)}
    assert mixed_sizes(sizes, 1) == []
    assert mixed_sizes({"a": (4, 4), "b": (4, 4)}, 2) == []
    [problem] = mixed_sizes(sizes, 2)
    assert "data.batch: pictures have 2 sizes after preprocessing (a 4x4, b 4x8)" in problem


def grey(unit: np.ndarray) -> np.ndarray:
    weighted: np.ndarray = unit @ np.asarray((0.299, 0.587, 0.114))
    return weighted


def test_factors_of_one_change_nothing() -> None:
    np.testing.assert_allclose(jittered(UNIT, (1, 1, 1)), UNIT, atol=1e-6)


def test_brightness_multiplies_levels() -> None:
    np.testing.assert_allclose(jittered(UNIT, (0.5, 1, 1)), (UNIT + 1) * 0.5 - 1, atol=1e-6)


def test_contrast_moves_away_from_the_mean_grey() -> None:
    mean = grey(UNIT).mean()
    np.testing.assert_allclose(jittered(UNIT, (1, 0.5, 1)), mean + (UNIT - mean) * 0.5, atol=1e-6)


def test_no_saturation_is_grey() -> None:
    changed = jittered(UNIT, (1, 1, 0))
    np.testing.assert_allclose(changed, np.repeat(grey(UNIT)[..., None], 3, axis=2), atol=1e-6)


def test_levels_stay_in_range_and_type() -> None:
    for unit in (UNIT, UNIT[..., :1]):
        changed = jittered(unit * 2, (2, 2, 2))
        assert changed.dtype == np.float32
        assert changed.shape == unit.shape
        assert np.abs(changed).max() <= 1


def test_factors_are_drawn_around_one() -> None:
    random = np.random.default_rng(0)
    drawn = np.asarray([Jitter(brightness=0.3, contrast=0.0, saturation=0.1).factors(random) for _ in range(500)])
    assert (np.abs(drawn - 1).max(axis=0) <= np.asarray((0.3, 0.0, 0.1)) + 1e-12).all()
    assert np.allclose(drawn.mean(axis=0), 1, atol=0.03)
    assert drawn[:, 0].std() > 0.1


def test_a_crop_has_two_sides_on_request() -> None:
    pixels = np.arange(50 * 40 * 3, dtype=np.uint8).reshape(50, 40, 3)
    random = np.random.default_rng(0)
    tall = framing("crop", crop=(32, 16))  # height and width
    assert {tall.window(random, pixels).of(pixels).shape for _ in range(20)} == {(32, 16, 3)}
    assert tall.middle_of(pixels).shape == (1, 32, 16, 3)
    assert tall.framed((40, 50)) == (16, 32)
    assert tall.problem((16, 32)) is None
    assert tall.problem((32, 16)) == "32x16 is smaller than the crop of 16x32"
    assert framing("scale_width", resize=20, crop=(32, 16)).resized((40, 10)) == (20, 32)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"crop": (32, 30)}, ["expected a multiple of 4 for this task, got 30"]),
        ({"crop": (32, 64), "resize": 40}, ["64 is larger than 'resize' (40)"]),
        ({"crop": (64, 32), "resize": 40, "preprocess": "scale_width_and_crop"}, []),
        ({"crop": (64, 32), "resize": 40, "preprocess": "crop"}, []),
    ],
)
def test_both_sides_of_a_crop_are_checked(stated: dict[str, Any], said: list[str]) -> None:
    options = FramedOptions.model_validate({"kind": "some", **stated})
    assert [problem for _, problem in options.data_problems(Geometry(multiple=4))] == said
