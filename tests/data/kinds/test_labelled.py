"""Labelled data: centre crops, labels from folders or attributes, and target labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from img2imgkit.data import Labelled, LabelledOptions, LabelledReader, inspect_data, open_reader
from img2imgkit.data.kinds.labelled import LabelledSet
from img2imgkit.errors import DataError
from img2imgkit.task import Geometry

ATTRIBUTES = """\
4
Black_Hair Male Young
a.png  1 -1  1
b.png -1  1 -1
c.png -1 -1  1
d.png  1  1 -1
"""


def save(path: Path, level: int, size: tuple[int, int] = (12, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level, 0, 0)).save(path)


def save_domains(folder: Path, **counts: int) -> None:
    for domain, (name, count) in enumerate(counts.items()):
        for number in range(count):
            save(folder / name / f"{number}.png", domain * 50 + number)


def save_attributed(folder: Path, text: str = ATTRIBUTES) -> None:
    for number, name in enumerate("abcd"):
        save(folder / "faces" / f"{name}.png", number)
    (folder / "list.txt").write_text(text)


def options(place: Path, **stated: Any) -> LabelledOptions:
    plain = {"kind": "labelled", "folder": place, "center_crop": 12, "resize": 8, "batch": 4}
    return LabelledOptions.model_validate({**plain, **stated})


def reader_of(place: Path, **stated: Any) -> LabelledReader:
    reader = open_reader(Labelled(options(place, **stated)), Geometry())
    assert isinstance(reader, LabelledReader)
    return reader


def attributed_of(place: Path, *selected: str) -> LabelledOptions:
    return options(place / "faces", attributes=place / "list.txt", selected=selected)


def red(unit: np.ndarray) -> np.ndarray:
    return np.rint((unit[..., 0, 0, 0] + 1) * 127.5).astype(int)


def test_labels_identify_the_folder_of_a_picture(tmp_path: Path) -> None:
    save_domains(tmp_path, cat=2, dog=3, owl=2)
    batch = reader_of(tmp_path, batch=7).batch(0, 0)
    assert batch["source"].shape == (7, 8, 8, 3)
    assert batch["label"].shape == batch["target_label"].shape == (7, 3)
    assert batch["label"].dtype == batch["target_label"].dtype == np.float32
    np.testing.assert_array_equal(batch["label"].argmax(axis=1), red(batch["source"]) // 50)
    np.testing.assert_array_equal(batch["label"].sum(axis=1), 1)


def test_selected_domains_keep_the_stated_order(tmp_path: Path) -> None:
    save_domains(tmp_path, cat=2, dog=3, owl=2)
    reader = reader_of(tmp_path, selected=("owl", "cat"))
    domains = ["owl", "cat"]
    described = {"kind": "labelled", "pictures": 4, "size": 8, "domains": domains, "sets": [domains]}
    assert reader.description == described
    batch = reader.batch(0, 0)
    np.testing.assert_array_equal(batch["label"].argmax(axis=1), np.where(red(batch["source"]) >= 100, 0, 1))


def test_target_labels_follow_the_distribution_of_the_pictures(tmp_path: Path) -> None:
    save_domains(tmp_path, cat=1, dog=3)
    reader = reader_of(tmp_path, batch=100)
    targets = np.concatenate([reader.batch(0, step)["target_label"] for step in range(4)])
    assert targets.mean(axis=0) == pytest.approx([0.25, 0.75], abs=0.08)


def test_labels_from_attributes_contain_the_selected_ones(tmp_path: Path) -> None:
    save_attributed(tmp_path)
    reader = open_reader(Labelled(attributed_of(tmp_path, "Young", "Black_Hair")), Geometry())
    batch = reader.batch(0, 0)
    expected = np.asarray([[1, 1], [0, 0], [1, 0], [0, 1]])
    np.testing.assert_array_equal(batch["label"], expected[red(batch["source"])])


@pytest.fixture
def joint(tmp_path: Path) -> LabelledOptions:
    """Four faces with attributes, and five animals in folders."""
    save_attributed(tmp_path)
    save_domains(tmp_path / "animals", cat=2, dog=3)
    faces = attributed_of(tmp_path, "Male", "Young")
    return faces.model_copy(update={"more": (LabelledSet(folder=tmp_path / "animals"),), "batch": 3})


def of_set(reader: Any, wanted: int, turns: int = 1) -> list[dict[str, np.ndarray]]:
    """The first batches of a set."""
    batches = (reader.batch(3, step) for step in range(2 * turns))
    return [batch for batch in batches if batch["label_set"][0] == wanted]


class TestSeveralSets:
    def test_batches_take_turns_and_each_is_of_one_set(self, joint: LabelledOptions) -> None:
        reader = open_reader(Labelled(joint), Geometry())
        for turn in range(4):
            two = np.stack([reader.batch(0, step)["label_set"] for step in (2 * turn, 2 * turn + 1)])
            assert two.dtype == np.int32
            np.testing.assert_array_equal(np.sort(two, axis=0), [[0, 0, 0], [1, 1, 1]])

    @pytest.mark.parametrize("every", [2, 4, 5])
    def test_a_player_updated_every_nth_step_sees_both(self, joint: LabelledOptions, every: int) -> None:
        reader = open_reader(Labelled(joint.model_copy(update={"batch": 1})), Geometry())
        met = [int(reader.sample(0, step)["label_set"]) for step in range(0, 40 * every, every)]
        assert 10 <= sum(met) <= 30

    def test_labels_are_concatenated_and_zero_for_other_sets(self, joint: LabelledOptions) -> None:
        reader = open_reader(Labelled(joint), Geometry())
        assert reader.description == {
            "kind": "labelled",
            "pictures": 9,
            "size": 8,
            "domains": ["Male", "Young", "cat", "dog"],
            "sets": [["Male", "Young"], ["cat", "dog"]],
        }
        [faces], [animals] = of_set(reader, 0), of_set(reader, 1)
        expected = np.asarray([[0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]])
        np.testing.assert_array_equal(faces["label"], expected[red(faces["source"])])
        dog = red(animals["source"]) >= 50
        np.testing.assert_array_equal(animals["label"], np.stack([0 * dog, 0 * dog, ~dog, dog], axis=1))

    def test_target_labels_are_of_the_same_set(self, joint: LabelledOptions) -> None:
        reader = open_reader(Labelled(joint), Geometry())
        for chosen, others in ((0, slice(2, 4)), (1, slice(0, 2))):
            batches = of_set(reader, chosen, turns=5)
            targets = np.concatenate([batch["target_label"] for batch in batches])
            assert len(np.unique(targets, axis=0)) == 2
            np.testing.assert_array_equal(targets[:, others], 0)

    def test_each_set_is_sampled_completely_before_it_repeats(self, joint: LabelledOptions) -> None:
        reader = open_reader(Labelled(joint.model_copy(update={"batch": 1})), Geometry())
        for chosen, count in ((0, 4), (1, 5)):
            seen = [batch["source"] for batch in of_set(reader, chosen, 2 * count)]
            assert sorted(red(np.concatenate(seen[:count]))) == sorted(red(np.concatenate(seen[count:])))
            assert len(set(red(np.concatenate(seen[:count])))) == count

    def test_a_single_set_equals_a_training_without_more(self, joint: LabelledOptions) -> None:
        alone = open_reader(Labelled(joint.model_copy(update={"more": ()})), Geometry())
        np.testing.assert_array_equal(alone.batch(0, 1)["label_set"], 0)
        assert alone.batch(0, 1)["label"].shape == (3, 2)

    def test_problems_of_every_set_are_reported(self, tmp_path: Path, joint: LabelledOptions) -> None:
        save(tmp_path / "animals" / "owl" / "small.png", 0, (5, 5))
        with pytest.raises(DataError, match=r"owl.small\.png: 5x5 is smaller than the crop of 12"):
            open_reader(Labelled(joint), Geometry())

    def test_the_record_contains_names_and_no_paths(self, tmp_path: Path, joint: LabelledOptions) -> None:
        record = joint.record()
        assert str(tmp_path) not in str(record)
        assert record["more"] == [{"attributes": None, "selected": []}]
        assert record["selected"] == ["Male", "Young"]


def test_attributes_may_be_a_table_with_commas(tmp_path: Path) -> None:
    save_attributed(tmp_path, "image_id,Black_Hair,Male\na.png,1,-1\nb.png,-1,1\nc.png,0,1\nd.png,1,1\n")
    reader = open_reader(Labelled(attributed_of(tmp_path, "Male")), Geometry())
    batch = reader.batch(0, 0)
    np.testing.assert_array_equal(batch["label"][:, 0], red(batch["source"]) > 0)


def test_the_centre_crop_and_resize_equal_the_official_code(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (21, 16, 3), dtype=np.uint8)
    save_domains(tmp_path, cat=1, dog=1)
    for name in ("cat", "dog"):
        Image.fromarray(pixels).save(tmp_path / name / "0.png")
    expected = Image.fromarray(pixels).crop((2, 4, 14, 16)).resize((8, 8), Image.Resampling.BILINEAR)
    [source] = reader_of(tmp_path, flip=False, batch=1).batch(0, 0)["source"]
    np.testing.assert_array_equal(np.rint((source + 1) * 127.5), np.asarray(expected))
    largest = Image.fromarray(pixels).crop((0, 2, 16, 18)).resize((8, 8), Image.Resampling.BILINEAR)
    [source] = reader_of(tmp_path, flip=False, batch=1, center_crop=None).batch(0, 0)["source"]
    np.testing.assert_array_equal(np.rint((source + 1) * 127.5), np.asarray(largest))
    mirrored = {sample["source"].tobytes() for sample in (reader_of(tmp_path).sample(0, n) for n in range(12))}
    assert len(mirrored) == 2


def test_a_batch_depends_on_seed_and_step_alone(tmp_path: Path) -> None:
    save_domains(tmp_path, cat=4, dog=3)
    one, other = reader_of(tmp_path, jitter={}), reader_of(tmp_path, cache=0, jitter={})
    one.batch(5, 0)
    for key, expected in other.batch(5, 9).items():
        np.testing.assert_array_equal(one.batch(5, 9)[key], expected)
    assert (one.batch(5, 9)["source"] != one.batch(6, 9)["source"]).any()


def test_problems_of_folders_are_reported_together(tmp_path: Path) -> None:
    save_domains(tmp_path, cat=1, dog=2)
    save(tmp_path / "cat" / "small.png", 0, (11, 30))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError) as caught:
        reader_of(tmp_path, selected=("cat", "dgo", "dog", "empty"))
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "no subfolder 'dgo'; did you mean 'dog'?" in lines[0]
    assert "empty: contains no picture" in lines[1]
    assert "small.png: 11x30 is smaller than the crop of 12" in lines[2]


def test_suspicious_findings_are_noted(tmp_path: Path) -> None:
    save_domains(tmp_path, cat=1, dog=2)
    save(tmp_path / "beside.png", 0)
    found = inspect_data(Labelled(options(tmp_path)), Geometry())
    assert not found.problems
    assert [
        "1 pictures outside of the subfolders" in found.notes[0],
        "cat: contains only one picture" in found.notes[1],
    ] == [True, True]


def test_a_single_domain_is_an_error(tmp_path: Path) -> None:
    save_domains(tmp_path, cat=3)
    with pytest.raises(DataError, match="contains 1 subfolders; expected at least two, one per domain"):
        reader_of(tmp_path)


@pytest.mark.parametrize(
    ("text", "selected", "reason"),
    [
        (ATTRIBUTES, "Mal", r": no attribute 'Mal'; did you mean 'Male'\?"),
        (ATTRIBUTES.replace("a.png", "z.png"), "Male", r"list\.txt:3: z\.png is not in "),
        (ATTRIBUTES.replace("1 -1  1\nb", "1 -1\nb"), "Male", r"list\.txt:3: expected a file name and 3 values, got 3"),
        (
            ATTRIBUTES.replace("1 -1  1\nb", "1 -1  yes\nb"),
            "Male",
            r"list\.txt:3: expected the values 1, 0 or -1, got 'yes'",
        ),
        (ATTRIBUTES.replace("1 -1\nc", "-1 -1\nc").replace("1  1 -1", "1 -1 -1"), "Male", "no picture has"),
        ("4\n", "Male", "expected a line with the names"),
        (ATTRIBUTES + "a.png 1 1 1\n", "Male", r"list\.txt:\d+: a\.png is already listed in line 3"),
        ("Male Male\na.png 1 -1\n", "Male", "the attribute 'Male' occurs twice"),
        ("Male Young\na.png 1 1\nb.png 1\n", "Male", r"list\.txt:3: expected a file name and 2 values, got 2"),
    ],
)
def test_a_malformed_attribute_file_is_an_error(tmp_path: Path, text: str, selected: str, reason: str) -> None:
    save_attributed(tmp_path, text)
    with pytest.raises(DataError, match=reason):
        open_reader(Labelled(attributed_of(tmp_path, selected)), Geometry())


def test_a_missing_attribute_file_is_an_error(tmp_path: Path) -> None:
    save_attributed(tmp_path)
    (tmp_path / "list.txt").unlink()
    with pytest.raises(DataError, match=r"list\.txt: cannot be read"):
        open_reader(Labelled(attributed_of(tmp_path, "Male")), Geometry())


@pytest.mark.parametrize(
    ("stated", "option"),
    [
        ({"resize": 9}, "resize"),
        ({"attributes": Path("list.txt")}, "selected"),
        ({"selected": ("cat", "cat")}, "selected"),
        ({"more": ({"folder": Path("a")}, {"folder": Path("b"), "selected": ("x", "x")})}, "more.1.selected"),
        ({"more": ({"folder": Path("a"), "attributes": Path("b")},)}, "more.0.selected"),
    ],
)
def test_invalid_options_are_named(tmp_path: Path, stated: dict[str, Any], option: str) -> None:
    assert [name for name, _ in options(tmp_path, **stated).data_problems(Geometry(multiple=4))] == [option]


def test_a_probe_shows_squares(tmp_path: Path) -> None:
    save_domains(tmp_path, cat=1, dog=2)
    [(name, batch)] = reader_of(tmp_path).probe(tmp_path / "cat")
    assert (name, set(batch), batch["source"].shape) == ("0", {"source"}, (1, 8, 8, 3))
    reader = reader_of(tmp_path)
    save(tmp_path / "cat" / "small.png", 0, (5, 5))
    with pytest.raises(DataError, match=r"small\.png: 5x5 is smaller"):
        reader.probe(tmp_path / "cat")
