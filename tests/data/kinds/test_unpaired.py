"""Unpaired data: two domains with independent order, crops and flips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from img2imgkit.data import Unpaired, UnpairedOptions, UnpairedReader, inspect_data, open_reader
from img2imgkit.errors import DataError
from img2imgkit.task import Geometry


def save_domains(folder: Path, first: int = 3, second: int = 5, size: tuple[int, int] = (12, 10)) -> None:
    """Pictures whose level is their index; plus 100 in b."""
    for name, count, base in (("a", first, 0), ("b", second, 100)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.new("RGB", size, (base + number,) * 3).save(folder / name / f"{number}.png")


def options(folder: Path, /, **stated: Any) -> UnpairedOptions:
    plain = {"kind": "unpaired", "a": folder / "a", "b": folder / "b", "preprocess": "crop", "crop": 8, "batch": 2}
    return UnpairedOptions.model_validate({**plain, **stated})


def reader_of(folder: Path, geometry: Geometry | None = None, /, **stated: Any) -> UnpairedReader:
    reader = open_reader(Unpaired(options(folder, **stated)), geometry or Geometry())
    assert isinstance(reader, UnpairedReader)
    return reader


def drawn(reader: UnpairedReader, seed: int, count: int) -> list[tuple[int, int]]:
    """The indices of the pictures of a and b at the first positions."""
    samples = (reader.sample(seed, position) for position in range(count))
    colours = ((sample[key][0, 0, 0] for key in ("a", "b")) for sample in samples)
    return [tuple(round((float(colour) + 1) * 127.5) % 100 for colour in each) for each in colours]  # type: ignore[misc]


def test_each_domain_is_sampled_evenly_in_its_own_order(tmp_path: Path) -> None:
    save_domains(tmp_path)
    seen = drawn(reader_of(tmp_path), 0, 15)
    assert sorted(a for a, _ in seen) == sorted([0, 1, 2] * 5)
    assert sorted(b for _, b in seen) == sorted([0, 1, 2, 3, 4] * 3)


def test_domains_of_equal_size_are_combined_in_all_ways(tmp_path: Path) -> None:
    save_domains(tmp_path, 3, 3)
    assert len(set(drawn(reader_of(tmp_path), 0, 90))) == 9


def test_batches_have_both_domains_in_their_channels(tmp_path: Path) -> None:
    save_domains(tmp_path)
    batch = reader_of(tmp_path, Geometry(channels=1, output_channels=3)).batch(0, 3)
    assert batch["a"].shape == (2, 8, 8, 1)
    assert batch["b"].shape == (2, 8, 8, 3)
    assert batch["a"].dtype == batch["b"].dtype == np.float32


def test_a_batch_depends_on_seed_and_step_alone(tmp_path: Path) -> None:
    save_domains(tmp_path)
    one, other = reader_of(tmp_path), reader_of(tmp_path, cache=0)
    one.batch(0, 0)
    for key, expected in other.batch(5, 9).items():
        np.testing.assert_array_equal(one.batch(5, 9)[key], expected)
    assert drawn(one, 5, 9) != drawn(one, 6, 9)


def test_crops_and_jitter_of_the_domains_are_independent(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(60, dtype=np.uint8)[:, None, None] + 60, (60, 60, 3))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.ascontiguousarray(ramp)).save(tmp_path / name / "0.png")
    for stated in ({}, {"preprocess": "none", "jitter": {}}):
        samples = [reader_of(tmp_path, **stated).sample(0, position) for position in range(8)]
        assert any((sample["a"] != sample["b"]).any() for sample in samples)


def test_problems_of_both_domains_are_reported_together(tmp_path: Path) -> None:
    save_domains(tmp_path, 1, 0)
    Image.new("RGB", (5, 20)).save(tmp_path / "a" / "small.png")
    with pytest.raises(DataError) as caught:
        reader_of(tmp_path)
    first, second = str(caught.value).splitlines()
    assert "b: contains no picture" in first
    assert "small.png: 5x20 is smaller than the crop of 8" in second


def test_a_domain_of_one_picture_is_noted(tmp_path: Path) -> None:
    save_domains(tmp_path, 1, 2)
    found = inspect_data(Unpaired(options(tmp_path)), Geometry())
    assert not found.problems
    assert [note.rpartition(": ")[2] for note in found.notes] == ["contains only one picture"]


def test_a_truncated_file_is_found_by_inspection(tmp_path: Path) -> None:
    save_domains(tmp_path)
    path = tmp_path / "b" / "2.png"
    path.write_bytes(path.read_bytes()[:-30])
    reader_of(tmp_path)
    [problem] = inspect_data(Unpaired(options(tmp_path)), Geometry()).problems
    assert "2.png" in problem


def test_the_probe_translates_a_with_targets_matched_by_name(tmp_path: Path) -> None:
    save_domains(tmp_path / "train")
    save_domains(tmp_path / "probe", 2, 1)
    reader = reader_of(tmp_path / "train")
    (_, both), (_, alone) = reader.probe(tmp_path / "probe")
    assert both["source"].shape == both["target"].shape == (1, 8, 8, 3)
    assert set(alone) == {"source"}
    assert [(name, set(batch)) for name, batch in reader.probe(tmp_path / "probe" / "b")] == [("0", {"source"})]


def test_contents_and_record_contain_no_paths(tmp_path: Path) -> None:
    save_domains(tmp_path)
    reader = reader_of(tmp_path)
    assert reader.description == {"kind": "unpaired", "a": 3, "b": 5}
    assert [(each.name, each.pictures) for each in reader.contents] == [("a", 3), ("b", 5)]
    assert {"a", "b"}.isdisjoint(reader.options.record())


def test_domains_in_each_other_are_refused(tmp_path: Path) -> None:
    save_domains(tmp_path / "a")
    problems = inspect_data(Unpaired(options(tmp_path, b=tmp_path / "a" / "b")), Geometry()).problems
    assert len(problems) == 1
    assert f"{tmp_path / 'a' / 'b'} (b) is inside {tmp_path / 'a'} (a)" in problems[0]


def test_a_data_set_of_cyclegan_is_one_folder(tmp_path: Path) -> None:
    save_domains(tmp_path)
    (tmp_path / "a").rename(tmp_path / "trainA")
    (tmp_path / "b").rename(tmp_path / "trainB")
    reader = reader_of(tmp_path, a=None, b=None, folder=tmp_path)
    assert [(each.name, each.pictures) for each in reader.contents] == [("a", 3), ("b", 5)]
    with pytest.raises(DataError, match="trainB: no such folder"):
        reader_of(tmp_path, a=None, b=None, folder=tmp_path / "trainA")


@pytest.mark.parametrize(
    ("stated", "option"),
    [({"a": None}, "a"), ({"a": None, "b": None}, "a"), ({"folder": Path("all")}, "folder")],
)
def test_domains_are_two_folders_or_one(tmp_path: Path, stated: dict[str, Any], option: str) -> None:
    assert options(tmp_path, **stated).data_problems(Geometry())[0][0] == option


def test_a_probe_of_both_domains_is_refused(tmp_path: Path) -> None:
    save_domains(tmp_path)
    save_domains(tmp_path / "probe")
    (tmp_path / "probe" / "a").rename(tmp_path / "probe" / "testA")
    (tmp_path / "probe" / "b").rename(tmp_path / "probe" / "testB")
    with pytest.raises(DataError, match="state the one to translate, testA"):
        reader_of(tmp_path).probe(tmp_path / "probe")
