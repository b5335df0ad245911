"""``write``: names, formats, and refusals."""

from pathlib import Path, PurePosixPath

import pytest
from pictures import levels
from PIL import Image

from img2imgkit.errors import ConfigError
from img2imgkit.images import Metadata, Picture
from img2imgkit.item import Entry, Item
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
