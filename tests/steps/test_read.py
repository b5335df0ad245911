"""``read``: the files it finds, and those it ignores."""

import os
import re
import tempfile
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import save_pictures
from PIL import Image

from img2imgkit.errors import ConfigError, DamagedError, DecodeError
from img2imgkit.images import formats
from img2imgkit.item import Entry
from img2imgkit.step import Planning
from img2imgkit.steps.read import REASONS, Read, natural_key


def read(folder: Path, **options: object) -> Read:
    return Read(Read.Options(folder=folder, **options))


def found(step: Read) -> list[Entry]:
    return list(step.find(Counter()))


def names(step: Read, ignored: Counter[str] | None = None) -> list[str]:
    return [str(entry.relative) for entry in step.find(Counter() if ignored is None else ignored)]


def test_natural_order_and_index(tmp_path: Path) -> None:
    save_pictures(tmp_path, "10.png", "2.png", "b/1.png", "a2.png", "A10.png")
    assert names(read(tmp_path)) == ["2.png", "10.png", "a2.png", "A10.png", "b/1.png"]
    assert [entry.index for entry in found(read(tmp_path))] == [0, 1, 2, 3, 4]


def test_an_entry_states_the_location_and_version_of_its_file(tmp_path: Path) -> None:
    (path,) = save_pictures(tmp_path, "b/1.png")
    (entry,) = found(read(tmp_path))
    about = path.stat()
    assert entry == Entry(str(path), PurePosixPath("b/1.png"), 0, about.st_size, str(about.st_mtime_ns))
    assert entry.path == path


def test_hidden_and_other_files_are_counted_and_ignored(tmp_path: Path) -> None:
    save_pictures(tmp_path, "a.png", ".hidden.png", ".cache/x.png", "Thumbs.db.png")
    for name in ("Thumbs.db", "notes.txt", "no_suffix"):
        (tmp_path / name).write_text("no picture")
    ignored: Counter[str] = Counter()
    assert names(read(tmp_path), ignored) == ["a.png", "Thumbs.db.png"]
    assert ignored == {
        "hidden files": 2,
        "files that are not pictures (.txt)": 1,
        "files that are not pictures (no suffix)": 1,
        "hidden folders": 1,
    }


def test_without_recursion_only_the_folder_itself_is_read(tmp_path: Path) -> None:
    save_pictures(tmp_path, "a.png", "deep/b.png")
    assert names(read(tmp_path, recursive=False)) == ["a.png"]
    assert names(read(tmp_path)) == ["a.png", "deep/b.png"]


def test_include_and_exclude_are_gitignore_patterns(tmp_path: Path) -> None:
    save_pictures(tmp_path, "a.png", "b.jpg", "deep/c.png", "deep/er/d.png", "skip/e.png")
    ignored: Counter[str] = Counter()
    step = read(tmp_path, include=("*.png",), exclude=("skip/", "deep/er/*"))
    assert names(step, ignored) == ["a.png", "deep/c.png"]
    assert ignored == {"files excluded by patterns": 3}


def test_one_file(tmp_path: Path) -> None:
    (path,) = save_pictures(tmp_path, "only.png")
    assert names(read(path)) == ["only.png"]
    assert read(path).location() == str(tmp_path)
    assert read(path).reads(str(path))
    assert not read(path).reads(str(tmp_path / "other.png"))


def test_reads_agrees_with_find(tmp_path: Path) -> None:
    step = read(tmp_path, exclude=("out/",))
    assert step.reads(str(tmp_path / "deep" / "x.png"))
    assert not step.reads(str(tmp_path / "out" / "x.png"))
    assert not step.reads(str(tmp_path / ".img2img" / "x.png"))
    assert not step.reads(str(tmp_path / "x.txt"))
    assert not step.reads(str(tmp_path.parent / "x.png"))
    assert not read(tmp_path, recursive=False).reads(str(tmp_path / "deep" / "x.png"))


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    save_pictures(tmp_path, "a/x.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert names(read(tmp_path)) == ["a/x.png"]


def test_a_broken_link_fails_when_decoded(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    step = read(tmp_path)
    (entry,) = found(step)
    with pytest.raises(DecodeError, match=r"gone\.png"):
        step.load(entry)


def test_notes_of_decoding_are_notes_of_the_item(tmp_path: Path) -> None:
    first, second = (Image.new("L", (3, 2), level) for level in (10, 200))
    first.save(tmp_path / "two.gif", save_all=True, append_images=[second])
    step = read(tmp_path)
    (entry,) = found(step)
    assert "further pages or frames in the file were left out: 1" in step.load(entry).notes["decoding"]


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    (path,) = save_pictures(tmp_path, "a.png")
    os.rename(path, os.fsencode(tmp_path) + b"/\xff.png")  # noqa: PTH104
    step = read(tmp_path)
    (entry,) = found(step)
    assert step.load(entry).picture.width == 16


def test_invalid_patterns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="exclude: Invalid git pattern"):
        read(tmp_path, exclude=("!",)).prepare(Planning(None))  # type: ignore[arg-type]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        read(tmp_path / "nowhere").prepare(Planning(None))  # type: ignore[arg-type]


@given(st.lists(st.text(max_size=12), max_size=8))
def test_natural_order_is_total(texts: list[str]) -> None:
    ordered = sorted(set(texts), key=natural_key)
    backwards = sorted(set(texts), key=natural_key, reverse=True)
    assert backwards[::-1] == ordered


def reference_key(name: str) -> list[tuple[int, int, str]]:
    """The definition of natural order: a list of numbers and texts for each name."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part] + [(0, -1, name)]


PIECES = ["a", "A", "b", "0", "1", "01", "10", "9", "-", ".", " ", "~", "ß", "ss", "٣", "é", "\x01"]
NAMES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join).filter(lambda name: name[0] != ".")


@given(st.lists(st.tuples(st.lists(NAMES, max_size=3), NAMES), min_size=1, max_size=25))
def test_reading_by_folder_yields_the_order_of_all_names_sorted(tree: list[tuple[list[str], str]]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for folders, name in tree:
            folder = Path(scratch, *(f"{folder}" for folder in folders))
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.png").touch()
        expected = [str(path.relative_to(scratch)) for path in Path(scratch).rglob("*.png")]
        assert names(read(Path(scratch))) == sorted(expected, key=reference_key)


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12), max_size=8))
def test_compact_keys_sort_as_lists_of_parts(texts: list[str]) -> None:
    assert sorted(texts, key=natural_key) == sorted(texts, key=reference_key)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("no_suffix", "JPEG"),
        ("tweet.jpg_large", "JPEG"),
        ("photo.jpg!w1200", "WEBP"),
        ("really_png.HEIC", "PNG"),
        ("report.pdf", "TIFF"),
        ("a.dat", "GIF"),
        ("b.bin", "AVIF"),
        ("raw.nef", "JPEG"),
    ],
)
def test_pictures_under_another_suffix_are_read(tmp_path: Path, name: str, format: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / name, format)
    step = read(tmp_path)
    (entry,) = found(step)
    assert entry.format == format
    assert step.reads(entry.location)
    assert step.load(entry).picture.format == format
    assert step.size(entry) == (8, 8)


def test_a_usual_suffix_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no picture")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.jpg", "PNG")
    assert [entry.format for entry in found(read(tmp_path))] == ["", ""]


@pytest.mark.parametrize("name", ["a.jpg.part", "a.jpg.crdownload", "a.jpg~", "a.jpg.bak", "a.TMP"])
def test_unfinished_and_backup_files_are_not_pictures(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / name, "JPEG")
    assert names(read(tmp_path)) == []


def test_pipes_are_not_opened_to_look_at_their_content(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert names(read(tmp_path)) == []


def test_unreadable_pictures_are_counted_by_suffix_with_what_would_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.heic", "b.HEIC", "c.NEF", "d.svg", "e.txt", "f.weird.$$$"):
        (tmp_path / name).write_bytes(b"1234")
    monkeypatch.setattr("img2imgkit.images.formats.find_spec", lambda name: None)
    for cached in (formats.readable, formats.suffixes, formats.unreadable_suffixes):
        cached.cache_clear()
    try:
        ignored: Counter[str] = Counter()
        assert names(read(tmp_path), ignored) == []
        assert ignored == {
            "unreadable pictures (.heic: install pi-heif)": 2,
            "unreadable pictures (.nef: install img2imgkit[raw])": 1,
            "unreadable pictures (.svg)": 1,
            "files that are not pictures (.txt)": 1,
            "files that are not pictures (no suffix)": 1,
        }
    finally:
        monkeypatch.undo()
        for cached in (formats.readable, formats.suffixes, formats.unreadable_suffixes):
            cached.cache_clear()


def test_very_many_suffixes_are_not_counted_separately(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"a.{number}").touch()
    ignored: Counter[str] = Counter()
    assert names(read(tmp_path), ignored) == []
    assert len(ignored) == REASONS + 1
    assert ignored["files that are not pictures (others)"] == 100 - REASONS


def test_files_that_patterns_exclude_are_not_looked_into(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "no_suffix", "JPEG")
    (tmp_path / "a.svg").touch()
    ignored: Counter[str] = Counter()
    assert names(read(tmp_path, include=("*.png",)), ignored) == []
    assert ignored == {"files excluded by patterns": 2}


def test_the_white_point_is_part_of_the_recipe_only_if_stated(tmp_path: Path) -> None:
    assert "float" not in read(tmp_path).recipe()
    assert read(tmp_path, float={"white": 2.0}).recipe()["float"] == {"white": 2.0, "curve": "format"}


def truncated(folder: Path) -> None:
    save_pictures(folder, "1.jpg", size=(64, 64))
    data = (folder / "1.jpg").read_bytes()
    (folder / "1.jpg").write_bytes(data[: len(data) * 3 // 4])


def test_a_damaged_picture_fails_and_the_reason_names_the_option(tmp_path: Path) -> None:
    truncated(tmp_path)
    step = read(tmp_path)
    with pytest.raises(DamagedError, match=r"1\.jpg: is damaged: .*damaged: salvage"):
        step.load(found(step)[0])


def test_a_salvaged_picture_has_a_note(tmp_path: Path) -> None:
    truncated(tmp_path)
    step = read(tmp_path, damaged="salvage")
    assert "damaged and was salvaged" in step.load(found(step)[0]).notes["decoding"]


def test_outputs_of_salvaged_pictures_are_not_those_of_whole_ones(tmp_path: Path) -> None:
    save_pictures(tmp_path, "1.png")
    assert read(tmp_path, damaged="salvage").recipe() != read(tmp_path).recipe()
