"""``write``: names, formats, and refusals."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from pictures import levels
from PIL import Image

from img2imgkit.errors import ConfigError
from img2imgkit.images import Metadata, Picture, decode, scratch
from img2imgkit.item import Entry, Item
from img2imgkit.pipeline.output_folder import OutputFolder, stage
from img2imgkit.step import Planning
from img2imgkit.steps.write import Write


def entry(relative: str) -> Entry:
    return Entry(f"/in/{relative}", PurePosixPath(relative), 3, 1, "1")


def write(folder: Path, **options: object) -> Write:
    step = Write(Write.Options(folder=folder, **options))
    step.prepare(Planning(None, {"model": "m", "scale": 2}))  # type: ignore[arg-type]
    return step


@pytest.mark.parametrize(
    ("options", "relative", "target"),
    [
        ({}, "a/x.JPG", "a/x.JPG"),
        ({}, "a/r2image.200.png", "a/r2image.200.png"),
        ({}, "a/x.psd", "a/x.png"),  # no writer: PNG
        ({"format": "webp"}, "x.jpg", "x.webp"),
        ({"name": "{stem}_{scale}x.png"}, "x.jpg", "x_2x.png"),
        ({"name": "{stem}.{ext}", "format": "tiff"}, "x.jpg", "x.tif"),
        ({"name": "{stem}-{width}"}, "x.png", "x-{width}.png"),
    ],
)
def test_targets(tmp_path: Path, options: dict[str, str], relative: str, target: str) -> None:
    assert str(write(tmp_path, **options).target(entry(relative))) == target


def test_the_size_is_filled_into_the_name_and_the_suffix_decides_the_format(tmp_path: Path) -> None:
    picture = Picture(levels(1, 5, 9))
    rendering = write(tmp_path, name="{stem}-{width}x{height}.bmp").render(Item.still(entry("x.png"), picture, picture))
    assert str(rendering.target) == "x-9x5.bmp"
    assert rendering.data.startswith(b"BM")


def test_a_step_that_enlarged_the_picture_in_silence_is_told_by_the_note_on_its_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9214] = (4, 2)  # the subject's place
    original = Picture(levels(1, 5, 9), metadata=Metadata(exif=exif.tobytes().removeprefix(b"Exif\0\0")))
    step = write(tmp_path, format="png")
    silent = original.with_pixels(original.color.repeat(2, axis=0), None)
    rebuilt = Picture(silent.color, metadata=original.metadata)
    for picture in (silent, rebuilt):
        rendering = step.render(Item.still(entry("x.png"), picture, original))
        note = "metadata stated in pixels of the original were left out: subject area"
        assert rendering.notes["encoding"] == note
    stated = original.resized(silent.color, None)
    assert "encoding" not in step.render(Item.still(entry("x.png"), stated, original)).notes


def test_a_suffix_that_contradicts_the_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name has a suffix of PNG, but the format is jpeg"):
        write(tmp_path, name="{stem}.png", format="jpeg")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file, not a folder"):
        write(tmp_path / "file")


def test_moving_the_folder_does_not_change_the_recipe(tmp_path: Path) -> None:
    assert write(tmp_path / "a").recipe() == write(tmp_path / "b", if_exists="overwrite").recipe()
    assert write(tmp_path).recipe() != write(tmp_path, quality=50).recipe()


@pytest.mark.parametrize(
    ("relative", "format", "target"),
    [
        ("a/no_suffix", "JPEG", "a/no_suffix.jpg"),
        ("x.jpg_large", "JPEG", "x.jpg"),
        ("x.HEIC", "JPEG", "x.jpg"),
        ("x.HEIC", "HEIF", "x.png"),
        ("x.jpg_large", "WEBP", "x.webp"),
    ],
)
def test_the_content_decides_the_format_where_the_suffix_does_not(
    tmp_path: Path, relative: str, format: str, target: str
) -> None:
    assert str(write(tmp_path).target(replace(entry(relative), format=format))) == target


def test_the_scale_of_the_picture_is_filled_into_the_name(tmp_path: Path) -> None:
    step = Write(Write.Options(folder=tmp_path, name="{stem}_{scale}x"))
    step.prepare(Planning(None, {"model": "m", "scale": None}))  # type: ignore[arg-type]
    assert str(step.target(entry("x.png"))) == "x_{scale}x.png"
    item = Item.still(entry("x.png"), Picture(levels(0))).with_facts(scale="1.5")
    assert str(step.render(item).target) == "x_1.5x.png"


def test_a_scale_that_may_be_a_fraction_has_no_width(tmp_path: Path) -> None:
    step = Write(Write.Options(folder=tmp_path, name="{stem}_{scale:02d}"))
    step.prepare(Planning(None, {"model": "m", "scale": 2}))  # type: ignore[arg-type]
    for scale in (None, "1.5"):
        with pytest.raises(ConfigError, match="it may not be a whole number"):
            step.prepare(Planning(None, {"model": "m", "scale": scale}))  # type: ignore[arg-type]


def test_a_suffix_that_is_not_that_of_the_content_is_noted(tmp_path: Path) -> None:
    item = Item.still(entry("x.jpg"), Picture(levels(0), format="PNG"))
    note = "the suffix does not match the content: read as PNG, written as JPEG"
    assert write(tmp_path).render(item).notes["encoding"] == note
    assert "encoding" not in write(tmp_path, format="jpeg").render(item).notes
    assert "encoding" not in write(tmp_path).render(Item.still(entry("x.png"), item.picture)).notes


def test_times_can_be_kept(tmp_path: Path) -> None:
    source = tmp_path / "x.png"
    source.touch()
    os.utime(source, ns=(5, 1_234_567_890_123_456_789))
    kept = Item.still(Entry(str(source), PurePosixPath("x.png"), 0, 1, "1"), Picture(levels(0)))
    assert write(tmp_path / "out").render(kept).modified is None
    assert write(tmp_path / "out", times="keep").render(kept).modified == 1_234_567_890_123_456_789
    gone = Item.still(Entry("http://host/x.png", PurePosixPath("x.png"), 0, 1, "1"), Picture(levels(0)))
    rendering = write(tmp_path / "out", times="keep").render(gone)
    assert (rendering.modified, rendering.notes["encoding"]) == (
        None,
        "the time of the input is unknown and was not kept",
    )


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_a_large_picture_is_staged_from_a_file_with_the_same_pixels(
    tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = Picture(levels(3, 50, 90))
    step = write(tmp_path, format=format)
    whole = step.render(Item.still(entry("x.png"), picture, picture))
    monkeypatch.setattr(scratch, "LARGE", 64)
    large = step.render(Item.still(entry("x.png"), picture, picture))
    assert isinstance(whole.data, bytes)
    assert not isinstance(large.data, bytes)
    assert (large.target, large.notes) == (whole.target, whole.notes)
    with OutputFolder(tmp_path):
        staged = stage(tmp_path, large.target, large.data)
        content = Path(staged.path).read_bytes()
        assert (staged.size, staged.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert (decode(Path(staged.path)).color == picture.color).all()
    assert large.data.closed
