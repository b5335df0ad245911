"""Pictures of several folders are matched by name, or by patterns of names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from img2imgkit.data import Paired, PairedOptions, inspect_data
from img2imgkit.data.folders import scan
from img2imgkit.data.matching import NameRule, fitting, match_by_name
from img2imgkit.task import Geometry


def save(folder: Path, *names: str, size: tuple[int, int] = (6, 4)) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(path)


def matched(place: Path, rule: NameRule, *titles: str) -> tuple[list[Any], list[str]]:
    problems: list[str] = []
    found = match_by_name([scan(title, place / title, problems) for title in titles], problems, rule)
    return [(key, [path.name for path in paths]) for key, paths in found], problems


def test_pictures_belong_together_by_path_without_suffix(tmp_path: Path) -> None:
    save(tmp_path / "x", "a.png", "sub/b.v2.png")
    save(tmp_path / "y", "a.jpg", "sub/b.v2.bmp")
    problems: list[str] = []
    folders = [scan(name, tmp_path / name, problems) for name in ("x", "y")]
    found = match_by_name(folders, problems)
    assert not problems
    assert [name for name, _ in found] == ["a", "sub/b.v2"]
    assert [path.name for path in found[1][1]] == ["b.v2.png", "b.v2.bmp"]


def test_a_missing_folder_is_reported_once_and_not_per_picture(tmp_path: Path) -> None:
    save(tmp_path / "x", "a.png", "b.png")
    problems: list[str] = []
    assert match_by_name([scan(name, tmp_path / name, problems) for name in ("x", "y")], problems) == []
    assert problems == [f"{tmp_path / 'y'}: no such folder"]


def test_patterns_say_what_matching_names_have_in_common(tmp_path: Path) -> None:
    save(tmp_path / "source", "sub/1_A.png", "2_A.png")
    save(tmp_path / "target", "sub/1_B.jpg", "2_B.png")
    found, problems = matched(tmp_path, NameRule({"source": "*_A", "target": "*_B"}), "source", "target")
    assert found == [("2", ["2_A.png", "2_B.png"]), ("sub/1", ["1_A.png", "1_B.jpg"])]
    assert not problems


def test_a_pattern_has_a_beginning_too(tmp_path: Path) -> None:
    save(tmp_path / "source", "photo-1.png")
    save(tmp_path / "target", "map-1.png")
    found, _ = matched(tmp_path, NameRule({"source": "photo-*", "target": "map-*"}), "source", "target")
    assert found == [("1", ["photo-1.png", "map-1.png"])]


def test_case_is_ignored_on_request_only(tmp_path: Path) -> None:
    save(tmp_path / "x", "IMG_1.png", "IMG_2.png")
    save(tmp_path / "y", "img_1.png", "img_2.png")
    found, problems = matched(tmp_path, NameRule(), "x", "y")
    assert not found
    assert problems[-1].startswith("data.ignore_case: ")
    found, problems = matched(tmp_path, NameRule(ignore_case=True), "x", "y")
    assert [names for _, names in found] == [["IMG_1.png", "img_1.png"], ["IMG_2.png", "img_2.png"]]
    assert not problems


def test_names_that_are_equal_without_case_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "x", "A.png", "a.png")
    save(tmp_path / "y", "a.png")
    assert "has the same name as a.png" in matched(tmp_path, NameRule(ignore_case=True), "x", "y")[1][0]


def test_hundreds_of_unequal_names_are_a_few_lines_and_a_way_out(tmp_path: Path) -> None:
    save(tmp_path / "source", *(f"{number}.png" for number in range(200)))
    save(tmp_path / "target", *(f"{number}_mask.png" for number in range(200)))
    found, problems = matched(tmp_path, NameRule(), "source", "target")
    assert not found
    assert len(problems) == 9
    assert [line for line in problems if "197 more pictures without a" in line] == [problems[3], problems[7]]
    assert problems[8] == 'data.names: these patterns would match most names: {source: "*", target: "*_mask"}'


def test_sizes_that_differ_are_a_few_lines(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(20)]
    save(tmp_path / "x", *names)
    save(tmp_path / "y", *names, size=(5, 4))
    found, problems = matched(tmp_path, NameRule(), "x", "y")
    assert not found
    assert len(problems) == 4
    assert problems[3] == "... and 17 more pictures of another size than their counterparts"


def test_two_roles_can_share_a_folder(tmp_path: Path) -> None:
    save(tmp_path, "1.png", "1_mask.png", "2.png", "2_mask.png")
    rule, notes = NameRule({"target": "*_mask"}), list[str]()
    folders = fitting([scan(title, tmp_path, []) for title in ("source", "target")], rule, [], notes)
    assert [len(folder.paths) for folder in folders] == [2, 2]
    assert [key for key, _ in match_by_name(folders, [], rule)] == ["1", "2"]
    assert not notes


def test_pictures_that_fit_no_pattern_are_told(tmp_path: Path) -> None:
    save(tmp_path / "source", "1_A.png", "thumb.png")
    notes: list[str] = []
    [folder] = fitting([scan("source", tmp_path / "source", [])], NameRule({"source": "*_A"}), [], notes)
    assert [path.name for path in folder.paths] == ["1_A.png"]
    assert notes == [f"{tmp_path / 'source'}: pictures that fit no pattern of 'names' are ignored: thumb.png"]


def test_a_pattern_that_nothing_fits_is_a_problem(tmp_path: Path) -> None:
    save(tmp_path / "pairs", "1.png", "1_mask.png")
    data = Paired(options(tmp_path, names={"target": "*_B"}))
    problems = inspect_data(data, Geometry()).problems
    assert problems[0] == f"{tmp_path / 'pairs'}: contains no target; expected names like '*_B'"


def options(place: Path, **more: Any) -> PairedOptions:
    roles = {"source": place / "pairs", "target": place / "pairs"}
    stated = {"kind": "paired", "preprocess": "crop", "crop": 4, **roles, **more}
    return PairedOptions.model_validate(stated)


def test_paired_data_follow_the_patterns(tmp_path: Path) -> None:
    save(tmp_path / "pairs", "1_A.png", "1_B.png", "2_A.png", "2_B.png")
    save(tmp_path / "probe" / "source", "9_A.png")
    save(tmp_path / "probe" / "target", "9_B.png")
    data = Paired(options(tmp_path, names={"source": "*_A", "target": "*_B"}))
    found = inspect_data(data, Geometry(), tmp_path / "probe")
    assert not found.problems
    assert [(each.name, each.pictures) for each in found.contents] == [("source", 2), ("target", 2)]
    [(name, batch)] = data.reader(Geometry()).probe(tmp_path / "probe")
    assert (name, set(batch)) == ("9", {"source", "target"})


@pytest.mark.parametrize(
    ("names", "option", "said"),
    [
        ({"sorce": "*_A"}, "names.sorce", "did you mean 'source'"),
        ({"source": "_A"}, "names.source", "a file name with one '*'"),
        ({"source": "*_*"}, "names.source", "a file name with one '*'"),
        ({"source": "A/*"}, "names.source", "a file name with one '*'"),
    ],
)
def test_wrong_patterns_are_refused(tmp_path: Path, names: dict[str, str], option: str, said: str) -> None:
    [(place, problem)] = options(tmp_path, names=names).data_problems(Geometry())
    assert place == option
    assert said in problem


def test_patterns_do_not_apply_to_pictures_side_by_side(tmp_path: Path) -> None:
    chosen = options(tmp_path, source=None, target=None, folder=tmp_path, names={"source": "*_A"})
    assert [option for option, _ in chosen.data_problems(Geometry())] == ["names"]
