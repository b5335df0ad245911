"""The size of a picture by its header is the size of the decoded picture."""

import os
from pathlib import Path

import pytest
from pictures import levels
from PIL import Image

from img2imgkit.images import decode, size_of


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


def test_what_cannot_be_read_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (tmp_path / "c.jpg").write_bytes(b"")
    os.mkfifo(tmp_path / "d.jpg")
    for name in ("a.jpg", "b.png", "c.jpg", "d.jpg", "missing.jpg", ".", "nul\0l"):
        assert size_of(tmp_path / name) is None
