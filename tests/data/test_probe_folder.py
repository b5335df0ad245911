"""The pictures of a probe folder, by role."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from img2imgkit.data.matching import NameRule
from img2imgkit.data.probe_folder import by_role
from img2imgkit.errors import DataError


def save(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 4)).save(path)


def refused(folder: Path, *roles: str) -> str:
    with pytest.raises(DataError) as caught:
        by_role(folder, roles)
    return str(caught.value)


def test_without_subfolders_of_roles_all_pictures_have_the_first_role(tmp_path: Path) -> None:
    save(tmp_path, "b.png", "more/a.png")
    assert [(name, set(paths)) for name, paths in by_role(tmp_path, ("label", "target"))] == [
        ("b", {"label"}),
        ("more/a", {"label"}),
    ]


def test_pictures_of_roles_are_matched_by_name(tmp_path: Path) -> None:
    save(tmp_path / "label", "a.png", "b.png")
    save(tmp_path / "target", "a.jpg")
    assert [(name, set(paths)) for name, paths in by_role(tmp_path, ("label", "instance", "target"))] == [
        ("a", {"label", "target"}),
        ("b", {"label"}),
    ]


def test_pictures_of_roles_are_matched_by_patterns(tmp_path: Path) -> None:
    save(tmp_path / "source", "a.png")
    save(tmp_path / "target", "a_mask.png")
    [(name, paths)] = by_role(tmp_path, ("source", "target"), NameRule({"target": "*_mask"}))
    assert (name, set(paths)) == ("a", {"source", "target"})


def test_a_target_without_source_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "source", "0.png")
    save(tmp_path / "target", "0_mask.png")
    assert f"{tmp_path / 'target' / '0_mask.png'}: no source found" in refused(tmp_path, "source", "target")


def test_hundreds_of_targets_without_source_are_a_few_lines(tmp_path: Path) -> None:
    save(tmp_path / "source", "0.png")
    save(tmp_path / "target", *(f"x{number}.png" for number in range(30)))
    assert refused(tmp_path, "source", "target").splitlines()[-1] == (
        "... and 27 more pictures of the probe without a source"
    )


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (("source", "targets"), "unknown subfolder 'targets'; did you mean 'target'?; expected source, target"),
        (("sources", "targets"), "unknown subfolder 'sources'; did you mean 'source'?"),
        (("target",), "has a subfolder 'target', but none 'source'"),
        (("source", "old"), "unknown subfolder 'old'; expected source, target"),
    ],
)
def test_unknown_subfolders_are_refused(tmp_path: Path, folders: tuple[str, ...], said: str) -> None:
    for folder in folders:
        save(tmp_path / folder, "a.png")
    assert said in refused(tmp_path, "source", "target")


def test_pictures_beside_the_subfolders_are_refused(tmp_path: Path) -> None:
    save(tmp_path, "source/a.png", "b.png")
    assert "pictures outside of the subfolders, such as b.png" in refused(tmp_path, "source", "target")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "gone: no such folder" in refused(tmp_path / "gone", "source")
