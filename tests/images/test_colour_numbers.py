"""Colours stated by numbers: carried, converted to sRGB by definition, or noted."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from img2imgkit.images import EncodeOptions, Metadata, Picture, colour_numbers, decode, encode, heif_boxes, to_srgb
from img2imgkit.images.profiles import without_profile

P3, BT2020, PQ, HLG, SRGB = 12, 9, 16, 18, 13


def picture(chunks, level=None, dtype=np.uint8, space="rgb"):
    channels = 1 if space == "grey" else 3
    color = np.random.default_rng(1).integers(0, 250, (8, 8, channels)) if level is None else np.full((8, 8, 3), level)
    return Picture(color.astype(dtype), None, space, Metadata(colour_chunks=tuple(chunks)))


def cicp(primaries, transfer):
    return (b"cICP", bytes((primaries, transfer, 0, 1)))


def gama(gamma):
    return (b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def reopened(tmp_path, encoded, suffix):
    path = tmp_path / f"again{suffix}"
    path.write_bytes(encoded.data)
    return decode(path)


def avif(tmp_path, numbers, **options):
    path, file = tmp_path / "in.avif", io.BytesIO()
    Image.fromarray(picture([]).color).save(file, "AVIF", **options)
    path.write_bytes(heif_boxes.with_numbers(file.getvalue(), *numbers))
    return path


@pytest.mark.parametrize("numbers", [(P3, SRGB), (BT2020, PQ), (BT2020, HLG), (1, 1)])
def test_numbers_of_avif_are_read_and_carried_by_avif_and_png(tmp_path, numbers):
    first = decode(avif(tmp_path, numbers))
    for format, suffix in (("AVIF", ".avif"), ("PNG", ".png")):
        again = reopened(tmp_path, encode(first, format), suffix)
        assert colour_numbers.numbers(again.metadata) == numbers


@pytest.mark.parametrize("numbers", [(1, SRGB), (2, 2), (1, 2)])
def test_numbers_that_mean_srgb_are_nothing_to_carry(tmp_path, numbers):
    first = decode(avif(tmp_path, numbers))
    assert first.metadata.colour_chunks == ()
    assert encode(first, "JPEG").notes == ()


def test_a_profile_precedes_numbers_except_hdr(tmp_path):
    icc = bytes(imagecodecs.cms_profile("srgb"))
    assert decode(avif(tmp_path, (P3, SRGB), icc_profile=icc)).metadata.colour_chunks == ()
    assert decode(avif(tmp_path, (BT2020, PQ), icc_profile=icc)).metadata.colour_chunks == (cicp(BT2020, PQ),)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("chunks", [[cicp(P3, SRGB)], [gama(1.0)]])
def test_formats_with_profiles_get_one_of_the_same_meaning(tmp_path, format, chunks):
    first = picture(chunks, np.array([200, 90, 40]))
    encoded = encode(first, format, EncodeOptions(quality=100))
    assert any("ICC profile instead of numbers" in note for note in encoded.notes)
    again = reopened(tmp_path, encoded, {"JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif"}[format])
    error = np.abs(to_srgb(again).color.astype(int) - to_srgb(first).color)
    assert error.max() <= (3 if format == "JPEG" else 0)
    assert encode(first, format, EncodeOptions(quality=100)).data == encoded.data


@pytest.mark.parametrize("format", ["GIF", "BMP", "PPM"])
def test_formats_without_a_place_have_a_note(format):
    assert "cannot store colours stated by numbers" in encode(picture([cicp(P3, SRGB)]), format).notes[0]


@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8])
def test_a_gamma_is_converted_by_definition(gamma):
    first = picture([gama(gamma)])
    converted = to_srgb(first)
    light = (first.color / 255) ** (1 / gamma)
    expected = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(converted.color - expected).max() <= 1.5
    assert (converted.metadata.colour_chunks, converted.notes) == ((), ())


@pytest.mark.parametrize("chunks", [[gama(0.45455)], [(b"sRGB", b"\0"), gama(1.0)]])
def test_srgb_by_another_name_stays_as_it_is(chunks):
    first = picture(chunks)
    assert np.array_equal(to_srgb(first).color, first.color)


def test_display_p3_is_converted_by_definition():
    wide = to_srgb(picture([cicp(P3, SRGB)], np.array([46260, 30840, 15420]), np.uint16)).color[0, 0]
    level = np.array([46260, 30840, 15420]) / 65535
    light = ((level + 0.055) / 1.055) ** 2.4
    matrix = [[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]]
    expected = 1.055 * (np.array(matrix) @ light) ** (1 / 2.4) - 0.055
    assert np.abs(wide / 65535 - expected).max() < 0.002
    assert wide.dtype == np.uint16


@pytest.mark.parametrize(
    ("transfer", "level", "expected"),
    [(PQ, 0.58069, 1.0), (PQ, 0.9, 1.0), (HLG, 0.75, 1.0), (PQ, 0.0, 0.0), (PQ, 0.50808, 0.7354)],
)
def test_hdr_is_converted_with_a_white_page_as_white_and_a_note(transfer, level, expected):
    """203 cd/m2 is 0.58 in PQ, 100 cd/m2 is 0.508 (ST 2084); a white page is 0.75 in HLG (BT.2408)."""
    first = picture([cicp(BT2020, transfer)], round(level * 65535), np.uint16)
    converted = to_srgb(first)
    assert np.abs(converted.color / 65535 - expected).max() < 0.02
    assert "HDR was converted" in converted.notes[-1]
    assert converted.metadata.colour_chunks == ()


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("format", ["JPEG", "WEBP", "GIF", "AVIF", "PNG", "BMP"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_hdr_in_an_8_bit_form_is_never_silent(transfer, format, dtype):
    notes = encode(picture([cicp(BT2020, transfer)], dtype=dtype), format).notes
    if format == "PNG" and dtype == np.uint16:
        assert notes == ()
    else:
        assert any("HDR" in note for note in notes)


def test_stripped_hdr_has_a_note():
    first = picture([cicp(BT2020, PQ)])
    assert "HDR" in without_profile(first).notes[-1]
    assert any("HDR" in note for note in encode(first, "PNG", EncodeOptions(icc="strip")).notes)


def test_unknown_numbers_are_kept_with_a_note():
    converted = to_srgb(picture([cicp(99, SRGB)]))
    assert "not converted" in converted.notes[-1]
    assert colour_numbers.numbers(converted.metadata) == (99, SRGB)


def test_grey_is_converted_and_stays_grey():
    converted = to_srgb(picture([gama(1.0)], space="grey"))
    assert converted.space == "grey"
    assert converted.color.mean() > 140


@pytest.mark.parametrize("data", [b"", b"\0\0\0\x18ftypavif", b"\0\0\0\x10meta" + bytes(8), bytes(100)])
def test_a_description_that_is_none_is_empty(data):
    assert heif_boxes.describe(io.BytesIO(data)) == ((), None)
