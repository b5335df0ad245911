from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image, TiffImagePlugin

from img2imgkit.images import EncodeOptions, Metadata, Picture, crop, decode, encode, resize

AREA, LOCATION, FOCAL_X, FOCAL_Y, FOCAL_UNIT = 0x9214, 0xA214, 0xA20E, 0xA20F, 0xA210
EXIF, ORIENTATION = 0x8769, 0x0112
HUGE = {"xA20E": TiffImagePlugin.IFDRational(4_000_000_000), "xA20F": TiffImagePlugin.IFDRational(1)}
LOST = "metadata stated in pixels of the original were left out: "


def photo(path, orientation=1, size=(60, 40), first=None, **tags):
    """A JPEG with EXIF tags by hexadecimal names: ``x9214=(10, 20)``."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "Maker"
    exif.update(first or {})
    exif.get_ifd(EXIF).update({int(name[1:], 16): value for name, value in tags.items()})
    exif.get_ifd(EXIF)[0x927C] = b"maker's own note" * 4
    Image.new("RGB", size).save(path, "JPEG", exif=exif)
    return decode(path)


def tags_of(made, format="JPEG"):
    encoded = encode(made, format)
    with Image.open(io.BytesIO(encoded.data)) as image:
        exif = image.getexif()
        below = dict(exif.get_ifd(EXIF))
    assert exif[0x010F] == "Maker"
    assert below[0x927C] == b"maker's own note" * 4
    return {**exif, **below}, encoded.notes


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_subject_area_follows_in_every_format(tmp_path, format):
    made = photo(tmp_path / "a.jpg", x9214=(30, 20, 10, 8), xA214=(30, 20))
    tags, notes = tags_of(crop(resize(made, 120, 40), 20, 10, 90, 30), format)
    assert (tags[AREA], tags[LOCATION], notes) == ((40, 10, 20, 8), (40, 10), ())


def test_the_subject_area_of_every_kind_is_turned_with_the_picture(tmp_path):
    rectangle = tags_of(photo(tmp_path / "a.jpg", 6, x9214=(10, 5, 8, 4)))
    assert (rectangle[0][AREA], rectangle[1]) == ((35, 10, 4, 8), ())
    circle = tags_of(resize(photo(tmp_path / "a.jpg", 2, x9214=(10, 5, 6)), 30, 20))[0]
    assert circle[AREA] == (25, 2, 3)
    assert tags_of(photo(tmp_path / "a.jpg", 8, x9214=(10, 5)))[0][AREA] == (5, 50)


@pytest.mark.parametrize(
    ("area", "change"),
    [
        ((5, 5), lambda made: crop(made, 20, 0, 40, 40)),  # outside
        ((30, 20, 10, 8), lambda made: resize(made, 60 * 3000, 1)),  # beyond 16 bits
        ((1, 2, 3, 4, 5), lambda made: resize(made, 30, 20)),
        ((30, 20), lambda made: made.with_pixels(made.color[1:], None)),
    ],
)
def test_a_subject_area_that_cannot_follow_is_left_out_with_a_note(tmp_path, area, change):
    tags, notes = tags_of(change(photo(tmp_path / "a.jpg", x9214=area)), "PNG")
    assert AREA not in tags
    assert notes == (LOST + "subject area",)


def test_the_focal_plane_resolution_follows_scale_and_turning_but_not_crops(tmp_path):
    focal = {"xA20E": 3000.0, "xA20F": TiffImagePlugin.IFDRational(3001, 2), "xA210": 3}
    tags, notes = tags_of(resize(photo(tmp_path / "a.jpg", **focal), 120, 20))
    assert (tags[FOCAL_X], float(tags[FOCAL_Y]), tags[FOCAL_UNIT], notes) == (6000, 750.25, 3, ())
    turned = tags_of(photo(tmp_path / "a.jpg", 5, **focal))[0]
    assert (float(turned[FOCAL_X]), turned[FOCAL_Y]) == (1500.5, 3000)
    assert tags_of(crop(photo(tmp_path / "a.jpg", **focal), 1, 1, 9, 9))[0][FOCAL_X] == 3000


@pytest.mark.parametrize(
    ("focal", "size"),
    [({"xA20E": 3000.0}, (30, 20)), ({"xA20E": 3000.0, "xA20F": (1.0, 2.0)}, (30, 20)), (HUGE, (600, 400))],
)
def test_a_focal_plane_resolution_that_cannot_follow_is_left_out_with_a_note(tmp_path, focal, size):
    tags, notes = tags_of(resize(photo(tmp_path / "a.jpg", xA210=3, **focal), *size))
    assert not {FOCAL_X, FOCAL_Y, FOCAL_UNIT} & tags.keys()
    assert notes == (LOST + "focal-plane resolution",)


def test_dots_per_inch_of_exif_are_swapped_by_a_quarter_turn_only(tmp_path):
    dots = {0x011A: 300.0, 0x011B: 150.0}
    for orientation, expected in ((3, (300, 150)), (6, (150, 300))):
        block = decode_exif(photo(tmp_path / "a.jpg", orientation, first=dots), "WEBP")
        assert (block[0x011A], block[0x011B]) == expected


def decode_exif(made, format):
    with Image.open(io.BytesIO(encode(made, format).data)) as image:
        return dict(image.getexif())


def test_a_file_that_moved_nothing_keeps_its_values(tmp_path):
    made = photo(tmp_path / "a.jpg", x9214=(30, 20, 99), xA20E=3000.0)
    tags, notes = tags_of(resize(resize(made, 120, 80), 60, 40))
    assert (tags[AREA], tags[FOCAL_X], notes) == ((30, 20, 99), 3000, ())


def test_stripped_metadata_are_not_mourned(tmp_path):
    made = photo(tmp_path / "a.jpg", x9214=(5, 5))
    assert encode(crop(made, 20, 0, 40, 40), "JPEG", EncodeOptions(metadata="strip")).notes == ()


def tiff(path, description, *more, dng=False):
    extra = [(50829, 4, 4, (0, 0, 40, 60), True)] if dng else []
    extra += [(286, 5, 1, (3, 2), True)] if more else []
    tifffile.imwrite(path, np.zeros((40, 60, 3), np.uint8), description=description, extratags=extra, metadata=None)
    return decode(path)


@pytest.mark.parametrize("description", ['{"shape": [40, 60, 3]}', "ImageJ=1.53t\nimages=1", "<?xml?><OME xmlns='x'/>"])
def test_a_description_of_sizes_does_not_survive_another_size(tmp_path, description):
    made = tiff(tmp_path / "a.tif", description)
    assert description_of(encode(made, "TIFF").data) == description
    encoded = encode(resize(made, 30, 20), "TIFF")
    assert description_of(encoded.data) is None
    assert encoded.notes == (LOST + "description of the pages",)
    made = tiff(tmp_path / "a.tif", "a caption")
    assert description_of(encode(resize(made, 30, 20), "TIFF").data) == "a caption"


def description_of(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.tag_v2.get(270)


def test_dng_areas_and_the_position_on_a_page_are_left_out_once_they_are_wrong(tmp_path):
    made = tiff(tmp_path / "a.tif", "", "position", dng=True)
    assert encode(resize(made, 30, 20), "TIFF").notes == (LOST + "crop areas",)
    encoded = encode(crop(made, 1, 0, 30, 20), "TIFF")
    assert encoded.notes == (LOST + "crop areas, position on the page",)
    with Image.open(io.BytesIO(encoded.data)) as image:
        assert not {50829, 286} & set(image.tag_v2)


def test_exif_that_cannot_be_parsed_is_left_out_alone():
    made = Picture(np.zeros((4, 4, 3), np.uint8), metadata=Metadata(exif=b"nonsense", xmp=b"<x/>"))
    encoded = encode(resize(made, 2, 2), "PNG")
    assert len(encoded.notes) == 1
    assert encoded.notes[0].startswith("EXIF data were left out")
    assert b"<x/>" in encoded.data


def test_big_endian_blocks_are_converted(tmp_path):
    made = photo(tmp_path / "a.jpg", x9214=(30, 20, 10, 8))
    ifd = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"MM")
    ifd[0x010F] = "Maker"
    ifd.tagtype[AREA] = 3
    ifd[AREA] = (30, 20, 10, 8)
    block = b"MM\0*\0\0\0\x08" + ifd.tobytes(8)
    made = Picture(made.color, metadata=Metadata(exif=block))
    assert decode_exif(resize(made, 30, 20), "WEBP")[AREA] == (15, 10, 5, 4)
