from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from img2imgkit.images import format_of, is_image, readable, suffix_for, suffixes, writable


def test_everything_written_can_be_read_again():
    assert writable() <= readable()
    assert {"PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"} <= writable()


def test_documents_stubs_and_what_starts_other_programs_are_no_pictures():
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
def test_a_suffix_stands_for_a_format(name, format):
    assert format_of(Path(name)) == format
    assert is_image(Path(name)) == (format is not None)


def test_a_formats_own_suffix_leads_back_to_it():
    for format in writable():
        assert suffixes()[suffix_for(format)] == format


def test_nothing_pillow_reads_is_forgotten():
    Image.init()
    known = {suffix for suffix, format in Image.EXTENSION.items() if format in readable()}
    assert known <= set(suffixes())
    assert len(known) > 40
