from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from corpus import noise
from corpus_files import smooth, turned
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from img2imgkit.errors import EncodeError
from img2imgkit.images import EncodeOptions, Metadata, Picture, decode, encode, exif_block, profiles, writable

CHANNELS = {"grey": 1, "rgb": 3, "cmyk": 4}


def picture(space="rgb", dtype=np.uint8, alpha=False, height=6, width=5, seed=0, **more):
    color = noise(seed, height, width, CHANNELS[space], dtype)
    return Picture(color, noise(seed + 1, height, width, 1, dtype) if alpha else None, space, **more)


def again(tmp_path, made, format, options=None):
    path = tmp_path / "again"
    path.write_bytes(encode(made, format, options).data)
    return decode(path)


def equal(one, other):
    if one.space != other.space or one.color.dtype != other.color.dtype or (one.alpha is None) != (other.alpha is None):
        return False
    return np.array_equal(one.color, other.color) and (one.alpha is None or np.array_equal(one.alpha, other.alpha))


HOLDERS = [
    *(("PNG", space, alpha, dtype) for space in ("grey", "rgb") for alpha in (0, 1) for dtype in (np.uint8, np.uint16)),
    *(("TIFF", space, alpha, dtype) for space in CHANNELS for alpha in (0, 1) for dtype in (np.uint8, np.uint16)),
    *(("JPEG2000", space, alpha, np.uint8) for space in ("grey", "rgb") for alpha in (0, 1)),
    *(("PPM", space, 0, dtype) for space in ("grey", "rgb") for dtype in (np.uint8, np.uint16)),
    ("BMP", "grey", 0, np.uint8),
    ("BMP", "rgb", 0, np.uint8),
    ("BMP", "rgb", 1, np.uint8),
    ("WEBP", "rgb", 0, np.uint8),
    ("WEBP", "rgb", 1, np.uint8),
    ("TGA", "rgb", 1, np.uint8),
]


@given(
    holder=st.sampled_from(HOLDERS),
    height=st.integers(1, 33),
    width=st.integers(1, 33),
    seed=st.integers(0, 2**31),
    mode=st.sampled_from(["RGB", "P", "1"]),
    shift=st.integers(0, 15),
)
@settings(max_examples=250)
def test_lossless_round_trips_are_exact(tmp_path, holder, height, width, seed, mode, shift):
    format, space, alpha, dtype = holder
    made = picture(space, dtype, alpha, height, width, seed, mode=mode)
    made = made.with_pixels(made.color >> min(shift, dtype(0).itemsize * 8 - 1), made.alpha)  # dark ones, few colours
    if alpha:
        made.alpha[0, 0] = 1  # an alpha that is opaque everywhere may be left out
    assert equal(again(tmp_path, made, format), made)


@given(height=st.integers(1, 33), width=st.integers(1, 33), seed=st.integers(0, 2**31), colours=st.integers(1, 300))
@settings(max_examples=60)
def test_palettes_are_kept_exactly(tmp_path, height, width, seed, colours):
    table = noise(seed, colours, 1, 4)[:, 0]
    pixels = table[np.random.default_rng(seed).integers(0, colours, (height, width))]
    made = Picture(pixels[..., :3], pixels[..., 3:], mode="P")
    made.alpha[0, 0] = 1
    few = len(np.unique(np.concatenate([made.color, made.alpha], axis=2).reshape(-1, 4), axis=0)) <= 256
    back = again(tmp_path, made, "PNG")
    assert equal(back, made)
    assert back.mode == ("P" if few else "RGBA")
    opaque = Picture(made.color, None, mode="P")
    assert np.array_equal(again(tmp_path, opaque, "TIFF").color, opaque.color)


def test_1_bit_is_kept_unless_there_are_grey_levels(tmp_path):
    bilevel = Picture(noise(1, 9, 17, 1) // 128 * 255, None, "grey", mode="1")
    for format in ("PNG", "TIFF", "BMP", "PPM", "PCX"):
        assert encode(bilevel, format).mode == "1"
        assert equal(again(tmp_path, bilevel, format), bilevel)
    bilevel.color[0, 0] = 7
    assert encode(bilevel, "PNG").mode == "L"
    assert equal(again(tmp_path, bilevel, "PNG"), bilevel)


def test_a_reduction_to_8_bits_is_noted(tmp_path):
    deep = picture(dtype=np.uint16)
    for format in sorted(writable()):
        encoded = encode(deep, format)
        narrowed = f"{format} supports 8 bits per channel: 16 -> 8" in encoded.notes
        assert narrowed == (format not in ("PNG", "TIFF", "PPM", "JPEG2000", "SGI")), format
        assert encoded.mode.endswith(";16") != narrowed
    assert np.array_equal(again(tmp_path, deep, "BMP").color, np.floor(deep.color / 257 + 0.5))


@pytest.mark.parametrize("format", ["JPEG", "PPM", "PCX"])
def test_unsupported_transparency_is_refused_with_a_remedy_unless_opaque(format):
    clear = picture(alpha=True)
    with pytest.raises(EncodeError, match="'convert' step with alpha: white, black or drop"):
        encode(clear, format)
    clear.alpha[:] = 255
    assert encode(clear, format).notes == (f"{format} does not support alpha: opaque alpha removed",)


def test_cmyk_becomes_rgb_if_the_format_does_not_support_it(tmp_path):
    inks = Picture(
        np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255], [0, 128, 255, 128]]], np.uint8), None, "cmyk"
    )
    assert encode(inks, "PNG").notes == ("PNG does not support CMYK: converted to RGB",)
    assert again(tmp_path, inks, "PNG").color.tolist() == [[[255, 255, 255], [0, 255, 255], [0, 0, 0], [127, 63, 0]]]
    assert encode(inks, "TIFF").notes == encode(inks, "JPEG").notes == ()
    assert again(tmp_path, inks, "JPEG").space == "cmyk"


def test_gif_keeps_256_colours_one_of_them_transparent_and_notes_merged_ones(tmp_path):
    few = Picture(noise(3, 9, 9) // 128 * 200, None)
    few = few.with_pixels(few.color, np.where(few.color[..., :1] == 0, 0, 255).astype(np.uint8))
    back = again(tmp_path, few, "GIF")
    assert encode(few, "GIF").notes == ()
    shown = few.alpha[..., 0] > 0
    assert np.array_equal(back.alpha, few.alpha)
    assert np.array_equal(back.color[shown], few.color[shown])
    many = picture(alpha=True, height=40, width=40)
    notes = encode(many, "GIF").notes
    assert any("256 colours" in note for note in notes)
    assert any("no partial transparency" in note for note in notes)
    back = again(tmp_path, many, "GIF")
    assert np.array_equal(back.alpha > 0, many.alpha >= 128)
    shown = back.alpha[..., 0] > 0
    assert np.abs(back.color[shown].astype(int) - many.color[shown]).mean() < 20


def test_an_unwritable_format_is_refused_with_the_writable_ones():
    with pytest.raises(EncodeError, match="PSD can be read but not written; choose one of AVIF, BMP"):
        encode(picture(), "PSD")
    with pytest.raises(EncodeError, match="unknown format 'PNGG'; did you mean 'PNG'"):
        encode(picture(), "PNGG")


def test_too_long_a_side_is_refused_before_encoding():
    long = Picture(np.zeros((1, 16384, 3), np.uint8))
    with pytest.raises(EncodeError, match="WEBP supports at most 16383 pixels per side, the picture is 16384x1"):
        encode(long, "WEBP")


def test_quality_lossless_and_compression_have_an_effect():
    rough = Picture(noise(5, 64, 64))
    for format in ("JPEG", "AVIF"):
        sizes = [len(encode(rough, format, EncodeOptions(quality=q)).data) for q in (30, 95)]
        assert sizes[0] < sizes[1] / 2
    lossy = encode(rough, "WEBP", EncodeOptions(lossless=False, quality=40)).data
    assert len(lossy) < len(encode(rough, "WEBP").data) / 2
    flat = Picture(smooth(64, 64))
    for format in ("PNG", "TIFF"):
        sizes = [len(encode(flat, format, EncodeOptions(compression=level)).data) for level in (0, 9)]
        assert sizes[1] < sizes[0]


def test_the_same_picture_gives_the_same_bytes():
    kept = Metadata(icc=profiles.srgb(), exif=exif_block.upright(turned(1).tobytes()[6:]), text={"b": "1", "a": "2"})
    for format in sorted(writable()):
        made = picture(metadata=kept)
        assert encode(made, format) == encode(replace(made), format)


@pytest.mark.parametrize(
    "wrong", [{"quality": 0}, {"quality": 101}, {"metadata": "all"}, {"icc": "p3"}, {"lossles": True}]
)
def test_options_are_strict(wrong):
    with pytest.raises(ValidationError):
        EncodeOptions(**wrong)


@pytest.mark.parametrize("space", CHANNELS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_other_software_reads_our_tiff_files(tmp_path, space, dtype):
    made = picture(space, dtype, height=300, width=200, metadata=Metadata(dpi=(300.0, 150.5)))
    path = tmp_path / "a.tif"
    path.write_bytes(encode(made, "TIFF").data)
    assert np.array_equal(tifffile.imread(path).reshape(made.color.shape), made.color)
    with Image.open(path) as image:
        if dtype is np.uint8:
            assert np.array_equal(np.asarray(image).reshape(made.color.shape), made.color)
        assert image.info["dpi"] == (300.0, 150.5)


def test_other_software_reads_our_16_bit_jpeg2000_and_bmp_alpha():
    deep = picture(dtype=np.uint16, height=16, width=16)
    with Image.open(io.BytesIO(encode(deep, "JPEG2000").data)) as image:
        assert np.abs(np.asarray(image).astype(int) - (deep.color >> 8)).max() <= 1
    clear = picture(alpha=True)
    with Image.open(io.BytesIO(encode(clear, "BMP").data)) as image:
        assert image.mode == "RGBA"
        assert np.array_equal(np.asarray(image), np.concatenate([clear.color, clear.alpha], axis=2))
