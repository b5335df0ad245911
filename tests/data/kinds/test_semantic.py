"""Semantic data: label map, instance map and photograph share crops, and ids are preserved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from img2imgkit.data import Semantic, SemanticOptions, SemanticReader, inspect_data, open_reader
from img2imgkit.errors import DataError
from img2imgkit.task import Geometry

GEOMETRY = Geometry(channels=1, output_channels=3)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def save_scenes(folder: Path, count: int = 3, size: tuple[int, int] = (20, 24)) -> None:
    """One pattern per scene: ids 0 to 19 as label map, times 1000 as instance map, times 10 as photograph."""
    for number in range(count):
        ids = np.random.default_rng(number).integers(0, 20, size)
        save(folder / "label" / f"{number}.png", ids.astype(np.uint8))
        save(folder / "instance" / f"{number}.png", (ids * 1000).astype(np.uint16))
        save(folder / "target" / f"{number}.png", np.repeat((ids * 10)[..., None], 3, axis=2).astype(np.uint8))


def options(place: Path, **stated: Any) -> SemanticOptions:
    roles = {name: place / name for name in ("label", "instance", "target")}
    plain = {"kind": "semantic", "classes": 20, "preprocess": "crop", "crop": 8, "batch": 4}
    return SemanticOptions.model_validate({**plain, **roles, **stated})


def reader_of(place: Path, **stated: Any) -> SemanticReader:
    reader = open_reader(Semantic(options(place, **stated)), GEOMETRY)
    assert isinstance(reader, SemanticReader)
    return reader


def problems_of(place: Path, probe: Path | None = None, **stated: Any) -> list[str]:
    return list(inspect_data(Semantic(options(place, **stated)), GEOMETRY, probe).problems)


def test_maps_and_photograph_share_scene_crop_and_flip(tmp_path: Path) -> None:
    save_scenes(tmp_path)
    batch = reader_of(tmp_path).batch(0, 2)
    assert {key: value.shape for key, value in batch.items()} == {
        "label": (4, 8, 8, 1), "instance": (4, 8, 8, 1), "target": (4, 8, 8, 3),
    }  # fmt: skip
    assert all(value.dtype == np.float32 for value in batch.values())
    np.testing.assert_array_equal(batch["instance"], batch["label"] * 1000)
    np.testing.assert_allclose((batch["target"] + 1) * 127.5, np.repeat(batch["label"] * 10, 3, axis=3), atol=1e-3)
    assert len(np.unique(batch["label"])) == 20


def test_resizing_makes_no_new_ids(tmp_path: Path) -> None:
    ids = np.where(np.arange(24) < 12, 0, 19) * np.ones((20, 1), int)
    save(tmp_path / "label" / "0.png", ids.astype(np.uint8))
    save(tmp_path / "instance" / "0.png", (ids * 3000).astype(np.uint16))
    save(tmp_path / "target" / "0.png", np.zeros((20, 24, 3), np.uint8))
    batch = reader_of(tmp_path, preprocess="resize_and_crop", resize=37, crop=33).batch(0, 0)
    assert set(np.unique(batch["label"])) == {0, 19}
    assert set(np.unique(batch["instance"])) == {0, 57000}


def test_without_instance_maps_there_is_one_object(tmp_path: Path) -> None:
    save_scenes(tmp_path)
    batch = reader_of(tmp_path, instance=None).batch(0, 0)
    assert batch["instance"].shape == batch["label"].shape
    assert not batch["instance"].any()


def test_unknown_pixels_become_a_separate_class(tmp_path: Path) -> None:
    save_scenes(tmp_path, 1)
    batch = reader_of(tmp_path, classes=19, unknown=19).batch(0, 0)
    assert batch["label"].max() == 19
    ids = np.full((20, 24), 255, np.uint8)
    save(tmp_path / "label" / "0.png", ids)
    assert (reader_of(tmp_path, unknown=255).batch(0, 0)["label"] == 20).all()


def test_maps_in_colour_are_read_by_a_palette(tmp_path: Path) -> None:
    save_scenes(tmp_path, 1)
    ids = np.asarray(Image.open(tmp_path / "label" / "0.png"))
    grey = reader_of(tmp_path).batch(0, 0)["label"]
    colours = [[number * 7, 255 - number, 3] for number in range(20)]
    (tmp_path / "palette.yaml").write_text("\n".join(f"class {n}: {colour}" for n, colour in enumerate(colours)))
    save(tmp_path / "label" / "0.png", np.asarray(colours, np.uint8)[ids])
    reader = reader_of(tmp_path, palette=tmp_path / "palette.yaml")
    np.testing.assert_array_equal(reader.batch(0, 0)["label"], grey)
    assert reader.description["names"][3] == "class 3"


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    save_scenes(tmp_path, 4)
    (tmp_path / "instance" / "0.png").unlink()
    ids = np.zeros((20, 24), np.uint8)
    ids[3, 7] = 40
    save(tmp_path / "label" / "1.png", ids)
    save(tmp_path / "target" / "2.png", np.zeros((20, 23, 3), np.uint8))
    path = tmp_path / "instance" / "3.png"
    path.write_bytes(path.read_bytes()[:-40])
    (tmp_path / "palette.yaml").write_text("road: red")
    found = problems_of(tmp_path)
    assert len(found) == 4, found
    assert "0.png: no instance found" in found[0]
    assert "2.png: is 23x20, but" in found[1]
    assert "1.png: pixel (7, 3) has the id 40, but ids are 0 to 19" in found[2]
    assert "3.png" in found[3]
    with_palette = problems_of(tmp_path, palette=tmp_path / "palette.yaml")
    assert "palette.yaml: road: expected" in with_palette[0]
    assert len(with_palette) == 4, with_palette


def test_a_wrong_id_stops_training_too(tmp_path: Path) -> None:
    save_scenes(tmp_path)
    with pytest.raises(DataError, match="has the id"):
        reader_of(tmp_path, classes=5).batch(0, 0)


def test_a_task_that_reads_colour_is_refused(tmp_path: Path) -> None:
    assert [name for name, _ in options(tmp_path).data_problems(Geometry())] == ["kind"]


def test_classes_of_data_and_task_must_be_the_same(tmp_path: Path) -> None:
    def problems(**geometry: Any) -> list[tuple[str, str]]:
        return list(options(tmp_path, classes=3).data_problems(Geometry(channels=1, output_channels=3, **geometry)))

    assert problems(ids=3) == []
    assert problems(ids=5, unknown=True) == [("classes", "the task has 4 classes and 'unknown', but the data have 3")]


@pytest.mark.parametrize(("unknown", "refused"), [(0, True), (2, True), (3, False), (255, False)])
def test_a_class_is_not_unknown(tmp_path: Path, unknown: int, refused: bool) -> None:
    """In a label map to translate, that id would be the class."""
    chosen = options(tmp_path, classes=3, unknown=unknown)
    found = [name for name, _ in chosen.data_problems(Geometry(channels=1, output_channels=3, ids=4, unknown=True))]
    assert found == (["unknown"] if refused else [])


def test_the_probe_returns_ids(tmp_path: Path) -> None:
    save_scenes(tmp_path)
    save_scenes(tmp_path / "probe", 2)
    (tmp_path / "probe" / "instance" / "1.png").unlink()
    (_, full), (_, less) = reader_of(tmp_path).probe(tmp_path / "probe")
    assert (set(full), set(less)) == ({"source", "instance", "target"}, {"source", "target"})
    assert full["source"].shape == (1, 8, 8, 1)
    ids = full["source"]
    np.testing.assert_array_equal(full["instance"], ids * 1000)
    np.testing.assert_allclose((full["target"][..., :1] + 1) * 127.5, ids * 10, atol=1e-3)
    assert [set(batch) for _, batch in reader_of(tmp_path).probe(tmp_path / "label")] == [{"source"}] * 3


def test_a_probe_with_wrong_ids_or_sizes_is_named(tmp_path: Path) -> None:
    save_scenes(tmp_path)
    save(tmp_path / "probe" / "a.png", np.full((9, 9), 77, np.uint8))
    save(tmp_path / "probe" / "b.png", np.zeros((5, 9), np.uint8))
    first, second = problems_of(tmp_path, tmp_path / "probe")
    assert "a.png: pixel (0, 0) has the id 77" in first
    assert "b.png: 9x5 is smaller than the crop of 8" in second


def test_jitter_changes_photographs_only(tmp_path: Path) -> None:
    save_scenes(tmp_path)
    plain, changed = reader_of(tmp_path).batch(0, 0), reader_of(tmp_path, jitter={}).batch(0, 0)
    np.testing.assert_array_equal(plain["label"], changed["label"])
    np.testing.assert_array_equal(plain["instance"], changed["instance"])
    assert (plain["target"] != changed["target"]).any()


def test_contents_and_record_contain_no_paths(tmp_path: Path) -> None:
    save_scenes(tmp_path)
    reader = reader_of(tmp_path)
    about = {"kind": "semantic", "scenes": 3, "instances": True, "classes": 20, "unknown": False}
    assert reader.description == about
    assert [(each.name, each.pictures, dict(each.modes)) for each in reader.contents] == [
        ("label", 3, {"L": 3}), ("target", 3, {"RGB": 3}), ("instance", 3, {"I;16": 3}),
    ]  # fmt: skip
    assert str(tmp_path) not in str(reader.options.record())


def test_the_folders_of_cityscapes_are_matched_by_patterns(tmp_path: Path) -> None:
    """Label and instance maps share a folder, with other maps."""
    save_scenes(tmp_path, 2)
    fine, photos = tmp_path / "fine", tmp_path / "photos"
    for number in range(2):
        for role, folder, end in (("label", fine, "ids"), ("instance", fine, "objects"), ("target", photos, "left")):
            path = folder / "aachen" / f"aachen_{number}_{end}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / role / f"{number}.png").rename(path)
        Image.new("RGB", (24, 20)).save(fine / "aachen" / f"aachen_{number}_color.png")
    names = {"label": "*_ids", "instance": "*_objects", "target": "*_left"}
    reader = reader_of(tmp_path, label=fine, instance=fine, target=photos, names=names)
    assert [(each.name, each.pictures) for each in reader.contents] == [("label", 2), ("target", 2), ("instance", 2)]
    assert reader.batch(0, 0)["instance"].any()
    [note] = reader.notes
    assert "aachen_0_color.png, aachen_1_color.png" in note
