"""Headers: size and mode of files of every format, without decoding."""

from __future__ import annotations

import io
from pathlib import Path

import imagecodecs
import numpy as np
import OpenEXR
import pytest
import tifffile
from PIL import Image

from img2imgkit import images
from img2imgkit.data.headers import header
from img2imgkit.errors import DataError

HEIF = Path(__file__).parents[1] / "fixtures" / "heif"


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


@pytest.mark.parametrize("name", ["turned", "10bit", "grey", "alpha"])
def test_heic_files_are_upright(name: str) -> None:
    picture = images.decode(HEIF / f"{name}.heic")
    assert header(HEIF / f"{name}.heic") == (picture.width, picture.height, "HEIF")


def test_content_counts_whatever_the_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes((HEIF / "turned.heic").read_bytes())
    (tmp_path / "b.png").write_bytes(imagecodecs.jpegxl_encode(np.zeros((5, 9, 3), np.uint8)))
    Image.new("RGB", (9, 5)).save(tmp_path / "c.png", "JPEG")
    found = [header(tmp_path / f"{name}.png") for name in "abc"]
    assert found == [(24, 40, "HEIF"), (9, 5, "JPEGXL"), (9, 5, "RGB")]


def float_pictures(folder: Path) -> list[Path]:
    pixels = np.full((5, 9, 3), 0.5, np.float32)
    tifffile.imwrite(folder / "a.tif", pixels, photometric="rgb")
    tifffile.imwrite(folder / "b.tif", pixels[..., 0], photometric="minisblack")
    (folder / "c.jxl").write_bytes(imagecodecs.jpegxl_encode(pixels))
    OpenEXR.File({}, {"RGB": pixels}).write(str(folder / "d.exr"))
    image = Image.fromarray(pixels[..., 0])
    stream = io.BytesIO()
    image.save(stream, "SPIDER")
    (folder / "e.spider").write_bytes(stream.getvalue())
    return sorted(folder.iterdir())


def test_floating_point_levels_are_refused_with_the_way_out(tmp_path: Path) -> None:
    for path in float_pictures(tmp_path):
        with pytest.raises(DataError, match=rf"{path.name}: has floating-point levels.*first convert it to 16 bits"):
            header(path)
