"""Translators: sizes, depths, channels, tiles, memory, NaN, precision, ensemble."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tiny_tasks import Directed, Nearest, Normed, Plain, Recoloured, Reflecting, Strided, loaded

from img2imgkit.bundle import Bundle
from img2imgkit.engine import OutOfMemory, Session
from img2imgkit.errors import ConfigError, TranslateError
from img2imgkit.images import Metadata, Picture, scratch, to_grey, to_unit
from img2imgkit.inference import TranslateOptions, Translator
from img2imgkit.inference.tiles.grid import Grid

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def plain() -> Bundle:
    return loaded(Plain)


@pytest.fixture(scope="module")
def strided() -> Bundle:
    return loaded(Strided)


@pytest.fixture(scope="module")
def normed() -> Bundle:
    return loaded(Normed)


def picture(height: int, width: int, channels: int = 3, dtype: Any = np.uint8, alpha: bool = False) -> Picture:
    top = np.iinfo(dtype).max
    color = RNG.integers(0, top, (height, width, channels), dtype, endpoint=True)
    see = RNG.integers(0, top, (height, width, 1), dtype, endpoint=True) if alpha else None
    return Picture(color, see, "rgb" if channels == 3 else "grey")


def rows(translator: Translator, color: np.ndarray, grid: Grid | None = None) -> np.ndarray:
    """The translator's output in floats, before it is converted to levels."""
    scale = translator.geometry.scale
    whole = np.full((scale * color.shape[0], scale * color.shape[1], color.shape[2]), np.nan, np.float32)

    def give(start: int, part: np.ndarray) -> None:
        whole[start : start + len(part)] = part

    translator.render(color, give, grid)
    assert np.isfinite(whole).all()
    return whole


class Failing(Session):
    """Wraps a session: after ``first`` calls, tiles with a side over ``most`` pixels run out of memory."""

    def __init__(self, translator: Translator, most: int, first: int = 0, error: type[Exception] = OutOfMemory) -> None:
        self.inner, self.most, self.first, self.error = translator.model.runner.sessions[0], most, first, error
        self.calls = self.failures = 0
        translator.model.runner.sessions[0] = self

    def __call__(self, inputs: Any) -> Any:
        self.calls += 1
        if max(inputs["source"].shape[1:3]) > self.most and self.calls > self.first:
            self.failures += 1
            raise self.error("OOM when allocating tensor")
        return self.inner(inputs)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (2, 3), (5, 1), (13, 31), (64, 40)])
@pytest.mark.parametrize("task", ["plain", "strided", "normed"])
def test_every_size_gives_exactly_scale_times_the_size(
    task: str, height: int, width: int, request: pytest.FixtureRequest
) -> None:
    bundle = request.getfixturevalue(task)
    made = Translator(bundle, device="cpu").translate(picture(height, width))
    scale = bundle.task.geometry().scale
    assert made.picture.color.shape == (scale * height, scale * width, 3)
    assert made.notes == {"tile": "whole", "tiles": 1}


def test_small_pictures_are_padded_by_reflection_to_the_multiple(strided: Bundle) -> None:
    given = picture(5, 3)
    padded = Picture(np.pad(given.color, ((0, 3), (0, 1), (0, 0)), mode="reflect"))
    translator = Translator(strided, device="cpu")
    assert (translator.translate(given).picture.color == translator.translate(padded).picture.color[:5, :3]).all()


@pytest.mark.parametrize(
    ("task", "tile"), [("plain", 16), ("plain", 33), ("plain", 64), ("strided", 60), ("strided", 72)]
)
@pytest.mark.parametrize(
    "settings", [{}, {"batch": 3}, {"overlap": 52}, pytest.param({"ensemble": True}, marks=pytest.mark.slow)]
)
def test_tiles_equal_the_whole_picture(
    task: str, tile: int, settings: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    bundle = request.getfixturevalue(task)
    color = picture(97, 131, dtype=np.uint16).color
    tile = max(tile, 110 if "overlap" in settings else 0)
    tiled = Translator(bundle, TranslateOptions(tile=tile, **settings), "cpu")
    whole = Translator(bundle, TranslateOptions(tile="off", ensemble=tiled.options.ensemble), "cpu")
    grid = tiled.tiling.grid(97, 131)
    assert grid.exact
    assert grid.tiles > 1
    assert np.abs(rows(tiled, color) - rows(whole, color)).max() <= 1e-5


@pytest.mark.parametrize("alpha", [False, True])
def test_a_large_picture_is_translated_into_a_file_with_the_same_pixels(
    plain: Bundle, alpha: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, translator = picture(150, 90, alpha=alpha), Translator(plain, TranslateOptions(tile=64))
    whole = translator.translate(given).picture
    monkeypatch.setattr(scratch, "LARGE", 64)
    large = translator.translate(given).picture
    assert scratch.is_in_file(large.color)
    assert np.array_equal(large.color, whole.color)
    assert (large.alpha is None) == (not alpha)
    assert large.alpha is None or np.array_equal(large.alpha, whole.alpha)


def test_tiles_with_too_little_overlap_differ_and_note_it(plain: Bundle) -> None:
    color = picture(97, 131).color
    tiled = Translator(plain, TranslateOptions(tile=40, overlap=2), "cpu")
    assert np.abs(rows(tiled, color) - rows(Translator(plain, TranslateOptions(tile="off"), "cpu"), color)).max() > 1e-4
    assert "less than 6 pixels" in tiled.translate(Picture(color)).notes["inexact"]


def test_tiles_of_a_network_with_global_statistics_are_noted_as_inexact(normed: Bundle) -> None:
    made = Translator(normed, TranslateOptions(tile=64), "cpu")
    given = picture(97, 131)
    assert "every output pixel depends on the whole picture" in made.translate(given).notes["inexact"]
    assert "inexact" not in Translator(normed, device="cpu").translate(given).notes
    difference = made.tiling_difference(given)
    assert 0 < difference["mean"] < difference["max"]


def test_tiling_makes_no_difference_for_a_convolutional_network(plain: Bundle) -> None:
    assert Translator(plain, TranslateOptions(tile=40), "cpu").tiling_difference(picture(60, 70))["max"] < 1e-3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("network", [1, 3])
@pytest.mark.parametrize("tile", [16, "off"])
def test_every_level_of_every_depth_and_space_is_preserved_exactly(
    dtype: Any, channels: int, network: int, tile: int | str
) -> None:
    given = picture(40, 30, channels, dtype)
    made = Translator(loaded(Nearest, channels=network), TranslateOptions(tile=tile), "cpu").translate(given)
    assert made.picture.color.dtype == dtype
    assert made.picture.space == given.space
    assert (made.picture.color == given.color.repeat(2, axis=0).repeat(2, axis=1)).all()


def test_grey_is_repeated_for_a_colour_network(plain: Bundle) -> None:
    grey = picture(20, 21, 1)
    translator = Translator(plain, device="cpu")
    color = rows(translator, np.repeat(grey.color, 3, axis=-1))
    assert rows(translator, grey.color) == pytest.approx(color.mean(axis=-1, keepdims=True), abs=1e-6)
    assert translator.translate(grey).picture.space == "grey"


def test_a_grey_network_processes_colour_channel_by_channel() -> None:
    bundle = loaded(Plain, channels=1)
    given = picture(20, 21, 3)
    translator = Translator(bundle, TranslateOptions(tile=16, batch=2), "cpu")
    apart = [rows(translator, given.color[..., i : i + 1]) for i in range(3)]
    assert rows(translator, given.color) == pytest.approx(np.concatenate(apart, axis=-1), abs=1e-6)


@pytest.mark.parametrize("height", [1, 5, 11, 12, 13, 30])
def test_pictures_below_the_minimum_size_are_padded_by_reflection_and_cropped(height: int) -> None:
    translator = Translator(loaded(Reflecting), device="cpu")
    given = picture(height, 7)
    made = translator.translate(given).picture
    least = -(-max(12, height) // 4) * 4
    mode: Any = "edge" if height == 1 else "reflect"
    columns = np.pad(given.color, ((0, 0), (0, 5), (0, 0)), mode="reflect")
    padded = Picture(np.pad(columns, ((0, least - height), (0, 0), (0, 0)), mode=mode))
    assert (made.color == translator.translate(padded).picture.color[:height, :7]).all()
    assert made.color.shape == (height, 7, 3)


@pytest.mark.parametrize("tile", [16, 20, 28])
def test_tiles_are_never_smaller_than_the_minimum_size(tile: int) -> None:
    color = picture(61, 50).color
    tiled = Translator(loaded(Reflecting), TranslateOptions(tile=tile, overlap=2), "cpu")
    assert tiled.tiling.grid(61, 50).tiles > 4
    assert min(tiled.tiling.grid(61, 50).extent) >= 12
    whole = Translator(loaded(Reflecting), TranslateOptions(tile="off"), "cpu")
    assert np.abs(rows(tiled, color) - rows(whole, color)).max() <= 1e-5


def test_a_colour_translation_of_grey_is_in_colour() -> None:
    """Edges in a grey file become a photograph in colour."""
    translator = Translator(loaded(Recoloured), device="cpu")
    grey = picture(20, 21, 1)
    drawn = Picture(grey.color.repeat(3, axis=2))
    made = translator.translate(grey).picture
    assert (made.space, made.mode) == ("rgb", "RGB")
    assert (made.color == translator.translate(drawn).picture.color).all()
    assert (made.color != made.color[..., :1]).any()


def test_a_network_from_grey_to_colour_colourises_grey() -> None:
    bundle = loaded(Recoloured, channels=1)
    grey = picture(20, 21, 1)
    made = Translator(bundle, device="cpu").translate(grey).picture
    expected = np.asarray(bundle.nets["generator"](to_unit(grey.color)[None]))[0]
    assert made.color.shape == (20, 21, 3)
    assert made.color == pytest.approx((expected.clip(-1, 1) + 1) * 127.5, abs=0.51)


def test_colour_is_reduced_to_luma_for_a_network_that_colourises() -> None:
    translator = Translator(loaded(Recoloured, channels=1), TranslateOptions(tile=16), "cpu")
    colour = picture(20, 21)
    made = translator.translate(colour).picture
    assert made.space == "rgb"
    assert (made.color == translator.translate(to_grey(colour)).picture.color).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_that_writes_grey_returns_grey(channels: int) -> None:
    given = Picture(picture(18, 9, channels).color, None, "grey" if channels == 1 else "rgb", mode="P")
    made = Translator(loaded(Recoloured, written=1), device="cpu").translate(given).picture
    assert (made.space, made.color.shape) == ("grey", (18, 9, 1))
    assert made.mode == ("P" if channels == 1 else "L")


@pytest.mark.parametrize(("read", "written", "channels"), [(3, 3, 1), (1, 3, 1), (1, 3, 3), (3, 1, 3)], ids=str)
def test_a_profile_is_dropped_in_another_space(read: int, written: int, channels: int) -> None:
    given = Picture(picture(6, 6, channels).color, None, "grey" if channels == 1 else "rgb", Metadata(icc=b"profile"))
    made = Translator(loaded(Recoloured, channels=read, written=written), device="cpu").translate(given).picture
    assert made.space == ("grey" if written == 1 else "rgb")
    assert made.metadata.icc is None


@pytest.mark.parametrize(("read", "written"), [(1, 3), (3, 1), (3, 3)])
def test_tiles_memory_and_transparency_work_with_any_channels(read: int, written: int) -> None:
    bundle = loaded(Recoloured, channels=read, written=written)
    given = picture(70, 50, alpha=True, dtype=np.uint16)
    translator = Translator(bundle, TranslateOptions(tile=40, batch=2, ensemble=True), "cpu")
    Failing(translator, 30)
    made = translator.translate(given)
    assert made.notes["retries"] > 0
    assert made.picture.color.shape == (70, 50, written)
    assert made.picture.color.dtype == np.uint16
    assert (made.picture.alpha == given.alpha).all()
    assert Translator(bundle, TranslateOptions(tile=40), "cpu").tiling_difference(given)["max"] < 1e-2
    notes = Translator(bundle, TranslateOptions(precision="bfloat16"), "cpu").translate(given).notes
    assert notes["precision_difference"]["max"] < 3


@pytest.mark.parametrize("options", [{}, {"channels": 1}, {"channels": 1, "written": 1}])
def test_alpha_is_refused_for_networks_that_do_not_keep_grey(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"task 'tiny-recoloured' does not keep grey pictures grey.*'resample'"):
        Translator(loaded(Recoloured, **options), TranslateOptions(alpha="model"), "cpu")


def test_choices_decide_which_network_runs_and_what_it_writes() -> None:
    bundle, given = loaded(Directed), picture(9, 8)
    inverted = Translator(bundle, device="cpu").translate(given).picture
    grey = Translator(bundle, TranslateOptions(choices={"direction": "b_to_a"}), "cpu").translate(given).picture
    assert (inverted.color == 255 - given.color).all()
    assert grey.color == pytest.approx(given.color.mean(axis=2, keepdims=True), abs=0.51)
    assert bundle.task.choices.direction == "a_to_b"


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"direction": "up"}, r"task 'tiny-directed': choices.direction: .*'a_to_b' or 'b_to_a', got 'up'"),
        ({"directoin": "a_to_b"}, r"choices.directoin: unknown option; did you mean 'direction'"),
    ],
)
def test_choices_that_the_task_does_not_have_are_refused(choices: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Translator(loaded(Directed), TranslateOptions(choices=choices), "cpu")


def test_metadata_is_kept(plain: Bundle) -> None:
    given = Picture(picture(8, 8).color, metadata=Metadata(icc=b"profile", dpi=(72.0, 72.0)), format="TIFF")
    made = Translator(plain, device="cpu").translate(given).picture
    assert (made.metadata, made.format) == (given.metadata, "TIFF")


@pytest.mark.parametrize("first", [0, 7, 15])
@pytest.mark.parametrize(
    ("task", "tile", "most"),
    [("plain", 64, 50), ("plain", 64, 40), ("plain", 64, 16), pytest.param("strided", 116, 84, marks=pytest.mark.slow)],
)
def test_running_out_of_memory_at_the_first_a_middle_or_the_last_tile_changes_no_pixel(
    task: str, tile: int, most: int, first: int, request: pytest.FixtureRequest
) -> None:
    bundle = request.getfixturevalue(task)
    given = picture(4 * tile - 40 - tile, 4 * tile - 41, dtype=np.uint16)
    expected = rows(Translator(bundle, TranslateOptions(tile=tile), "cpu"), given.color)
    translator = Translator(bundle, TranslateOptions(tile=tile), "cpu")
    tiles = translator.tiling.grid(given.height, given.width).tiles
    assert tiles > 8
    failing = Failing(translator, most, min(first, tiles - 1))
    made = translator.translate(given)
    assert failing.failures == made.notes["retries"] > 0
    assert made.notes["tile"] <= most
    assert np.abs(to_unit(made.picture.color) - expected.clip(-1, 1)).max() <= 1e-5 + 1 / 65535


def test_the_tile_that_memory_allowed_is_remembered(plain: Bundle) -> None:
    translator = Translator(plain, TranslateOptions(tile=64), "cpu")
    failing = Failing(translator, 40)
    first = translator.translate(picture(100, 100))
    failures = failing.failures
    second = translator.translate(picture(90, 80))
    assert first.notes["retries"] == failures > 0
    assert "retries" not in second.notes
    assert failing.failures == failures
    assert second.notes["tile"] == first.notes["tile"]


def test_finished_rows_are_not_recomputed(plain: Bundle) -> None:
    translator = Translator(plain, TranslateOptions(tile=64), "cpu")
    tiles = translator.tiling.grid(400, 20).tiles
    failing = Failing(translator, 63, first=tiles - 1)
    assert tiles == 7
    given: list[int] = []
    translator.render(picture(400, 20).color, lambda start, _: given.append(start))
    assert given == sorted(set(given))
    assert failing.calls < tiles + 5


def test_a_whole_picture_that_does_not_fit_continues_in_tiles(plain: Bundle) -> None:
    translator = Translator(plain, TranslateOptions(tile="off"), "cpu")
    Failing(translator, 50)
    given = picture(70, 90, dtype=np.uint16)
    made = translator.translate(given)
    expected = Translator(plain, TranslateOptions(tile="off"), "cpu").translate(given)
    assert made.notes["tiles"] > 1
    assert np.abs(made.picture.color.astype(int) - expected.picture.color).max() <= 1


def test_inexact_tiles_restart_at_the_top_to_avoid_a_seam(normed: Bundle) -> None:
    given = picture(400, 40)
    translator = Translator(normed, TranslateOptions(tile=160), "cpu")
    Failing(translator, translator.tiling.grid(400, 40).extent[0] - 1, first=2)
    made = translator.translate(given)
    afresh = Translator(normed, TranslateOptions(tile=int(made.notes["tile"])), "cpu").translate(given)
    assert made.notes["retries"] == 1
    assert (made.picture.color == afresh.picture.color).all()


@pytest.mark.parametrize("calls", [0, 2, 3])
def test_running_out_of_main_memory_while_rows_are_consumed_loses_no_row(plain: Bundle, calls: int) -> None:
    color = picture(200, 40).color
    expected = rows(Translator(plain, TranslateOptions(tile=64), "cpu"), color)
    found = np.full_like(expected, np.nan)
    taken = []

    def give(start: int, part: np.ndarray) -> None:
        taken.append(start)
        if len(taken) == calls + 1:
            raise MemoryError
        found[start : start + len(part)] = part

    Translator(plain, TranslateOptions(tile=64), "cpu").render(color, give)
    assert len(taken) > 4
    assert np.abs(found - expected).max() <= 1e-5


def test_no_memory_to_compare_number_formats_fails_the_picture(plain: Bundle) -> None:
    translator = Translator(plain, TranslateOptions(precision="bfloat16", tile=16), "cpu")
    Failing(translator, 50)
    with pytest.raises(TranslateError, match="not enough memory to translate 40 x 40 pixels: OOM"):
        translator.translate(picture(40, 40))


@pytest.mark.parametrize("error", [MemoryError, OutOfMemory])
def test_no_memory_for_the_smallest_tile_fails_the_picture(plain: Bundle, error: type[Exception]) -> None:
    translator = Translator(plain, device="cpu")
    failing = Failing(translator, 0, error=error)
    with pytest.raises(TranslateError, match="out of memory even with tiles of 14 x 14 pixels"):
        translator.translate(picture(100, 100))
    assert failing.failures == failing.calls > 3


def test_another_failure_of_the_networks_fails_the_picture_with_its_reason(plain: Bundle) -> None:
    import tensorflow as tf

    translator = Translator(plain, device="cpu")

    def broken(_: Any) -> Any:
        raise tf.errors.InvalidArgumentError(None, None, "Incompatible shapes")

    session: Any = translator.model.runner.sessions[0]
    session._program = lambda inputs: broken
    with pytest.raises(TranslateError, match=r"'tiny-plain' failed on .*Incompatible shapes"):
        translator.translate(picture(9, 9))


def test_a_tile_that_overflows_is_recomputed_in_float32() -> None:
    bundle = loaded(Nearest, gain=1e6)  # leaves float16's range, whose end is 65504
    given = picture(40, 30)
    made = Translator(bundle, TranslateOptions(precision="float16", tile=24), "cpu").translate(given)
    assert made.notes["redone_in_float32"] == made.notes["tiles"] == 4
    assert (made.picture.color == given.color.repeat(2, axis=0).repeat(2, axis=1)).all()
    assert made.notes["precision_difference"] == {"max": 0.0, "mean": 0.0}


def test_only_tiles_that_overflow_are_recomputed() -> None:
    bundle = loaded(Nearest)
    ones = np.ones((1, 1, 3, 3))
    bundle.nets["generator"].set_weights([3e4 * ones, np.eye(3)[None, None] / 9e4])  # white gives 9e4 on the way
    color = np.full((16, 64, 3), 128, np.uint8)  # nearly 0: stays in range
    color[:, :4] = 255
    translator = Translator(bundle, TranslateOptions(precision="float16", tile=16, batch=2), "cpu")
    made = translator.translate(Picture(color))
    assert (made.notes["tiles"], made.notes["redone_in_float32"]) == (4, 1)
    assert (made.picture.color == color.repeat(2, axis=0).repeat(2, axis=1)).all()


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_output_that_is_never_finite_fails_the_picture(precision: Any, value: float) -> None:
    bundle = loaded(Nearest)
    network = bundle.nets["generator"]
    network.set_weights([np.full_like(network.get_weights()[0], value), network.get_weights()[1]])
    with pytest.raises(TranslateError, match="'tiny-nearest-x2' returns NaN or infinite values"):
        Translator(bundle, TranslateOptions(precision=precision), "cpu").translate(picture(5, 5))


@pytest.mark.parametrize(("precision", "most"), [("bfloat16", 1.0), ("float16", 0.2)])
def test_lower_precision_is_near_and_its_difference_is_measured(plain: Bundle, precision: Any, most: float) -> None:
    given = picture(60, 50)
    translator = Translator(plain, TranslateOptions(precision=precision), "cpu")
    made = translator.translate(given)
    measured = made.notes["precision_difference"]
    assert made.notes["precision"] == precision
    assert 0 < measured["mean"] < measured["max"] < most
    exact = rows(Translator(plain, device="cpu"), given.color)
    assert 0 < np.abs(rows(translator, given.color) - exact).max() * 127.5 < 3 * most


def test_lower_precision_leaves_the_bundles_own_networks_alone(plain: Bundle) -> None:
    import keras

    before = keras.config.dtype_policy().name
    Translator(plain, TranslateOptions(precision="bfloat16"), "cpu").translate(picture(8, 8))
    assert keras.config.dtype_policy().name == before
    assert {layer.compute_dtype for layer in plain.nets["generator"].layers} == {"float32"}


def test_the_last_layer_of_a_lower_precision_computes_in_float32(plain: Bundle) -> None:
    from img2imgkit.inference.engines.tensorflow_engine import rebuilt

    layers = [layer for layer in rebuilt(plain.task, plain.nets, "bfloat16")["generator"].layers if layer.weights]
    assert [layer.compute_dtype for layer in layers] == ["bfloat16", "bfloat16", "float32"]


def test_an_ensemble_is_the_mean_over_eight_flips_and_rotations(plain: Bundle) -> None:
    color = picture(11, 17).color
    single = Translator(plain, device="cpu")
    mean = np.zeros((22, 34, 3))
    for flip in (False, True):
        for quarter in range(4):
            turned = np.rot90(color[:, ::-1] if flip else color, quarter)
            back = np.rot90(rows(single, np.ascontiguousarray(turned)), -quarter)
            mean += (back[:, ::-1] if flip else back) / 8
    ensemble = rows(Translator(plain, TranslateOptions(ensemble=True), "cpu"), color)
    assert np.abs(ensemble - mean).max() <= 1e-6
    assert np.abs(ensemble - rows(single, color)).max() > 1e-3


def test_an_ensemble_rotates_with_the_picture(plain: Bundle) -> None:
    color = picture(12, 20).color
    ensemble = Translator(plain, TranslateOptions(ensemble=True), "cpu")
    assert np.rot90(rows(ensemble, color)) == pytest.approx(
        rows(ensemble, np.ascontiguousarray(np.rot90(color))), abs=1e-6
    )


def test_one_graph_serves_every_size_batch_and_space(plain: Bundle) -> None:
    translator = Translator(plain, TranslateOptions(tile=20, batch=3, ensemble=True), "cpu")
    for size in range(1, 60, 7):
        translator.translate(picture(size, 61 - size))
        translator.translate(picture(61 - size, size, 1, np.uint16))
    (session,) = translator.model.runner.sessions
    assert session.traces == 1  # type: ignore[attr-defined]


def test_a_picture_may_be_translated_twice_with_the_same_bytes(plain: Bundle) -> None:
    given = picture(50, 50)
    translator = Translator(plain, TranslateOptions(tile=32), "cpu")
    assert (translator.translate(given).picture.color == translator.translate(given).picture.color).all()


class Meeting:
    """An engine that notes how many threads are inside it, after each has had time to meet another one."""

    def __init__(self, engine: Any, reentrant: bool) -> None:
        self.engine, self.reentrant = engine, reentrant
        self.lock, self.inside, self.most = threading.Lock(), 0, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def __call__(self, inputs: Any) -> Any:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            deadline = time.monotonic() + 0.2
            while self.most < 2 and time.monotonic() < deadline:
                time.sleep(0.001)
            return self.engine(inputs)
        finally:
            with self.lock:
                self.inside -= 1


@pytest.mark.parametrize(
    ("reentrant", "side", "most"), [(True, 24, 2), (False, 24, 1), (True, 300, 1)], ids=["small", "alone", "large"]
)
def test_threads_get_the_same_bytes_and_only_small_calls_of_the_model_overlap(
    plain: Bundle, reentrant: bool, side: int, most: int
) -> None:
    translator = Translator(plain)
    pictures = [picture(side, side) for _ in range(4)]
    expected = [translator.translate(each).picture.color for each in pictures]
    translator.model.runner = meeting = Meeting(translator.model.runner, reentrant)  # type: ignore[assignment]
    with ThreadPoolExecutor(2) as pool:
        made = [each.picture.color for each in pool.map(translator.translate, pictures)]
    assert all(map(np.array_equal, made, expected))
    assert meeting.most == most


def test_threads_count_their_own_tiles_that_are_recomputed(plain: Bundle) -> None:
    model = Translator(plain).model
    model._counts.redone += 3
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: model.redone).result() == 0
    assert model.redone == 3


def test_the_input_picture_is_not_modified(plain: Bundle) -> None:
    given = picture(30, 30, alpha=True)
    given.alpha[:15] = 0  # type: ignore[index]
    before = given.color.copy()
    Translator(plain, TranslateOptions(tile=16), "cpu").translate(given)
    assert (given.color == before).all()


@pytest.mark.parametrize(
    ("device", "match"),
    [
        ("tpu", "expected auto, cpu, gpu"),
        ("cpu:7", r"sees \d CPU device"),
        ("gpu:", "expected auto"),
        ("gpu:99", "GPU"),
    ],
)
def test_a_missing_device_is_refused(plain: Bundle, device: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        Translator(plain, device=device)


def test_a_picture_that_main_memory_cannot_hold_fails_with_its_size(plain: Bundle) -> None:
    huge = np.lib.stride_tricks.as_strided(np.zeros((1, 1, 3), np.uint8), (1 << 24, 1 << 24, 3), (0, 0, 1))
    with pytest.raises(TranslateError, match="not enough memory to translate 16777216 x 16777216"):
        Translator(plain, device="cpu").translate(Picture(huge))
