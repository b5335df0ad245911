"""Headers: size and mode of files of every format, without decoding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit import images
from img2imgkit.data.headers import header
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
def test_a_file_that_is_not_a_picture_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
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
