"""Listing and reading training pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit.data.picture_files import list_pictures, read_rgb
from img2imgkit.errors import DataError

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
