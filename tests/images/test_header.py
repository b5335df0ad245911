"""The size of a picture by its header is the size of the decoded picture."""

import os
import re
from pathlib import Path

import pytest
import tifffile
from pictures import levels
from PIL import Image

from img2imgkit.errors import DecodeError
from img2imgkit.images import decode, header_of, size_of


@pytest.mark.parametrize("suffix", ["jpg", "webp", "png", "tif", "avif", "jp2", "gif", "bmp", "ppm", "tga"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_it_is_the_size_of_the_decoded_picture(tmp_path: Path, suffix: str, orientation: int) -> None:
    image = Image.fromarray(levels(0, 20, 30))
    exif = image.getexif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    image.save(path, exif=exif)
    picture = decode(path)
    assert size_of(path) == (picture.width, picture.height)
    assert header_of(path) == (picture.width, picture.height, picture.mode)


def test_it_is_the_size_of_the_main_page_of_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(levels(0, 2, 3), subfiletype=1, photometric="rgb")
        file.write(levels(0, 20, 30), subfiletype=0, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    assert size_of(path) == (20, 30)
    assert decode(path).color.shape[:2] == (30, 20)


def test_what_cannot_be_read_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (tmp_path / "c.jpg").write_bytes(b"")
    os.mkfifo(tmp_path / "d.jpg")
    for name in ("a.jpg", "b.png", "c.jpg", "d.jpg", "missing.jpg", ".", "nul\0l"):
        assert size_of(tmp_path / name) is None
        with pytest.raises(DecodeError, match=re.escape(str(tmp_path))):
            header_of(tmp_path / name)


def test_markers_of_a_jpeg_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    for options in ({"progressive": True}, {"comment": b"x" * 60000}, {"icc_profile": bytes(200_000)}, {"dpi": (9, 9)}):
        Image.fromarray(levels(0, 20, 30)).save(path, **options)
        assert size_of(path) == (30, 20)
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff" + data[2:])  # a fill byte: left to Pillow
    assert size_of(path) == (30, 20)
    path.write_bytes(data[:2] + b"\xff\xe1\x00\x08Exif\0\0" + data[2:])  # EXIF without content
    assert size_of(path) in ((30, 20), None)
