from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile

from img2imgkit.images import crop, decode, encode, resize

SCALE, TIES, MATRIX, KEYS = 33550, 33922, 34264, 34735
NORTH_UP = {SCALE: (30.0, 20.0, 1.0), TIES: (3.0, 2.0, 0.0, 500_000.0, 4_000_000.0, 7.0)}
ROTATED = {MATRIX: (21.0, -9.0, 0.0, 5e5, 9.0, 21.0, 0.0, 4e6, 0.0, 0.0, 1.0, 5.0, 0.0, 0.0, 0.0, 1.0)}
AREA, POINT = (1, 1, 0, 1, 1025, 0, 1, 1), (1, 1, 0, 1, 1025, 0, 1, 2)


def positions(width, height):
    """Pixels that state their own column and row."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([columns, rows, rows * 0], axis=2).astype(np.uint8)


def geotiff(path, stated, keys=AREA, orientation=1, size=(40, 30)):
    extra = [(tag, 12, len(values), values, True) for tag, values in stated.items()]
    extra += [(KEYS, 3, len(keys), keys, True), (274, 3, 1, orientation, True)]
    tifffile.imwrite(path, positions(*size), photometric="rgb", extratags=extra, metadata=None)
    return path


def tags_of(data):
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return {tag.code: tag.value for tag in file.pages.first.tags}, file.pages.first.asarray()


def ground(tags, x, y):
    """The place of a point in pixels from the picture's outer corner, by the tags alone."""
    half = 0.5 if tags.get(KEYS) == POINT else 0.0
    x, y = x - half, y - half
    if MATRIX in tags:
        m = tags[MATRIX]
        return m[0] * x + m[1] * y + m[3], m[4] * x + m[5] * y + m[7]
    scale, tie = tags[SCALE], tags[TIES]
    return tie[3] + (x - tie[0]) * scale[0], tie[4] - (y - tie[1]) * scale[1]


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("keys", [AREA, POINT])
@pytest.mark.parametrize("stated", [NORTH_UP, ROTATED])
def test_every_pixel_stays_on_its_ground_through_turning_resizing_and_cropping(tmp_path, stated, keys, orientation):
    path = geotiff(tmp_path / "a.tif", stated, keys, orientation)
    made = decode(path)
    made = crop(resize(made, made.width * 3, made.height * 2, "nearest"), 7, 5, 40, 30)
    encoded = encode(made, "TIFF")
    assert encoded.notes == ()
    tags, pixels = tags_of(encoded.data)
    assert not (MATRIX in tags and SCALE in tags)
    before = {**stated, KEYS: keys}
    for row, column in ((0, 0), (0, 39), (29, 0), (11, 17)):
        seen = ground(tags, column + 0.5, row + 0.5)
        inside = [
            ground(before, pixels[row, column, 0] + x, pixels[row, column, 1] + y) for x in (0, 1) for y in (0, 1)
        ]
        for axis in range(2):
            assert min(place[axis] for place in inside) < seen[axis] < max(place[axis] for place in inside)


def test_the_corners_of_a_resized_picture_are_where_they_were(tmp_path):
    made = decode(geotiff(tmp_path / "a.tif", NORTH_UP))
    tags, _ = tags_of(encode(resize(made, 17, 61), "TIFF").data)
    for x, y in ((0, 0), (1, 1), (0, 1)):
        assert ground(tags, 17 * x, 61 * y) == pytest.approx(ground({**NORTH_UP, KEYS: AREA}, 40 * x, 30 * y))


def test_an_unchanged_picture_keeps_its_tags_exactly(tmp_path):
    tags, _ = tags_of(encode(decode(geotiff(tmp_path / "a.tif", NORTH_UP)), "TIFF").data)
    assert {tag: tags[tag] for tag in NORTH_UP} == NORTH_UP


def test_ground_control_points_follow(tmp_path):
    points = (0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 40.0, 30.0, 0.0, 5.0, 6.0, 0.0)
    made = crop(decode(geotiff(tmp_path / "a.tif", {TIES: points})), 10, 0, 30, 30)
    tags, _ = tags_of(encode(made, "TIFF").data)
    assert tags[TIES] == (-10.0, 0.0, 0.0, 1.0, 2.0, 0.0, 30.0, 30.0, 0.0, 5.0, 6.0, 0.0)


@pytest.mark.parametrize(
    "stated",
    [
        {50844: (0.0,) * 92},  # rational polynomial coefficients
        {**NORTH_UP, 33920: (1.0,) * 16},
        {SCALE: (1.0, 1.0, 0.0)},  # without a tie point
        {SCALE: (1.0, 1.0), TIES: NORTH_UP[TIES]},
        {TIES: (1.0,) * 7},
        {MATRIX: (1.0,) * 12},
    ],
)
def test_what_is_not_understood_is_left_out_with_a_note_once_pixels_move(tmp_path, stated):
    made = decode(geotiff(tmp_path / "a.tif", stated))
    assert stated.keys() <= tags_of(encode(made, "TIFF").data)[0].keys()
    encoded = encode(crop(made, 1, 1, 20, 20), "TIFF")
    assert not {SCALE, TIES, MATRIX, KEYS, 33920, 50844} & tags_of(encoded.data)[0].keys()
    assert encoded.notes == ("metadata stated in pixels of the original were left out: georeference",)


def test_a_step_that_does_not_say_where_pixels_went_loses_the_georeference_with_a_note(tmp_path):
    made = decode(geotiff(tmp_path / "a.tif", NORTH_UP))
    encoded = encode(made.with_pixels(np.repeat(made.color, 2, axis=0), None), "TIFF")
    assert encoded.notes == ("metadata stated in pixels of the original were left out: georeference",)
    assert not NORTH_UP.keys() & tags_of(encoded.data)[0].keys()
