"""Folders of pictures: headers, folders in folders, and what decoding shows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit.data.folders import examine, overlapping, scan


def save(folder: Path, *names: str, size: tuple[int, int] = (6, 4)) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(path)


def test_contents_are_counts_sizes_and_modes(tmp_path: Path) -> None:
    save(tmp_path, "a.png")
    save(tmp_path, "b.png", size=(3, 9))
    Image.new("L", (5, 5)).save(tmp_path / "c.png")
    contents = scan("x", tmp_path, []).contents
    assert (contents.name, contents.pictures, contents.smallest, contents.largest) == ("x", 3, (3, 4), (6, 9))
    assert contents.modes == {"RGB": 2, "L": 1}
    assert scan("x", tmp_path / "gone", []).contents.smallest is None


def test_a_folder_in_another_one_is_found_in_either_order_and_through_links(tmp_path: Path) -> None:
    (tmp_path / "all" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "all" / "b")
    inner, outer = {"b": tmp_path / "all" / "b"}, {"a": tmp_path / "all"}
    for folders in ({**inner, **outer}, {**outer, **inner}, {"b": tmp_path / "link", **outer}):
        [problem] = overlapping(folders)
        assert re.search(r"(all/b|link) \(b\) is inside .*all \(a\)", problem)
    assert overlapping({"a": tmp_path / "all", "b": tmp_path / "all2"}) == []


def test_two_options_share_a_folder_only_with_different_patterns(tmp_path: Path) -> None:
    folders = {"source": tmp_path, "target": tmp_path}
    assert "is both source and target" in overlapping(folders)[0]
    assert overlapping(folders, {"source": "*_A", "target": "*_B"}) == overlapping(folders, {"target": "*_B"}) == []


def test_notes_of_a_kind_are_one_line(tmp_path: Path) -> None:
    for number in range(3):
        pages = [Image.new("L", (5, 5)) for _ in range(number + 2)]
        pages[0].save(tmp_path / f"{number}.tif", save_all=True, append_images=pages[1:])
    save(tmp_path, "z.png")
    (tmp_path / "y.png").write_text("no picture")
    found = examine(sorted(tmp_path.iterdir()), 3)
    [problem], [note] = found.problems, found.notes
    assert "y.png" in problem
    assert note.startswith(f"{tmp_path / '0.tif'}: ")
    assert note.endswith("(and 2 more pictures like it)")


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif", ".png"])
def test_damaged_pictures_are_named(tmp_path: Path, suffix: str) -> None:
    whole, damaged = tmp_path / f"whole{suffix}", tmp_path / f"damaged{suffix}"
    noise = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(noise).save(whole)
    data = whole.read_bytes()
    damaged.write_bytes(data[: len(data) // 2] + bytes(512) + data[len(data) // 2 + 512 :])
    [problem] = examine([whole, damaged], 3).problems
    assert f"damaged{suffix}: is damaged" in problem
