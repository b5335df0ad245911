"""What a description of a third-party ONNX file can say, and what runs on small pictures show, by closed forms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx_files
import pytest
from onnx_files import node

from img2imgkit.catalog import Catalog
from img2imgkit.errors import ConfigError
from img2imgkit.images import Picture
from img2imgkit.inference import Describe, TranslateOptions, Translation, Translator, find_model

RNG = np.random.default_rng(0)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def picture(
    height: int = 21, width: int = 30, channels: int = 3, dtype: Any = np.uint8, alpha: bool = False
) -> Picture:
    top = np.iinfo(dtype).max
    color, see = (RNG.integers(0, top, (height, width, c), dtype, endpoint=True) for c in (channels, 1))
    return Picture(color, see if alpha else None, "rgb" if channels == 3 else "grey")


def smooth(height: int, width: int) -> Picture:
    y, x = np.mgrid[:height, :width]
    planes = [255 * x / (width - 1), 255 * y / (height - 1), 255 - 255 * x / (width - 1)]
    return Picture(np.stack(planes, -1).astype(np.uint8), None, "rgb")


def opened(path: Path, settings: TranslateOptions | None = None, **said: Any) -> Translator:
    return Translator(find_model(str(path), Path.cwd(), Catalog(()), Describe(**said)).load(), settings, "cpu")


def made(path: Path, given: Picture, settings: TranslateOptions | None = None, **said: Any) -> Translation:
    return opened(path, settings, **said).translate(given)


def color(path: Path, given: Picture, settings: TranslateOptions | None = None, **said: Any) -> np.ndarray:
    return made(path, given, settings, **said).picture.color


def repeated(levels: np.ndarray, scale: int = 2) -> np.ndarray:
    return levels.repeat(scale, 0).repeat(scale, 1)


def scaled(path: Path, factor: Any, offset: Any) -> Path:
    """A file that computes x * factor + offset, by channel."""
    shape = {name: np.asarray(each, np.float32).reshape(1, -1, 1, 1) for name, each in (("a", factor), ("b", offset))}
    return onnx_files.write(path, [node("Mul", "x a", "m"), node("Add", "m b", "y")], **shape)


class TestValues:
    def test_mean_and_deviation_by_channel(self, tmp_path: Path) -> None:
        given = picture()
        path = scaled(tmp_path / "m.onnx", STD, MEAN)
        assert (color(path, given, mean=MEAN, std=STD) == given.color).all()
        notes = made(path, given, mean=MEAN, std=STD).notes
        assert notes["taken"]["gives"] == "unit"

    def test_they_are_in_the_models_order_and_units(self, tmp_path: Path) -> None:
        given, caffe = picture(), (103.939, 116.779, 123.68)
        path = scaled(tmp_path / "m.onnx", 1, caffe)
        assert (color(path, given, channels="bgr", values="levels", mean=caffe) == given.color).all()

    def test_one_number_is_for_all_channels(self, tmp_path: Path) -> None:
        given = picture()
        assert (color(scaled(tmp_path / "m.onnx", 0.5, 0.5), given, mean=0.5, std=0.5) == given.color).all()

    def test_an_output_can_be_normalised_likewise(self, tmp_path: Path) -> None:
        given = picture()
        path = onnx_files.identity(tmp_path / "m.onnx")
        assert (color(path, given, mean=MEAN, std=STD, gives="normalized") == given.color).all()

    def test_what_comes_out_can_have_another_range(self, tmp_path: Path) -> None:
        given = picture()
        path = scaled(tmp_path / "m.onnx", 2, -1)
        assert (color(path, given, gives="signed") == given.color).all()

    def test_logits_pass_a_sigmoid(self, tmp_path: Path) -> None:
        given = picture()
        path = scaled(tmp_path / "m.onnx", 8, -4)
        expected = 255 / (1 + np.exp(4 - 8 * given.color.astype(float) / 255))
        assert np.abs(color(path, given, gives="logits") - expected).max() <= 0.51

    def test_any_range_can_be_stretched(self, tmp_path: Path) -> None:
        given = picture()
        low, high = int(given.color.min()), int(given.color.max())
        expected = 255 * (given.color.astype(float) - low) / (high - low)
        path = scaled(tmp_path / "m.onnx", -7, 30)
        assert np.abs(255 - color(path, given, gives="stretched") - expected).max() <= 0.51

    @pytest.mark.parametrize(
        ("said", "match"),
        [
            ({"mean": (0.5, 0.5)}, r"describe\.mean: 2 numbers, but m\.onnx reads 3 channels"),
            ({"std": 0.0}, r"describe\.std: 0 cannot divide"),
        ],
    )
    def test_impossible_numbers_are_refused(self, tmp_path: Path, said: Any, match: str) -> None:
        with pytest.raises(ConfigError, match=match):
            opened(onnx_files.identity(tmp_path / "m.onnx"), **said)


class TestMargin:
    def test_a_picture_is_continued_by_the_margin_of_unpadded_convolutions(self, tmp_path: Path) -> None:
        given = picture()
        path = onnx_files.means(tmp_path / "m.onnx", side=5)
        wide = np.pad(given.color.astype(float), ((2, 2), (2, 2), (0, 0)), mode="reflect")
        expected = np.mean([wide[y : y + 21, x : x + 30] for y in range(5) for x in range(5)], axis=0)
        translation = made(path, given)
        assert np.abs(translation.picture.color - expected).max() <= 0.51
        assert translation.notes["taken"]["margin"] == 2

    @pytest.mark.parametrize("margin", [1, 2, 5, 6])
    @pytest.mark.parametrize("multiple", [1, 4])
    def test_at_a_scale_whole_and_in_tiles(self, tmp_path: Path, margin: int, multiple: int) -> None:
        given = picture(50, 61)
        path = onnx_files.enlarged_less(tmp_path / "m.onnx", margin)
        for options in (TranslateOptions(), TranslateOptions(tile=24)):
            translation = made(path, given, options, radius=3, multiple=multiple)
            assert (translation.picture.color == repeated(given.color)).all()
        assert translation.notes["tiles"] > 1
        assert "inexact" not in translation.notes

    def test_of_a_fixed_size(self, tmp_path: Path) -> None:
        given = picture(50, 61)
        path = onnx_files.enlarged_less(tmp_path / "m.onnx", 6, (1, 3, 32, 32))
        translation = made(path, given, radius=3)
        assert (translation.picture.color == repeated(given.color)).all()
        assert (translation.notes["tile"], translation.notes["taken"]["margin"]) == (26, 6)

    def test_small_pictures(self, tmp_path: Path) -> None:
        path = onnx_files.enlarged_less(tmp_path / "m.onnx", 6)
        for size in ((1, 1), (2, 3)):
            given = picture(*size)
            assert (color(path, given) == repeated(given.color)).all()

    def test_another_one_than_measured_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"describe\.margin: m\.onnx has 6, not 3"):
            opened(onnx_files.enlarged_less(tmp_path / "m.onnx", 6), margin=3)

    def test_one_that_leaves_nothing_of_a_fixed_size_is_refused(self, tmp_path: Path) -> None:
        path = onnx_files.write(
            tmp_path / "m.onnx", [node("MaxPool", "x", "y", kernel_shape=[8, 8])], {"x": (1, 3, 9, 9)}
        )
        with pytest.raises(ConfigError, match=r"describe\.margin|which is not an integer scale"):
            opened(path)


class TestConstants:
    def test_numbers_vectors_and_maps_beside_the_picture(self, tmp_path: Path) -> None:
        given = picture()
        nodes = [
            node("Cast", "whole", "w", to=1),
            node("Mul", "x scalar", "a"),
            node("Add", "a vector", "b"),
            node("Add", "b map", "c"),
            node("Add", "c w", "y"),
        ]
        inputs: dict[str, Any] = {"scalar": (), "x": onnx_files.ANY, "vector": (1, 3, 1, 1)}
        inputs |= {"map": ("n", 1, "h", "w"), "whole": ("int64", (1,))}
        path = onnx_files.write(tmp_path / "m.onnx", nodes, inputs)
        vector = [[[[0.125]], [[0.0]], [[0.25]]]]
        constants = {"scalar": 0.5, "vector": vector, "map": 0.125, "whole": 0}
        expected = np.array([0.25, 0.125, 0.375]) * 255 + given.color / 2
        assert np.abs(color(path, given, constants=constants) - expected.clip(0, 255)).max() <= 0.51
        tiled = color(path, given, TranslateOptions(tile=16), constants=constants, radius=0)
        assert np.abs(tiled - expected.clip(0, 255)).max() <= 0.51

    @pytest.mark.parametrize(
        ("constants", "match"),
        [
            ({}, r"describe\.constants: m\.onnx also reads 'level' \(float32 1 x 2\): state its value"),
            ({"strength": 1}, r"describe\.constants: m\.onnx has no input 'strength'; it has x, level"),
            ({"level": [1, 2, 3]}, r"describe\.constants\.level: \[1, 2, 3\] does not fit float32 1 x 2"),
            ({"level": "high"}, r"describe\.constants\.level: 'high' does not fit"),
        ],
    )
    def test_missing_and_wrong_ones_are_refused(self, tmp_path: Path, constants: Any, match: str) -> None:
        nodes = [node("ReduceMax", "level", "m", keepdims=0), node("Mul", "x m", "y")]
        path = onnx_files.write(tmp_path / "m.onnx", nodes, {"x": onnx_files.ANY, "level": (1, 2)})
        with pytest.raises(ConfigError, match=match):
            opened(path, constants=constants)

    def test_fractions_are_no_whole_numbers(self, tmp_path: Path) -> None:
        nodes = [node("Cast", "level", "m", to=1), node("Mul", "x m", "y")]
        path = onnx_files.write(tmp_path / "m.onnx", nodes, {"x": onnx_files.ANY, "level": ("int64", (1,))})
        with pytest.raises(ConfigError, match=r"constants\.level: 0\.5 is not whole, but m\.onnx reads int64"):
            opened(path, constants={"level": 0.5})

    def test_several_pictures_need_a_name(self, tmp_path: Path) -> None:
        path = onnx_files.write(
            tmp_path / "m.onnx", [node("Add", "x z", "y")], {"x": onnx_files.ANY, "z": onnx_files.ANY}
        )
        with pytest.raises(ConfigError, match=r"describe\.input: m\.onnx has several inputs that could be the picture"):
            opened(path)
        given = picture()
        assert (color(path, given, input="x", constants={"z": 0}) == given.color).all()
        assert (color(path, given, constants={"x": 0}) == given.color).all()


class TestAxes:
    @pytest.mark.parametrize(
        "shape", [(3, "h", "w"), ("h", "w", 3), (1, 3, "h", "w"), ("n", "h", "w", 3), (3, 16, 16), (16, 16, 3)]
    )
    def test_the_batch_can_be_left_out(self, tmp_path: Path, shape: Sequence[Any]) -> None:
        given = picture()
        assert (color(onnx_files.identity(tmp_path / "m.onnx", shape), given, radius=0) == given.color).all()

    @pytest.mark.parametrize("shape", [("h", "w"), (1, "h", "w"), ("n", "h", "w"), ("n", 1, "h", "w"), ("h", "w", 1)])
    def test_grey_needs_no_axis_of_channels(self, tmp_path: Path, shape: Sequence[Any]) -> None:
        grey = picture(channels=1)
        assert (color(onnx_files.identity(tmp_path / "m.onnx", shape), grey) == grey.color).all()

    @pytest.mark.parametrize("axes", [[1], [0, 1]])
    def test_one_value_for_each_pixel_is_a_grey_picture(self, tmp_path: Path, axes: list[int]) -> None:
        given = picture()
        nodes = [node("ReduceMean", "x one", "m", keepdims=1), node("Squeeze", "m axes", "y")]
        shape = ("n" if axes == [1] else 1, 3, "h", "w")
        path = onnx_files.write(tmp_path / "m.onnx", nodes, {"x": shape}, one=np.array([1]), axes=np.array(axes))
        assert np.abs(color(path, given)[..., 0] - given.color.mean(axis=2)).max() <= 0.51

    @pytest.mark.parametrize("axes", [[0], [1], [2]])
    def test_axes_of_length_1_can_be_too_many(self, tmp_path: Path, axes: list[int]) -> None:
        given = picture()
        path = onnx_files.write(tmp_path / "m.onnx", [node("Unsqueeze", "x axes", "y")], axes=np.array(axes))
        assert (color(path, given) == given.color).all()

    def test_an_output_can_have_another_order(self, tmp_path: Path) -> None:
        given = picture()
        path = onnx_files.write(tmp_path / "m.onnx", [node("Transpose", "x", "y", perm=[0, 2, 3, 1])])
        assert (color(path, given) == given.color).all()

    def test_a_vector_is_no_picture(self, tmp_path: Path) -> None:
        path = onnx_files.write(
            tmp_path / "m.onnx", [node("ReduceMean", "x a", "y", keepdims=0)], {"x": (1, 3, 80, 80)}, a=np.array([2, 3])
        )
        with pytest.raises(ConfigError, match=r"its output 'y' is 1 x 3, which is no picture"):
            opened(path)


class TestFit:
    def test_a_mask_of_one_size_sees_the_whole_picture(self, tmp_path: Path) -> None:
        given = smooth(90, 140)
        translation = made(onnx_files.mask(tmp_path / "m.onnx"), given)
        assert translation.picture.color.shape == (90, 140, 1)
        off = np.abs(translation.picture.color[..., 0] - given.color.mean(axis=2))[6:-6, 6:-6]
        assert off.max() <= 3
        assert (translation.notes["resized"], translation.notes["tiles"]) == ("16x16", 1)
        assert translation.notes["taken"]["fit"] == "resize"

    def test_colours_of_one_size_are_cut_into_tiles_unless_stated(self, tmp_path: Path) -> None:
        given = smooth(90, 140)
        path = onnx_files.identity(tmp_path / "m.onnx", (1, 3, 24, 16))
        assert made(path, given).notes["tiles"] > 1
        translation = made(path, given, fit="resize")
        assert translation.notes["tiles"] == 1
        assert np.abs(translation.picture.color.astype(int) - given.color)[6:-6, 6:-6].max() <= 6

    def test_a_mask_can_be_made_in_tiles(self, tmp_path: Path) -> None:
        given = picture(40, 50)
        translation = made(onnx_files.mask(tmp_path / "m.onnx"), given, fit="tiles", radius=0)
        assert np.abs(translation.picture.color[..., 0] - given.color.mean(axis=2)).max() <= 0.51
        assert translation.notes["tiles"] > 1

    def test_a_model_of_any_size_runs_at_a_stated_one(self, tmp_path: Path) -> None:
        translation = made(onnx_files.mask(tmp_path / "m.onnx", onnx_files.ANY), smooth(90, 140), size=(32, 48))
        assert (translation.notes["resized"], translation.picture.color.shape) == ("32x48", (90, 140, 1))

    def test_an_output_of_another_size_is_resized_as_well(self, tmp_path: Path) -> None:
        nodes = [node("ReduceMean", "x one", "m", keepdims=1), node("AveragePool", "m", "y", kernel_shape=[3, 3])]
        path = onnx_files.write(tmp_path / "m.onnx", nodes, {"x": (1, 3, 16, 16)}, one=np.array([1]))
        assert made(path, smooth(90, 140)).picture.color.shape == (90, 140, 1)

    def test_tiles_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"tile 64: m\.onnx allows no tiles"):
            opened(onnx_files.mask(tmp_path / "m.onnx"), TranslateOptions(tile=64))
        with pytest.raises(ConfigError, match=r"describe\.fit: m\.onnx takes pictures of any size: state 'size'"):
            opened(onnx_files.identity(tmp_path / "m.onnx"), fit="resize")
        with pytest.raises(ConfigError, match=r"describe\.gives: 'stretched' needs whole pictures"):
            opened(onnx_files.identity(tmp_path / "m.onnx", (1, 3, 16, 16)), gives="stretched")


class TestAlpha:
    def test_a_mask_becomes_alpha(self, tmp_path: Path) -> None:
        path = onnx_files.mask(tmp_path / "m.onnx", onnx_files.ANY)
        for dtype in (np.uint8, np.uint16):
            given = picture(dtype=dtype)
            cut = made(path, given, as_alpha=True).picture
            assert (cut.color == given.color).all()
            assert cut.alpha is not None
            assert np.abs(cut.alpha[..., 0] - given.color.mean(axis=2)).max() <= 1.1

    def test_it_multiplies_the_alpha_that_is_there(self, tmp_path: Path) -> None:
        given = picture(alpha=True)
        path = onnx_files.mask(tmp_path / "m.onnx", onnx_files.ANY)
        (cut, plain) = (
            made(path, each, as_alpha=True).picture.alpha for each in (given, given.with_pixels(given.color, None))
        )
        assert cut is not None
        assert plain is not None
        assert given.alpha is not None
        assert np.abs(cut - plain.astype(float) * given.alpha / 255).max() <= 3  # hidden colours are filled

    def test_a_picture_is_no_mask(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"describe\.as_alpha: m\.onnx must read colours and write one channel"):
            opened(onnx_files.identity(tmp_path / "m.onnx"), as_alpha=True)

    def test_four_channels_are_colour_and_alpha(self, tmp_path: Path) -> None:
        path = onnx_files.identity(tmp_path / "m.onnx", ("n", 4, "h", "w"))
        for dtype in (np.uint8, np.uint16):
            given = picture(60, 70, dtype=dtype, alpha=True)
            given = given.with_pixels(given.color, np.maximum(given.alpha, 1))
            for options in (TranslateOptions(), TranslateOptions(tile=32)):
                same = made(path, given, options).picture
                assert (same.color == given.color).all()
                assert (same.alpha == given.alpha).all()

    def test_bgra_exchanges_red_and_blue_only(self, tmp_path: Path) -> None:
        nodes = [node("Mul", "x keep", "y")]
        keep = np.array([1, 0, 0, 1], np.float32).reshape(1, 4, 1, 1)
        path = onnx_files.write(tmp_path / "m.onnx", nodes, {"x": ("n", 4, "h", "w")}, keep=keep)
        given = picture(alpha=True)
        given = given.with_pixels(given.color, np.maximum(given.alpha, 1))
        same = made(path, given, channels="bgra").picture
        assert (same.color == given.color * (np.arange(3) == 2)).all()
        assert (same.alpha == given.alpha).all()

    def test_a_picture_without_alpha_is_opaque_to_it(self, tmp_path: Path) -> None:
        given = picture()
        same = made(onnx_files.identity(tmp_path / "m.onnx", ("n", 4, "h", "w")), given).picture
        assert (same.color == given.color).all()
        assert same.alpha is not None
        assert (same.alpha == 255).all()

    def test_four_channels_can_come_out_of_colour(self, tmp_path: Path) -> None:
        nodes = [node("ReduceMax", "x one", "m", keepdims=1), node("Concat", "x m", "y", axis=1)]
        given = picture()
        cut = made(onnx_files.write(tmp_path / "m.onnx", nodes, one=np.array([1])), given).picture
        assert (cut.color == given.color).all()
        assert cut.alpha is not None
        assert (cut.alpha[..., 0] == given.color.max(axis=2)).all()


class TestMeasured:
    def test_the_scale_that_a_graph_does_not_tell(self, tmp_path: Path) -> None:
        given = picture()
        translation = made(onnx_files.secretly_enlarging(tmp_path / "m.onnx", 3), given)
        assert (translation.picture.color == repeated(given.color, 3)).all()
        taken = translation.notes["taken"]
        assert (taken["scale"], taken["measured"]) == (3, True)
        with pytest.raises(ConfigError, match=r"describe\.scale: m\.onnx has 3, not 2"):
            opened(onnx_files.secretly_enlarging(tmp_path / "m.onnx", 3), scale=2)

    def test_that_of_a_fixed_size(self, tmp_path: Path) -> None:
        given = picture()
        path = onnx_files.secretly_enlarging(tmp_path / "m.onnx", 2, (1, 3, 16, 16))
        assert (color(path, given, radius=0) == repeated(given.color)).all()

    @pytest.mark.parametrize("block", [2, 8, 14])
    def test_the_multiple(self, tmp_path: Path, block: int) -> None:
        given = picture(33, 41)
        translation = made(onnx_files.in_blocks(tmp_path / "m.onnx", block), given)
        assert (translation.picture.color == given.color).all()
        assert translation.notes["taken"]["multiple"] == block

    def test_sizes_that_follow_no_rule_are_refused(self, tmp_path: Path) -> None:
        nodes = [node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[2, 2])]
        with pytest.raises(ConfigError, match=r"maps 49x50 to 24x25 pixels, which is not an integer scale"):
            opened(onnx_files.write(tmp_path / "m.onnx", nodes))

    def test_several_outputs_are_chosen_by_name(self, tmp_path: Path) -> None:
        given = picture()
        nodes = [node("Identity", "x", "y"), node("Neg", "x", "z")]
        path = onnx_files.write(tmp_path / "m.onnx", nodes, outputs=("y", "z"))
        assert (color(path, given, output="y") == given.color).all()
        assert (color(path, given, output="z") == 0).all()
        with pytest.raises(ConfigError, match=r"describe\.output: m\.onnx has the outputs y, z: state one of them"):
            opened(path)


class TestBeyond:
    def test_values_far_beyond_the_range_are_noted(self, tmp_path: Path) -> None:
        given = smooth(20, 30)
        notes = made(scaled(tmp_path / "m.onnx", 255, 0), given).notes
        assert notes["beyond"].endswith("may state wrongly: 0 to 255 of 0 to 1")
        assert "beyond" not in made(scaled(tmp_path / "m.onnx", 255, 0), given, gives="levels").notes

    def test_some_overshooting_is_not(self, tmp_path: Path) -> None:
        assert "beyond" not in made(scaled(tmp_path / "m.onnx", 1.4, -0.2), smooth(20, 30)).notes
