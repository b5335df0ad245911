"""``read``: what it finds, what it leaves alone."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import save_pictures
from PIL import Image

from img2imgkit.errors import ConfigError, DecodeError
from img2imgkit.step import Listing, Planning
from img2imgkit.steps.read import Read, natural_key


def read(folder: Path, **options: object) -> Read:
    return Read(Read.Options(folder=folder, **options))


def names(listing: Listing) -> list[str]:
    return [str(entry.relative) for entry in listing.entries]


def test_natural_order_and_index(tmp_path: Path) -> None:
    save_pictures(tmp_path, "10.png", "2.png", "b/1.png", "a2.png", "A10.png")
    listing = read(tmp_path).find()
    assert names(listing) == ["2.png", "10.png", "a2.png", "A10.png", "b/1.png"]
    assert [entry.index for entry in listing.entries] == [0, 1, 2, 3, 4]


def test_hidden_files_and_others_are_counted_and_left_alone(tmp_path: Path) -> None:
    save_pictures(tmp_path, "a.png", ".hidden.png", ".cache/x.png", "Thumbs.db.png")
    for name in ("Thumbs.db", "notes.txt", "no_suffix"):
        (tmp_path / name).write_text("no picture")
    listing = read(tmp_path).find()
    assert names(listing) == ["a.png", "Thumbs.db.png"]
    assert listing.ignored == {"hidden files": 2, "files that are no pictures": 2, "hidden folders": 1}


def test_without_recursion_only_the_folder_itself(tmp_path: Path) -> None:
    save_pictures(tmp_path, "a.png", "deep/b.png")
    assert names(read(tmp_path, recursive=False).find()) == ["a.png"]
    assert names(read(tmp_path).find()) == ["a.png", "deep/b.png"]


def test_include_and_exclude_as_in_gitignore(tmp_path: Path) -> None:
    save_pictures(tmp_path, "a.png", "b.jpg", "deep/c.png", "deep/er/d.png", "skip/e.png")
    listing = read(tmp_path, include=("*.png",), exclude=("skip/", "deep/er/*")).find()
    assert names(listing) == ["a.png", "deep/c.png"]
    assert listing.ignored == {"files that the patterns leave out": 3}


def test_one_file(tmp_path: Path) -> None:
    (path,) = save_pictures(tmp_path, "only.png")
    assert names(read(path).find()) == ["only.png"]
    assert read(path).folder() == tmp_path
    assert read(path).reads(path)
    assert not read(path).reads(tmp_path / "other.png")


def test_knows_what_it_would_read(tmp_path: Path) -> None:
    step = read(tmp_path, exclude=("out/",))
    assert step.reads(tmp_path / "deep" / "x.png")
    assert not step.reads(tmp_path / "out" / "x.png")
    assert not step.reads(tmp_path / ".img2img" / "x.png")
    assert not step.reads(tmp_path / "x.txt")
    assert not step.reads(tmp_path.parent / "x.png")
    assert not read(tmp_path, recursive=False).reads(tmp_path / "deep" / "x.png")


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    save_pictures(tmp_path, "a/x.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert names(read(tmp_path).find()) == ["a/x.png"]


def test_a_broken_link_fails_when_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    step = read(tmp_path)
    (entry,) = step.find().entries
    with pytest.raises(DecodeError, match=r"gone\.png"):
        step.load(entry)


def test_what_decoding_left_out_is_noted(tmp_path: Path) -> None:
    first, second = (Image.new("L", (3, 2), level) for level in (10, 200))
    first.save(tmp_path / "two.gif", save_all=True, append_images=[second])
    step = read(tmp_path)
    (entry,) = step.find().entries
    assert "first of 2" in step.load(entry).notes["decoding"]


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    (path,) = save_pictures(tmp_path, "a.png")
    os.rename(path, os.fsencode(tmp_path) + b"/\xff.png")  # noqa: PTH104
    step = read(tmp_path)
    (entry,) = step.find().entries
    assert step.load(entry).picture.width == 16


def test_patterns_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="exclude: Invalid git pattern"):
        read(tmp_path, exclude=("!",)).prepare(Planning(None))  # type: ignore[arg-type]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        read(tmp_path / "nowhere").prepare(Planning(None))  # type: ignore[arg-type]


@given(st.lists(st.text(max_size=12), max_size=8))
def test_natural_order_is_total(texts: list[str]) -> None:
    ordered = sorted(set(texts), key=natural_key)
    backwards = sorted(set(texts), key=natural_key, reverse=True)
    assert backwards[::-1] == ordered
