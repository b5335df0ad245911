"""Degraded data: aligned crops, order from (seed, step), all problems together."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit import Catalog, Degradation, resolve
from img2imgkit.data import Degraded, DegradedOptions, DegradedReader, open_reader
from img2imgkit.degradations import BicubicMatlab
from img2imgkit.errors import ConfigError, DataError
from img2imgkit.images.matlab import imresize
from img2imgkit.task import Geometry


def save_pictures(folder: Path, sizes: list[tuple[int, int]], seed: int = 0) -> list[np.ndarray]:
    """Random smooth-and-noisy pictures of (height, width); returns their pixels in the order of the reader."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    pictures = [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in sizes]
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return pictures


def reader_of(folder: Path, scale: int = 2, **options: object) -> DegradedReader:
    stated = {"kind": "degraded", "folder": folder, "crop": 8 * scale, "batch": 4, **options}
    reader = open_reader(Degraded(DegradedOptions.model_validate(stated)), Geometry(scale=scale))
    assert isinstance(reader, DegradedReader)
    return reader


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_every_crop_lies_aligned_in_a_picture_and_its_degraded_version(tmp_path: Path, scale: int) -> None:
    pictures = save_pictures(tmp_path, [(61, 50), (48, 65)])
    reader = reader_of(tmp_path, scale, flips=False)
    sources, targets = [], []
    for pixels in pictures:
        target = pixels[: pixels.shape[0] // scale * scale, : pixels.shape[1] // scale * scale]
        targets.append(target)
        sources.append(imresize(target, Fraction(1, scale)))
    for step in range(4):
        batch = reader.batch(seed=1, step=step)
        assert batch["source"].shape == (4, 8, 8, 3)
        assert batch["target"].shape == (4, 8 * scale, 8 * scale, 3)
        for source, target in zip(batch["source"], batch["target"], strict=True):
            number, row, column = find((source + 1) * 127.5, sources)
            there = targets[number][row * scale : (row + 8) * scale, column * scale : (column + 8) * scale]
            np.testing.assert_allclose((target + 1) * 127.5, there, atol=1e-3)


def find(crop: np.ndarray, pictures: list[np.ndarray]) -> tuple[int, int, int]:
    """Find a crop in the pictures: index, row and column."""
    wanted = np.round(crop).astype(np.uint8)
    for number, pixels in enumerate(pictures):
        windows = np.lib.stride_tricks.sliding_window_view(pixels, wanted.shape[:2], axis=(0, 1))
        hits = np.argwhere((windows == wanted.transpose(2, 0, 1)).all(axis=(2, 3, 4)))
        if len(hits):
            return number, int(hits[0][0]), int(hits[0][1])
    raise AssertionError("the crop is in no picture")


def test_a_batch_depends_on_seed_and_step_alone(tmp_path: Path) -> None:
    save_pictures(tmp_path, [(40, 40), (50, 34)])
    one, other = reader_of(tmp_path, channel_shuffle=True), reader_of(tmp_path, channel_shuffle=True)
    for step in range(30):
        one.batch(5, step)
    late = one.batch(5, 30)
    for key, wanted in other.batch(5, 30).items():
        np.testing.assert_array_equal(late[key], wanted)
    assert (late["target"] != other.batch(6, 30)["target"]).any()
    assert (late["target"] != other.batch(5, 31)["target"]).any()


def test_an_epoch_visits_every_cell_once(tmp_path: Path) -> None:
    save_pictures(tmp_path, [(40, 40), (50, 34)])
    reader = reader_of(tmp_path)
    size = len(reader.cells)
    first, second = ([reader._order.at(3, epoch * size + n) for n in range(size)] for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(size))
    assert first != second


def test_flips_turn_source_and_target_alike(tmp_path: Path) -> None:
    save_pictures(tmp_path, [(64, 64)])
    plain, flipped = reader_of(tmp_path, flips=False), reader_of(tmp_path, flips=True)
    turned = 0
    for step in range(4):
        batch = flipped.batch(0, step)
        for source, target in zip(batch["source"], batch["target"], strict=True):
            # bicubic downsampling commutes with rotation, so the centre of the downsampled target is the source
            again = imresize(np.round((target + 1) * 127.5).astype(np.uint8), Fraction(1, 2)).astype(int)
            there = np.round((source + 1) * 127.5).astype(int)
            assert np.abs(again - there)[3:-3, 3:-3].max() <= 1
        turned += (batch["source"] != plain.batch(0, step)["source"]).any(axis=(1, 2, 3)).sum()
    assert turned > 8


def test_flat_crops_are_skipped_by_min_detail(tmp_path: Path) -> None:
    tmp_path.joinpath("in").mkdir()
    pixels = np.full((64, 128, 3), 90, np.uint8)
    pixels[:, 64:] = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    Image.fromarray(pixels).save(tmp_path / "in" / "half.png")
    every, detailed = reader_of(tmp_path / "in"), reader_of(tmp_path / "in", min_detail=5.0)
    assert every.cells[:, 2].min() == 0
    assert detailed.cells[:, 2].min() > 32 - 8
    assert 0 < len(detailed.cells) < len(every.cells)
    with pytest.raises(DataError, match=r"data\.min_detail: no crop"):
        reader_of(tmp_path / "in", min_detail=1000.0)


def test_pixels_beyond_the_cache_give_the_same_batches(tmp_path: Path) -> None:
    save_pictures(tmp_path, [(40, 40), (50, 34)])
    memory, scratch = reader_of(tmp_path), reader_of(tmp_path, cache=0)
    assert scratch.targets.spilled
    assert not memory.targets.spilled
    for key, wanted in memory.batch(1, 2).items():
        np.testing.assert_array_equal(scratch.batch(1, 2)[key], wanted)


def test_all_bad_pictures_are_named_at_once(tmp_path: Path) -> None:
    save_pictures(tmp_path, [(40, 40), (15, 40)])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        reader_of(tmp_path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert any("1.png" in line and "40x14 is smaller than the crop of 16" in line for line in lines)
    assert all(any(name in line for line in lines) for name in ("text.png", "empty.jpg"))


def test_missing_and_empty_folders_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    options = DegradedOptions(kind="degraded", folder=(tmp_path / "empty", tmp_path / "gone"))
    with pytest.raises(DataError, match=r"(?s)empty: contains no picture.*gone: no such folder"):
        open_reader(Degraded(options), Geometry(scale=2))


def test_crop_must_fit_the_scale(tmp_path: Path) -> None:
    save_pictures(tmp_path, [(40, 40)])
    with pytest.raises(DataError, match=r"data\.crop: expected a multiple of 3 for this task, got 16"):
        reader_of(tmp_path, 3, crop=16)


def test_the_probe_returns_uncropped_pictures_trimmed_to_the_scale(tmp_path: Path) -> None:
    save_pictures(tmp_path / "train", [(40, 40)])
    save_pictures(tmp_path / "probe", [(21, 30)])
    [(name, batch)] = reader_of(tmp_path / "train").probe(tmp_path / "probe")
    assert name == "0"
    assert batch["source"].shape == (1, 10, 15, 3)
    assert batch["target"].shape == (1, 20, 30, 3)


def test_description_has_no_paths(tmp_path: Path) -> None:
    save_pictures(tmp_path, [(40, 40), (50, 34)])
    described = dict(reader_of(tmp_path).description)
    assert described["pictures"] == 2
    assert described["megapixels"] == 0.0
    assert str(tmp_path) not in str(described)


class Brighter(Degradation):
    """Random brightness, the same for a whole picture."""

    name = "brighter"

    def apply(self, levels: np.ndarray, scale: int, random: np.random.Generator) -> np.ndarray:
        return (levels // 2 + random.integers(1, 100)).astype(np.uint8)

    def description(self, scale: int) -> str:
        return "brighter"


class TestDegradations:
    def test_by_default_pictures_are_shrunk_as_in_matlab(self, tmp_path: Path) -> None:
        save_pictures(tmp_path, [(40, 40)])
        assert reader_of(tmp_path, 2).description["degradation"] == "bicubic x1/2 (MATLAB imresize), 8 bit"

    def test_they_act_in_order_and_are_described(self, tmp_path: Path) -> None:
        pictures = save_pictures(tmp_path, [(40, 40), (44, 40)])
        reader = reader_of(tmp_path, degradations=(BicubicMatlab(), Brighter()))
        assert reader.description["degradation"] == "bicubic x1/2 (MATLAB imresize), 8 bit; brighter"
        for number, pixels in enumerate(pictures):
            added = np.random.default_rng(number).integers(1, 100)
            np.testing.assert_array_equal(reader.sources[number], imresize(pixels, Fraction(1, 2)) // 2 + added)
            np.testing.assert_array_equal(reader.targets[number], pixels)

    def test_without_a_scale_none_has_to_shrink(self, tmp_path: Path) -> None:
        pictures = save_pictures(tmp_path, [(40, 40)])
        brighter = reader_of(tmp_path, 1, degradations=(Brighter(),))
        assert (brighter.sources[0] != pictures[0]).any()

    @pytest.mark.parametrize("steps", [(), (BicubicMatlab(),)])
    def test_sources_that_are_their_own_targets_are_refused(
        self, tmp_path: Path, steps: tuple[Degradation, ...]
    ) -> None:
        save_pictures(tmp_path, [(40, 40)])
        with pytest.raises(DataError, match=r"data\.degradations: every source is the same as its target"):
            reader_of(tmp_path, 1, degradations=steps)

    @pytest.mark.parametrize(
        ("steps", "said"),
        [((Brighter(),), "one step must shrink"), ((BicubicMatlab(), BicubicMatlab()), "only one step may shrink")],
    )
    def test_exactly_one_must_shrink(self, tmp_path: Path, steps: tuple[Degradation, ...], said: str) -> None:
        options = DegradedOptions(kind="degraded", folder=tmp_path, degradations=steps)
        [(option, problem)] = options.data_problems(Geometry(scale=2))
        assert option == "degradations"
        assert said in problem

    def test_a_name_waits_for_the_catalog(self, tmp_path: Path) -> None:
        options = DegradedOptions(kind="degraded", folder=tmp_path, degradations=("bicubic-matlab",))
        with pytest.raises(ConfigError, match="'bicubic-matlab' of degradations has not been resolved"):
            options.data_problems(Geometry(scale=2))
        assert resolve(options, Catalog.installed({})).steps == (BicubicMatlab(),)
