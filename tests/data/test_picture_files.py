"""Headers: size and mode of files of every format, without decoding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit import images
from img2imgkit.data.picture_files import header, list_pictures, read_rgb
from img2imgkit.errors import DataError


def saved(path: Path, mode: str, orientation: int = 1) -> Path:
    image = Image.new("RGB", (9, 5), (1, 2, 3)).convert(mode) if mode != "I;16" else Image.new(mode, (9, 5))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [
        ("png", "L"), ("png", "RGB"), ("png", "RGBA"), ("png", "LA"), ("png", "P"), ("png", "1"), ("png", "I;16"),
        ("jpg", "RGB"), ("jpg", "L"), ("tif", "RGB"), ("tif", "I;16"), ("tif", "RGBA"), ("webp", "RGB"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("orientation", [1, 6])
def test_headers_agree_with_decoded_pictures(tmp_path: Path, suffix: str, mode: str, orientation: int) -> None:
    path = saved(tmp_path / f"a.{suffix}", mode, orientation)
    found, picture = header(path), images.decode(path)
    assert found == (picture.width, picture.height, mode)
    assert found[:2] == ((9, 5) if orientation == 1 else (5, 9))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_colour_is_recognised(tmp_path: Path, suffix: str) -> None:
    picture = images.Picture(np.zeros((5, 9, 3), np.uint16))
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(images.encode(picture, "PNG" if suffix == "png" else "TIFF").data)
    assert header(path) == (9, 5, "RGB;16")


def test_no_pixel_is_decoded(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", "RGB")
    path.write_bytes(path.read_bytes()[:33])
    assert header(path) == (9, 5, "RGB")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"text", "is not a picture"),
        (b"\x89PNG\r\n\x1a\n garbled", "damaged"),
        (b"II*\0 gone", "damaged"),
    ],
)
def test_a_file_without_a_header_of_a_picture_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(DataError, match=rf"odd\.png.*{reason}"):
        header(tmp_path / "odd.png")


def test_cmyk_is_refused(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4)).save(tmp_path / "press.jpg")
    with pytest.raises(DataError, match=r"press\.jpg: is in cmyk"):
        header(tmp_path / "press.jpg")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png: cannot be read"):
        header(tmp_path / "gone.png")


GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def test_lists_pictures_below_in_order_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    for name in ("b.png", "a/z.JPG", "a/notes.txt", ".hidden.png", ".cache/c.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    assert [str(path.relative_to(tmp_path)) for path in list_pictures([tmp_path])] == ["a/z.JPG", "b.png"]


def test_grey_pictures_become_three_equal_channels(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    pixels = read_rgb(tmp_path / "grey.png")
    assert pixels.shape == (6, 8, 3)
    assert (pixels == GREY[..., None]).all()


def test_sixteen_bits_are_rounded_to_eight(tmp_path: Path) -> None:
    levels = GREY.astype(np.uint16) * 257 + 100
    Image.fromarray(levels).save(tmp_path / "deep.png")
    assert (read_rgb(tmp_path / "deep.png") == GREY[..., None]).all()


def test_transparency_is_left_out(tmp_path: Path) -> None:
    rgba = np.dstack([GREY, GREY, GREY, GREY])
    Image.fromarray(rgba, "RGBA").save(tmp_path / "clear.png")
    assert (read_rgb(tmp_path / "clear.png") == GREY[..., None]).all()


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n damaged"])
def test_a_file_that_is_not_a_picture_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"odd\.png"):
        read_rgb(path)


def test_a_colour_space_that_cannot_be_trained_on_is_named(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8)).save(tmp_path / "press.jpg")
    with pytest.raises(DataError, match=r"press\.jpg.*cmyk"):
        read_rgb(tmp_path / "press.jpg")
