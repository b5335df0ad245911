"""Folders of pictures by name and role."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit.data.folders import by_role, match_by_name, scan, undecodable
from img2imgkit.errors import DataError


def save(folder: Path, *names: str, size: tuple[int, int] = (6, 4)) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(path)


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


def test_contents_are_counts_sizes_and_modes(tmp_path: Path) -> None:
    save(tmp_path, "a.png")
    save(tmp_path, "b.png", size=(3, 9))
    Image.new("L", (5, 5)).save(tmp_path / "c.png")
    contents = scan("x", tmp_path, []).contents
    assert (contents.name, contents.pictures, contents.smallest, contents.largest) == ("x", 3, (3, 4), (6, 9))
    assert contents.modes == {"RGB": 2, "L": 1}
    assert scan("x", tmp_path / "gone", []).contents.smallest is None


def test_pictures_of_a_probe_folder_without_subfolders_have_the_first_role(tmp_path: Path) -> None:
    save(tmp_path, "b.png", "more/a.png")
    assert [(name, set(paths)) for name, paths in by_role(tmp_path, ("label", "target"))] == [
        ("b", {"label"}),
        ("more/a", {"label"}),
    ]


def test_a_probe_folder_with_roles_is_matched_by_name(tmp_path: Path) -> None:
    save(tmp_path / "label", "a.png", "b.png")
    save(tmp_path / "target", "a.jpg", "c.jpg")
    assert [(name, set(paths)) for name, paths in by_role(tmp_path, ("label", "instance", "target"))] == [
        ("a", {"label", "target"}),
        ("b", {"label"}),
    ]


def test_a_missing_probe_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone: no such folder"):
        by_role(tmp_path / "gone", ("source",))


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif", ".png"])
def test_damaged_pictures_are_named(tmp_path: Path, suffix: str) -> None:
    whole, damaged = tmp_path / f"whole{suffix}", tmp_path / f"damaged{suffix}"
    noise = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(noise).save(whole)
    data = whole.read_bytes()
    damaged.write_bytes(data[: len(data) // 2] + bytes(512) + data[len(data) // 2 + 512 :])
    [problem] = undecodable([whole, damaged], 3)
    assert f"damaged{suffix}: is damaged" in problem
