from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from img2imgkit.data.headers import header
from img2imgkit.errors import DecodeError
from img2imgkit.images import decode, encode, tiff_pages

REDUCED, PAGE, MASK, DEPTH = 1, 2, 4, 8
COPIES, FURTHER = "smaller copies of the picture were left out: ", "further pages or frames in the file were left out: "


def pixels(height, width, dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max + 1, (height, width, 3)).astype(dtype)


def written(path, *pages, **options):
    """Write pages: each is (kind, pixels, SubIFDs as such pages)."""
    with tifffile.TiffWriter(path, **options) as file:
        for kind, image, subs in pages:
            common = {"photometric": "rgb" if image.ndim == 3 else "minisblack", "metadata": None}
            file.write(image, subfiletype=kind, subifds=len(subs), **common)
            for sub_kind, sub in subs:
                file.write(sub, subfiletype=sub_kind, **common)
    return path


WHOLE, SMALL, MASKED = pixels(24, 32), pixels(6, 8, seed=1), np.zeros((24, 32), bool)


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
@pytest.mark.parametrize(
    ("pages", "notes"),
    [
        ([(REDUCED, SMALL, []), (0, WHOLE, [])], (COPIES + "1",)),
        ([(REDUCED, SMALL, [(0, WHOLE)])], (COPIES + "1",)),
        ([(REDUCED, SMALL, [(REDUCED, SMALL), (0, WHOLE)])], (COPIES + "2",)),
        ([(MASK, MASKED, []), (0, WHOLE, [])], ("the transparency mask was left out",)),
        ([(0, WHOLE, [(REDUCED, SMALL), (REDUCED, SMALL[:3])])], (COPIES + "2",)),
        ([(0, WHOLE, []), (REDUCED, SMALL, []), (REDUCED | MASK, MASKED, [])],
         (COPIES + "1", "the transparency mask was left out")),
        ([(0, WHOLE, []), (0, SMALL, []), (0, SMALL, [])], (FURTHER + "2",)),
        ([(PAGE, WHOLE, []), (PAGE, SMALL, [])], (FURTHER + "1",)),
        ([(0, WHOLE, [(0, SMALL)])], (FURTHER + "1",)),
        ([(REDUCED, SMALL, []), (0, WHOLE, []), (DEPTH, MASKED, [])], (COPIES + "1", "the depth map was left out")),
        ([(0, WHOLE, []), (REDUCED | DEPTH, SMALL, [])], (COPIES + "1",)),  # the overview of a slide scanner
        ([(REDUCED, WHOLE, []), (REDUCED, SMALL, [])], (COPIES + "1",)),  # no page says that it is the picture
        ([(0, WHOLE, [])], ()),
    ],
)  # fmt: skip
def test_the_main_picture_is_read_and_the_others_are_noted(tmp_path, pages, notes, options):
    path = written(tmp_path / "a.tif", *pages, **options)
    picture = decode(path)
    assert np.array_equal(picture.color, WHOLE)
    assert picture.notes == notes
    assert header(path)[:2] == (32, 24)


def test_the_main_picture_is_read_by_every_decoder(tmp_path):
    bilevel = np.tile(np.array([[False, True]]), (24, 16))
    for name, image in (("deep", pixels(24, 32, np.uint16)), ("bilevel", bilevel)):
        path = tmp_path / f"{name}.tif"
        with tifffile.TiffWriter(path) as file:
            file.write(SMALL, subfiletype=REDUCED, photometric="rgb", metadata=None)
            file.write(image, subfiletype=0, photometric="minisblack" if image.ndim == 2 else "rgb", metadata=None)
        expected = image * np.uint8(255) if name == "bilevel" else image
        assert np.array_equal(decode(path).color.squeeze(), expected)
    assert decode(tmp_path / "bilevel.tif").mode == "1"
    assert header(tmp_path / "bilevel.tif") == (32, 24, "1")


def test_tags_of_the_thumbnail_page_describe_the_picture_except_for_its_pixels(tmp_path):
    path = tmp_path / "a.tif"
    camera = [(271, 2, 0, "Maker", True), (700, 1, 4, b"<x/>", True), (33550, 12, 3, (9.0, 9.0, 0.0), True)]
    with tifffile.TiffWriter(path) as file:
        file.write(
            SMALL,
            subfiletype=REDUCED,
            photometric="rgb",
            metadata=None,
            extratags=camera,
            resolution=(7, 7),
            resolutionunit=2,
        )
        file.write(WHOLE, subfiletype=0, photometric="rgb", metadata=None, resolution=(300, 300), resolutionunit=2)
    picture = decode(path)
    assert picture.metadata.dpi == (300, 300)
    with tifffile.TiffFile(io.BytesIO(encode(picture, "TIFF").data)) as file:
        tags = {tag.code: tag.value for tag in file.pages.first.tags}
    assert tags[271] == "Maker"
    assert tags[700] == b"<x/>"
    assert not {33550, 254} & tags.keys()


def test_a_description_of_pages_does_not_survive_the_pages(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((5, 24, 32), np.uint8), imagej=True)
    picture = decode(path)
    assert picture.notes == (FURTHER + "4",)
    assert b"ImageJ=" in path.read_bytes()
    assert b"ImageJ=" not in encode(picture, "TIFF").data


def test_an_unreadable_picture_is_not_replaced_by_its_thumbnail(tmp_path):
    path = written(tmp_path / "a.tif", (REDUCED, SMALL, [(0, WHOLE)]))
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        photometric = file.pages.first.pages[0].tags[262]
    struct.pack_into("<H", data, photometric.valueoffset, 32803)  # colour filter array: the raw data of a camera
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="colours CFA"):
        decode(path)


def test_loops_of_pages_end(tmp_path):
    path = written(tmp_path / "a.tif", (0, WHOLE, []), (0, SMALL, []))
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        second = file.pages[1].offset
    count = struct.unpack_from("<H", data, second)[0]
    struct.pack_into("<I", data, second + 2 + 12 * count, 8)
    file = io.BytesIO(data)
    assert tiff_pages.pages(file).pictures == 1


def test_the_work_on_pages_is_bounded():
    rows, count = 4000, 2000
    offsets = range(9000, 9000 + 12 * count, 12)  # directories that overlap: their rows are counts of others
    first = struct.pack("<H", 1) + struct.pack("<HHII", 330, 4, count, 26) + bytes(4)
    head = b"II*\0" + struct.pack("<I", 8) + first + struct.pack(f"<{count}I", *offsets)
    data = head.ljust(9000, b"\0") + struct.pack("<HHII", rows, 3, 1, 0) * (rows + 2 * count)
    found = tiff_pages.pages(io.BytesIO(data))
    assert 10 < found.pictures <= tiff_pages.MAX_WORK // rows + 1


@given(st.data())
def test_any_bytes_have_pages_or_are_a_decode_error(data):
    whole = io.BytesIO()
    tifffile.imwrite(whole, SMALL, photometric="rgb", metadata=None)
    changed = bytearray(whole.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, 250))] = data.draw(st.integers(0, 255))
    try:
        found = tiff_pages.pages(io.BytesIO(changed))
    except DecodeError:
        return
    moved = tiff_pages.main_first(io.BytesIO(changed), found.main)
    assert tiff_pages.layout(moved).first == found.main


def test_a_patched_file_reads_like_any_other():
    whole = io.BytesIO()
    tifffile.imwrite(whole, SMALL, photometric="rgb", metadata=None)
    data = whole.getvalue()
    moved = tiff_pages.main_first(io.BytesIO(data), 1000)
    expected = data[:4] + struct.pack("<I", 1000) + data[8:]
    assert moved.read() == expected
    for start in (0, 3, 5, 7, 8, 90):
        moved.seek(start)
        assert moved.read(6) == expected[start : start + 6]
    moved.seek(-5, 2)
    assert moved.read() == expected[-5:]
    assert tiff_pages.main_first(whole, tiff_pages.layout(whole).first) is whole


@pytest.mark.parametrize(
    ("compression", "mode"), [("group4", "1"), ("jpeg", "RGB"), ("packbits", "P"), ("tiff_adobe_deflate", "LAB")]
)
def test_every_compression_is_read_from_a_later_page(tmp_path, compression, mode):
    rng = np.random.default_rng(3)

    def image(height, width):
        levels = rng.integers(0, 2, (height, width, 3), np.uint8) * 255
        made = Image.fromarray(levels if mode in ("RGB", "LAB") else levels[..., 0])
        if mode != "LAB":
            return made.convert(mode)
        lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        return ImageCms.applyTransform(made, lab)

    small, large = image(6, 8), image(24, 32)
    alone, both = tmp_path / "alone.tif", tmp_path / "both.tif"
    large.save(alone, compression=compression)
    small.save(both, compression=compression, save_all=True, append_images=[large], tiffinfo={254: 0})
    data = bytearray(both.read_bytes())
    with tifffile.TiffFile(both) as file:
        struct.pack_into("<I", data, file.pages.first.tags[254].valueoffset, REDUCED)
    both.write_bytes(data)
    assert np.array_equal(decode(both).color, decode(alone).color)
    assert decode(both).mode == decode(alone).mode == mode
