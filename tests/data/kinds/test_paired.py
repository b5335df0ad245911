"""Paired data: source and target share order, crop and flip; all problems are reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from img2imgkit.data import Paired, PairedOptions, PairedReader, inspect_data, open_reader
from img2imgkit.errors import DataError
from img2imgkit.task import Geometry

SIDE = 8


def picture(seed: int, height: int = 20, width: int = 24) -> np.ndarray:
    """A picture whose first channel is a ramp that locates crops, and whose others are the seed."""
    pixels = np.full((height, width, 3), seed, np.uint8)
    pixels[..., 0] = np.arange(height)[:, None] * 6 + np.arange(width) * 5
    return pixels


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def save_pairs(folder: Path, count: int = 3) -> None:
    """Sources, with their negatives as targets."""
    for number in range(count):
        save(folder / "source" / f"{number}.png", picture(number))
        save(folder / "target" / f"{number}.png", 255 - picture(number))


def options(place: Path, **stated: Any) -> PairedOptions:
    roles = {} if "folder" in stated else {"source": place / "source", "target": place / "target"}
    return PairedOptions.model_validate(
        {"kind": "paired", "preprocess": "crop", "crop": SIDE, "batch": 4, **roles, **stated}
    )


def reader_of(place: Path, geometry: Geometry | None = None, **stated: Any) -> PairedReader:
    reader = open_reader(Paired(options(place, **stated)), geometry or Geometry())
    assert isinstance(reader, PairedReader)
    return reader


def problems_of(chosen: PairedOptions, geometry: Geometry | None = None) -> list[str]:
    return list(inspect_data(Paired(chosen), geometry or Geometry()).problems)


def levels(unit: np.ndarray) -> np.ndarray:
    return np.rint((unit + 1) * 127.5).astype(np.uint8)


def test_source_and_target_share_picture_crop_and_flip(tmp_path: Path) -> None:
    save_pairs(tmp_path)
    reader = reader_of(tmp_path)
    for step in range(5):
        batch = reader.batch(1, step)
        assert batch["source"].shape == batch["target"].shape == (4, SIDE, SIDE, 3)
        assert batch["source"].dtype == np.float32
        np.testing.assert_allclose(batch["source"], -batch["target"], atol=1e-6)


def test_every_pair_is_seen_once_in_an_epoch(tmp_path: Path) -> None:
    save_pairs(tmp_path, 4)
    seeds = levels(reader_of(tmp_path).batch(0, 3)["source"])[:, 0, 0, 1]
    assert sorted(seeds) == [0, 1, 2, 3]


def test_a_batch_depends_on_seed_and_step_alone(tmp_path: Path) -> None:
    save_pairs(tmp_path)
    one, other = reader_of(tmp_path), reader_of(tmp_path, cache=0)
    for step in range(9):
        one.batch(5, step)
    for key, expected in other.batch(5, 9).items():
        np.testing.assert_array_equal(one.batch(5, 9)[key], expected)
    assert (one.batch(5, 9)["source"] != one.batch(6, 9)["source"]).any()
    assert (one.batch(5, 9)["source"] != one.batch(5, 10)["source"]).any()


def test_pictures_beyond_the_cache_are_decoded_again(tmp_path: Path) -> None:
    save_pairs(tmp_path)
    kept, again = reader_of(tmp_path), reader_of(tmp_path, cache=0)
    kept.batch(0, 0)
    again.batch(0, 0)
    assert len(kept._cache) == 3
    assert len(again._cache) == 0


@pytest.mark.parametrize(("direction", "sign"), [("a_to_b", 1), ("b_to_a", -1)])
def test_pictures_side_by_side_are_two_halves(tmp_path: Path, direction: str, sign: int) -> None:
    for number in range(2):
        pixels = picture(number)
        save(tmp_path / f"{number}.png", np.concatenate([pixels, 255 - pixels], axis=1))
    reader = reader_of(tmp_path, folder=tmp_path, direction=direction, preprocess="none", flip=False)
    batch = reader.batch(0, 0)
    assert batch["source"].shape == (4, 20, 24, 3)
    np.testing.assert_allclose(batch["source"], -batch["target"], atol=1e-6)
    assert sign * (127 - int(levels(batch["source"])[0, 0, 0, 1])) > 0


def test_a_task_may_read_grey_and_write_colour(tmp_path: Path) -> None:
    save_pairs(tmp_path)
    batch = reader_of(tmp_path, Geometry(channels=1, output_channels=3)).batch(0, 0)
    assert batch["source"].shape == (4, SIDE, SIDE, 1)
    assert batch["target"].shape == (4, SIDE, SIDE, 3)
    red, green, blue = (255 - levels(batch["target"]).astype(float)).transpose(3, 0, 1, 2)
    np.testing.assert_allclose(levels(batch["source"])[..., 0], 0.299 * red + 0.587 * green + 0.114 * blue, atol=0.51)


def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path) -> None:
    deep = (np.arange(SIDE * SIDE).reshape(SIDE, SIDE) * 1000 + 1).astype(np.uint16)
    for role in ("source", "target"):
        save(tmp_path / role / "0.png", deep)
    source = reader_of(tmp_path, flip=False, batch=1).batch(0, 0)["source"]
    np.testing.assert_allclose((source[0, ..., 0] + 1) * 32767.5, deep, atol=0.01)


def test_pictures_are_upright_and_without_transparency(tmp_path: Path) -> None:
    pixels = picture(9, 10, 12)
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(pixels)))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees clockwise
    save(tmp_path / "target" / "0.png", np.dstack([pixels, np.full((10, 12), 7, np.uint8)]))
    (tmp_path / "source").mkdir()
    turned.save(tmp_path / "source" / "0.png", exif=exif)
    batch = reader_of(tmp_path, preprocess="none", flip=False, batch=1).batch(0, 0)
    np.testing.assert_array_equal(batch["source"], batch["target"])


def test_jitter_changes_both_alike(tmp_path: Path) -> None:
    for role in ("source", "target"):
        save(tmp_path / role / "0.png", picture(40))
    plain, changed = reader_of(tmp_path), reader_of(tmp_path, jitter={"brightness": 0.5})
    batch = changed.batch(0, 0)
    np.testing.assert_array_equal(batch["source"], batch["target"])
    assert (batch["source"] != plain.batch(0, 0)["source"]).any()
    assert np.abs(batch["source"]).max() <= 1


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    save_pairs(tmp_path, 2)
    source, target = tmp_path / "source", tmp_path / "target"
    save(source / "alone.png", picture(1))
    save(target / "sub" / "other.png", picture(1))
    save(source / "small.png", picture(1, 6, 30))
    save(target / "small.png", picture(1, 6, 30))
    save(source / "unlike.png", picture(1, 20, 20))
    save(target / "unlike.png", picture(1, 20, 21))
    save(source / "0.jpg", picture(1))
    (source / "text.png").write_text("no picture")
    save(target / "text.png", picture(1))
    save(source / "cut.png", picture(1))
    save(target / "cut.png", picture(1))
    data = (source / "cut.png").read_bytes()
    (source / "cut.png").write_bytes(data[:-20])
    Image.new("CMYK", (24, 20)).save(target / "press.jpg")
    save(source / "press.png", picture(1))
    expected = [
        ("0.jpg", "has the same name as 0.png"),
        ("alone.png", "no target found"),
        ("other.png", "no source found"),
        ("small.png", "30x6 is smaller than the crop of 8"),
        ("unlike.png", "is 21x20, but"),
        ("text.png", "text.png"),
        ("press.jpg", "cmyk"),
    ]
    with pytest.raises(DataError) as caught:
        reader_of(tmp_path)
    for found in (str(caught.value).splitlines(), [p for p in problems_of(options(tmp_path)) if "cut.png" not in p]):
        assert len(found) == len(expected), found
        assert all(any(name in line and reason in line for line in found) for name, reason in expected), found
    assert sum("cut.png" in problem for problem in problems_of(options(tmp_path))) == 1


def test_missing_and_empty_folders_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    assert [problem.rpartition(": ")[2] for problem in problems_of(options(tmp_path))] == [
        "no such folder",
        "contains no picture",
    ]


def test_an_odd_width_is_a_problem(tmp_path: Path) -> None:
    save(tmp_path / "0.png", picture(0, 20, 25))
    [problem] = problems_of(options(tmp_path, folder=tmp_path))
    assert "the width 25 is odd" in problem


def test_sizes_that_differ_need_a_crop_or_a_batch_of_one(tmp_path: Path) -> None:
    for number, width in enumerate((24, 28)):
        for role in ("source", "target"):
            save(tmp_path / role / f"{number}.png", picture(number, 20, width))
    assert "data.batch" in problems_of(options(tmp_path, preprocess="none"))[0]
    assert not problems_of(options(tmp_path, preprocess="none", batch=1))
    assert not problems_of(options(tmp_path))


@pytest.mark.parametrize(
    ("stated", "geometry", "option"),
    [
        ({"crop": 9}, Geometry(multiple=4), "crop"),
        ({"crop": 8}, Geometry(multiple=4, minimum=12), "crop"),
        ({"preprocess": "resize_and_crop", "resize": 7}, Geometry(), "crop"),
        ({}, Geometry(scale=2), "kind"),
        ({"target": None}, Geometry(), "target"),
        ({"direction": "b_to_a"}, Geometry(), "direction"),
        ({"folder": "x", "source": "y"}, Geometry(), "folder"),
    ],
)
def test_invalid_options_are_named_before_a_picture_is_opened(
    tmp_path: Path, stated: dict[str, Any], geometry: Geometry, option: str
) -> None:
    paths = {key: tmp_path / value if key in ("folder", "source") else value for key, value in stated.items()}
    chosen = options(tmp_path, **paths)
    assert [name for name, _ in chosen.data_problems(geometry)] == [option]
    with pytest.raises(DataError, match=rf"data\.{option}: "):
        open_reader(Paired(chosen), geometry)


def test_a_probe_of_sources_and_targets_returns_both(tmp_path: Path) -> None:
    save_pairs(tmp_path / "seen", 2)
    (tmp_path / "seen" / "target" / "1.png").unlink()
    save_pairs(tmp_path / "train")
    (first, both), (second, alone) = reader_of(tmp_path / "train").probe(tmp_path / "seen")
    assert (first, second) == ("0", "1")
    assert both["source"].shape == (1, SIDE, SIDE, 3)
    np.testing.assert_array_equal(levels(both["source"])[0], picture(0)[6:14, 8:16])
    np.testing.assert_allclose(both["target"], -both["source"], atol=1e-6)
    assert set(alone) == {"source"}


def test_probe_pictures_are_split_as_in_training(tmp_path: Path) -> None:
    save_pairs(tmp_path / "train")
    save(tmp_path / "seen" / "one.png", picture(1))
    save(tmp_path / "double" / "one.png", np.concatenate([picture(1), 255 - picture(1)], axis=1))
    [(name, batch)] = reader_of(tmp_path / "train").probe(tmp_path / "seen")
    assert (name, set(batch)) == ("one", {"source"})
    [(_, halves)] = reader_of(tmp_path, folder=tmp_path / "double").probe(tmp_path / "double")
    np.testing.assert_array_equal(halves["source"], batch["source"])
    np.testing.assert_allclose(halves["target"], -batch["source"], atol=1e-6)


def test_probe_pictures_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    save_pairs(tmp_path / "train")
    save(tmp_path / "seen" / "small.png", picture(1, 5, 5))
    (tmp_path / "seen" / "text.png").write_text("no picture")
    chosen = options(tmp_path / "train")
    found = inspect_data(Paired(chosen), Geometry(), tmp_path / "seen").problems
    assert ["small.png" in found[0], "text.png" in found[1]] == [True, True]


def test_contents_and_record_contain_no_paths(tmp_path: Path) -> None:
    save_pairs(tmp_path)
    found = inspect_data(Paired(options(tmp_path)), Geometry())
    assert [(each.name, each.pictures, each.smallest, dict(each.modes)) for each in found.contents] == [
        ("source", 3, (24, 20), {"RGB": 3}),
        ("target", 3, (24, 20), {"RGB": 3}),
    ]
    reader = reader_of(tmp_path)
    assert reader.description == {"kind": "paired", "pairs": 3}
    assert str(tmp_path) not in str(reader.options.record())
    assert reader.options.record()["crop"] == SIDE


def test_each_half_of_a_side_by_side_picture_is_filled_by_itself(tmp_path: Path) -> None:
    rgba = np.full((8, 16, 4), 255, np.uint8)
    rgba[:, :8, :3], rgba[:, 8:, :3] = 200, 40
    rgba[:, 6:10] = (9, 9, 9, 0)  # hidden, on both sides of the middle
    (tmp_path / "double").mkdir()
    Image.fromarray(rgba, "RGBA").save(tmp_path / "double" / "one.png")
    batch = reader_of(tmp_path, folder=tmp_path / "double", batch=1).batch(0, 0)
    assert (levels(batch["source"]) == 200).all()
    assert (levels(batch["target"]) == 40).all()
    [note] = inspect_data(Paired(options(tmp_path, folder=tmp_path / "double")), Geometry()).notes
    assert "transparency is left out" in note


def test_three_pictures_side_by_side_are_noted(tmp_path: Path) -> None:
    save(tmp_path / "triple" / "one.png", picture(1, 10, 30))
    [note] = inspect_data(Paired(options(tmp_path, folder=tmp_path / "triple")), Geometry()).notes
    assert "one.png: 1 pictures are three times as wide as high" in note


def test_a_probe_of_training_pictures_and_one_with_missing_targets_are_noted(tmp_path: Path) -> None:
    save_pairs(tmp_path)
    data = Paired(options(tmp_path))
    [note] = inspect_data(data, Geometry(), tmp_path / "source").notes
    assert f"probe {tmp_path / 'source'} is inside {tmp_path / 'source'}" in note
    save_pairs(tmp_path / "probe", 2)
    assert not inspect_data(data, Geometry(), tmp_path / "probe").notes
    (tmp_path / "probe" / "target" / "1.png").unlink()
    assert list(inspect_data(data, Geometry(), tmp_path / "probe").notes) == [
        "probe: 1 of 2 pictures have no target, such as 1"
    ]
