from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from corpus import noise
from corpus_files import turned
from corpus_png import plain
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from img2imgkit.errors import DecodeError
from img2imgkit.images import Metadata, Picture, decode, encode, writable

CORNERS = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)[..., None]
# What a viewer must show for stored rows [[1, 2, 3], [4, 5, 6]] under each orientation (TIFF 6.0, tag 274).
UPRIGHT = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}


@pytest.mark.parametrize(("orientation", "upright"), UPRIGHT.items())
@pytest.mark.parametrize(("format", "dtype"), [("PNG", "L"), ("TIFF", "L"), ("TIFF", "P"), ("PNG", "LA")])
def test_every_orientation_is_applied_once(tmp_path, orientation, upright, format, dtype):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x0110] = "Model X"
    image = Image.fromarray(CORNERS[..., 0])
    if dtype == "P":
        image = image.convert("P")
    if dtype == "LA":
        image.putalpha(Image.fromarray(CORNERS[..., 0] * 40))
    path = tmp_path / "picture"
    image.save(path, format, exif=exif.tobytes())
    picture = decode(path)
    assert picture.color[..., 0].tolist() == upright
    if dtype == "LA":
        assert picture.alpha[..., 0].tolist() == (np.array(upright) * 40).tolist()
    kept = Image.Exif()
    kept.load(picture.metadata.exif)
    assert kept.get(0x0112, 1) == 1
    assert kept[0x0110] == "Model X"


def test_the_limit_is_checked_before_pixels_are_decoded(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(plain(noise(0, 10, 10))[:60])  # without pixels
    with pytest.raises(DecodeError, match="10x10 = 100 pixels, more than the limit of 99 "):
        decode(path, max_pixels=99)
    with pytest.raises(DecodeError, match="damaged"):
        decode(path, max_pixels=100)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "PPM"])
def test_a_picture_beyond_pillows_limit_can_be_read(tmp_path, monkeypatch, format):
    path = tmp_path / "large"
    Image.fromarray(noise(1, 20, 20, 1)[..., 0]).save(path, format)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # stands for a picture of more than 179 million pixels
    assert decode(path, max_pixels=None).color.shape == (20, 20, 1)
    assert decode(path, max_pixels=400).notes == ()


def test_the_format_is_determined_by_content(tmp_path):
    pixels = noise(2, 4, 4)
    for name in ("a.png", "b.gif", "c"):
        Image.fromarray(pixels).save(tmp_path / name, "BMP")
        picture = decode(tmp_path / name)
        assert picture.format == "BMP"
        assert np.array_equal(picture.color, pixels)


def test_arrays_are_contiguous_and_writable(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(3, 4, 6)).save(tmp_path / "a.jpg", exif=exif)
    picture = decode(tmp_path / "a.jpg")
    assert picture.color.flags.c_contiguous
    assert picture.color.flags.writeable


def test_an_unreadable_file_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(plain(noise(4, 4, 4)))

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "x", str(path))

    monkeypatch.setattr(sys.modules["img2imgkit.images.decode"], "open_regular", refuse)
    with pytest.raises(DecodeError, match=r"a\.png: cannot be read: Permission denied"):
        decode(path)


def test_a_name_of_any_bytes_is_shown_in_one_printable_line(tmp_path):
    path = tmp_path / os.fsdecode(b"a\xff\n\x1b[0m.png")
    path.write_bytes(b"")
    with pytest.raises(DecodeError) as caught:
        decode(path)
    assert str(caught.value).isprintable()
    str(caught.value).encode("utf-8")


def test_lack_of_memory_is_a_decode_error(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(plain(noise(4, 4, 4)))

    def exhausted(*_args):
        raise MemoryError

    monkeypatch.setattr("img2imgkit.images.png_read.read", exhausted)
    with pytest.raises(DecodeError, match="not enough memory"):
        decode(path)


@given(data=st.data())
@settings(max_examples=150)
def test_a_damaged_file_is_a_picture_or_a_decode_error(tmp_path, seeds, data):
    """Any byte of the header or the pixels may be wrong or missing; the only exception may be DecodeError."""
    damaged = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(damaged), data.draw(st.sampled_from([40, 400, 10**6]))) - 1))
        damaged[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    try:
        size = decode(path, max_pixels=1_000_000).color.size
    except DecodeError:
        size = 0
    assert size <= 4_000_000


@pytest.fixture(scope="module")
def seeds():
    picture = Picture(noise(5, 12, 10), metadata=Metadata(exif=turned(1).tobytes()[6:], dpi=(72, 72)))
    deep = Picture(noise(6, 12, 10, 3, np.uint16))
    return [encode(picture, format).data for format in sorted(writable())] + [
        encode(deep, format).data for format in ("PNG", "TIFF", "PPM", "SGI")
    ]


def test_a_path_may_be_text(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(CORNERS[..., 0]).save(path)
    assert np.array_equal(decode(str(path)).color, CORNERS)
    with pytest.raises(DecodeError, match=r"gone\.png"):
        decode(str(tmp_path / "gone.png"))
