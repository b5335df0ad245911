"""Few-shot data: a content and a class picture, each with the index of its class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from img2imgkit.data import FewShot, FewShotOptions, FewShotReader, inspect_data, open_reader
from img2imgkit.errors import DataError
from img2imgkit.task import Geometry


def save_classes(folder: Path, **counts: int) -> None:
    """Pictures whose red level is ten times the index of their class plus their own index."""
    for number, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for each in range(count):
            Image.new("RGB", (20, 16), (number * 10 + each, 0, 0)).save(folder / name / f"{each}.png")


def options(place: Path, **stated: Any) -> FewShotOptions:
    plain = {"kind": "few_shot", "folder": place, "resize": 10, "crop": 8, "batch": 6}
    return FewShotOptions.model_validate({**plain, **stated})


def reader_of(place: Path, **stated: Any) -> FewShotReader:
    reader = open_reader(FewShot(options(place, **stated)), Geometry())
    assert isinstance(reader, FewShotReader)
    return reader


def red(unit: np.ndarray) -> np.ndarray:
    return np.rint((unit[..., 0, 0, 0] + 1) * 127.5).astype(int)


def test_both_pictures_have_the_indices_of_their_classes(tmp_path: Path) -> None:
    save_classes(tmp_path, bear=3, cat=2, lion=4)
    batch = reader_of(tmp_path).batch(0, 0)
    assert batch["content"].shape == batch["class"].shape == (6, 8, 8, 3)
    assert batch["content_label"].shape == batch["class_label"].shape == (6,)
    assert batch["content_label"].dtype == batch["class_label"].dtype == np.int32
    for picture, label in (("content", "content_label"), ("class", "class_label")):
        np.testing.assert_array_equal(red(batch[picture]) // 10, batch[label])


def test_contents_and_classes_are_drawn_independently_and_evenly(tmp_path: Path) -> None:
    save_classes(tmp_path, bear=2, cat=2)
    batches = [reader_of(tmp_path, batch=4).batch(0, step) for step in range(40)]
    contents, styles = (np.concatenate([red(batch[key]) for batch in batches]) for key in ("content", "class"))
    assert len(set(zip(contents.tolist(), styles.tolist(), strict=True))) == 16
    for drawn in (contents, styles):
        assert np.unique(drawn, return_counts=True)[1].tolist() == [40] * 4


def test_the_shorter_side_is_resized_as_in_the_official_code(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (17, 31, 3), dtype=np.uint8)
    save_classes(tmp_path, bear=1, cat=1)
    for name in ("bear", "cat"):
        Image.fromarray(pixels).save(tmp_path / name / "0.png")
    expected = np.asarray(Image.fromarray(pixels).resize((18, 10), Image.Resampling.BILINEAR))  # 10 * 31 // 17
    content = np.rint((reader_of(tmp_path, flip=False).sample(0, 0)["content"] + 1) * 127.5).astype(np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(expected, (8, 8), axis=(0, 1))
    assert (windows == content.transpose(2, 0, 1)).all(axis=(2, 3, 4)).any()


def test_a_batch_depends_on_seed_and_step_alone(tmp_path: Path) -> None:
    save_classes(tmp_path, bear=4, cat=3)
    one, other = reader_of(tmp_path, jitter={}), reader_of(tmp_path, cache=0, jitter={})
    one.batch(5, 0)
    for key, expected in other.batch(5, 9).items():
        np.testing.assert_array_equal(one.batch(5, 9)[key], expected)


def test_problems_and_notes_are_reported(tmp_path: Path) -> None:
    save_classes(tmp_path, bear=1, cat=3)
    path = tmp_path / "cat" / "2.png"
    path.write_bytes(path.read_bytes()[:-20])
    found = inspect_data(FewShot(options(tmp_path)), Geometry())
    assert ["2.png" in problem for problem in found.problems] == [True]
    assert ["bear: contains only one picture" in note for note in found.notes] == [True]
    assert [(each.name, each.pictures) for each in found.contents] == [("bear", 1), ("cat", 3)]
    with pytest.raises(DataError, match="gone: no such folder"):
        reader_of(tmp_path / "gone")


@pytest.mark.parametrize(
    ("stated", "option"), [({"crop": 6}, "crop"), ({"resize": 7}, "crop"), ({"selected": ("a", "a")}, "selected")]
)
def test_invalid_options_are_named(tmp_path: Path, stated: dict[str, Any], option: str) -> None:
    assert [name for name, _ in options(tmp_path, **stated).data_problems(Geometry(multiple=4))] == [option]


def test_a_probe_shows_contents_with_the_class_pictures_of_their_names(tmp_path: Path) -> None:
    save_classes(tmp_path / "train", bear=2, cat=2)
    save_classes(tmp_path / "probe", **{"content": 2, "class": 1})
    reader = reader_of(tmp_path / "train")
    (_, both), (_, alone) = reader.probe(tmp_path / "probe")
    assert both["source"].shape == both["class"].shape == (1, 8, 8, 3)
    assert set(alone) == {"source"}
    assert [set(batch) for _, batch in reader.probe(tmp_path / "train" / "bear")] == [{"source"}] * 2


def test_the_description_contains_the_names_of_classes(tmp_path: Path) -> None:
    save_classes(tmp_path, bear=1, cat=3, dog=1)
    described = reader_of(tmp_path, selected=("cat", "bear")).description
    assert described == {"kind": "few_shot", "pictures": 4, "size": 8, "classes": ["cat", "bear"]}
