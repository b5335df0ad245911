from __future__ import annotations

from pathlib import Path, PurePath

import pytest
from PIL import Image

from img2imgkit.images import format_of, is_image, readable, suffix_for, suffixes, writable
from img2imgkit.images.formats import suffix_of


def test_everything_written_can_be_read_again():
    assert writable() <= readable()
    assert {"PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"} <= writable()


def test_documents_and_stubs_are_not_pictures():
    for name in ("a.eps", "a.ps", "a.pdf", "a.h5", "a.grib", "a.mpg", "a.wmf"):
        assert not is_image(Path(name))
    assert not readable() & {"EPS", "PDF", "HDF5", "GRIB", "BUFR", "MPEG", "WMF"}


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.png", "PNG"),
        ("A.PNG", "PNG"),
        ("x.y.JpEg", "JPEG"),
        ("a.tif", "TIFF"),
        ("b.mpo", "JPEG"),
        (".png", None),
        ("png", None),
        ("a.png.bak", None),
        ("a.txt", None),
    ],
)
def test_suffixes_and_their_formats(name, format):
    assert format_of(Path(name)) == format
    assert is_image(Path(name)) == (format is not None)


def test_the_suffix_of_a_format_maps_back_to_it():
    for format in writable():
        assert suffixes()[suffix_for(format)] == format


def test_every_format_of_pillow_is_considered():
    Image.init()
    known = {suffix for suffix, format in Image.EXTENSION.items() if format in readable()}
    assert known <= set(suffixes())
    assert len(known) > 40


@pytest.mark.parametrize(
    "path", ["a.PNG", "x/a.b.png", "a", ".png", "x/.png", "..png", "a.", "a.b/c", "x.y/..", "x/...png", "", "a.é"]
)
def test_a_suffix_is_that_of_pathlib(path: str) -> None:
    assert suffix_of(path) == suffix_of(PurePath(path)) == PurePath(path).suffix.lower()
