from __future__ import annotations

import io
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from corpus import noise
from PIL import Image, ImageCms

from img2imgkit.images import EncodeOptions, Metadata, Picture, decode, encode, profiles, to_grey, to_rgb, to_srgb

D65 = [0.3127, 0.3290, 1.0]
P3 = [0.680, 0.320, 1.0, 0.265, 0.690, 1.0, 0.150, 0.060, 1.0]
ADOBE = [0.64, 0.33, 1.0, 0.21, 0.71, 1.0, 0.15, 0.06, 1.0]
WIDE = {
    "Display P3": bytes(imagecodecs.cms_profile("rgb", whitepoint=D65, primaries=P3, gamma=2.2)),
    "Adobe RGB": bytes(imagecodecs.cms_profile("rgb", whitepoint=D65, primaries=ADOBE, gamma=2.19921875)),
}
GREY = bytes(imagecodecs.cms_profile("gray", whitepoint=D65, gamma=1.8))


def press():
    """A CMYK profile of an odd press: its table has 2 nodes per ink, and black prints as dark red."""
    table = []
    for corner in range(16):
        inks = [corner >> 3 & 1, corner >> 2 & 1, corner >> 1 & 1, corner & 1]
        lightness = 255 if not any(inks) else 128 if inks == [1, 0, 0, 0] else 40
        table += [lightness, 200 if inks[3] else 128, 128]  # Lab, 8 bits a number
    straight = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0])
    lut += struct.pack(">9i", *(65536 if at % 4 == 0 else 0 for at in range(9)))
    lut += straight * 4 + bytes(table) + straight * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    text = b"desc" + bytes(4) + struct.pack(">I", 6) + b"press\0" + bytes(78)
    tags = [(b"A2B0", lut), (b"desc", text), (b"wtpt", white)]
    at, index, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags:
        padded = data + bytes(-len(data) % 4)
        index += name + struct.pack(">II", at + len(body), len(data))
        body += padded
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"test", 0x02100000, b"prtr", b"CMYK", b"Lab ") + bytes(12) + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + index + body


def with_profile(color, icc, space="rgb"):
    return Picture(color, None, space, Metadata(icc=icc, dpi=(72, 72)))


def reference(levels, primaries, gamma):
    """Convert RGB of other primaries to sRGB by definition, in float64 in [0, 1], clipped."""

    def matrix(corners):
        xyz = np.array(corners).reshape(3, 3).T
        xyz = np.stack([xyz[0], xyz[1], 1 - xyz[0] - xyz[1]]) / xyz[1]
        white = np.array([D65[0] / D65[1], 1, (1 - D65[0] - D65[1]) / D65[1]])
        return xyz * np.linalg.solve(xyz, white)

    srgb = matrix([0.64, 0.33, 1.0, 0.30, 0.60, 1.0, 0.15, 0.06, 1.0])
    linear = np.clip((levels**gamma) @ (np.linalg.inv(srgb) @ matrix(primaries)).T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(("name", "primaries", "gamma"), [("Display P3", P3, 2.2), ("Adobe RGB", ADOBE, 2.19921875)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_wide_gamut_colours_become_srgb_at_their_own_depth(name, primaries, gamma, dtype):
    top = int(np.iinfo(dtype).max)
    levels = noise(1, 64, 64, 3, dtype)
    made = to_srgb(with_profile(levels, WIDE[name]))
    assert made.color.dtype == dtype
    assert made.metadata == Metadata(dpi=(72, 72))
    exact = reference(levels / top, primaries, gamma)
    assert np.abs(made.color / top - exact).max() < (0.006 if dtype is np.uint8 else 0.0008)


def test_16_bits_are_converted_with_16_bits_of_result():
    """A smooth ramp stays smooth: about as many levels as before, and no steps of 257."""
    ramp = np.repeat(np.arange(20_000, 24_096, dtype=np.uint16).reshape(64, 64, 1), 3, axis=2)
    made = to_srgb(with_profile(ramp, WIDE["Adobe RGB"])).color
    assert len(np.unique(made[..., 1])) > 3_500
    assert np.abs(np.diff(made[..., 1].ravel().astype(int))).max() <= 3


def test_8_bits_are_converted_as_by_pillow():
    levels = noise(2, 64, 64)
    made = to_srgb(with_profile(levels, WIDE["Display P3"])).color
    theirs = ImageCms.profileToProfile(
        Image.fromarray(levels),
        io.BytesIO(WIDE["Display P3"]),
        io.BytesIO(profiles.srgb()),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert np.abs(made.astype(int) - np.asarray(theirs)).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_srgb_itself_changes_by_rounding_at_most(dtype):
    levels = noise(3, 64, 64, 3, dtype)
    made = to_srgb(with_profile(levels, profiles.srgb()))
    assert np.abs(made.color.astype(int) - levels).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_stays_grey_and_gets_the_srgb_curve(dtype):
    top = int(np.iinfo(dtype).max)
    levels = noise(4, 32, 32, 1, dtype)
    made = to_srgb(with_profile(levels, GREY, "grey"))
    assert made.space == "grey"
    linear = (levels / top) ** 1.8
    exact = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(made.color / top - exact).max() < (0.006 if dtype is np.uint8 else 0.0008)
    assert np.array_equal(to_rgb(with_profile(levels, GREY, "grey")).color[..., :1], made.color)


def test_alpha_is_not_converted():
    alpha = noise(5, 8, 8, 1)
    made = to_srgb(replace(with_profile(noise(6, 8, 8), WIDE["Adobe RGB"]), alpha=alpha))
    assert made.alpha is alpha


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_inks_are_converted_by_their_profile(tmp_path, dtype):
    top = int(np.iinfo(dtype).max)
    inks = np.array([[[0, 0, 0, 0], [top, 0, 0, 0], [0, 0, 0, top]]], dtype)
    picture = with_profile(inks, press(), "cmyk")
    rgb = to_rgb(picture)
    assert (rgb.space, rgb.color.dtype, rgb.metadata.icc, rgb.notes) == ("rgb", dtype, None, ())
    white, grey, red = (rgb.color[0] / top).tolist()
    assert min(white) > 0.99
    assert max(grey) - min(grey) < 0.02  # cyan is a grey on this press
    assert 0.4 < grey[0] < 0.5
    assert red[0] > red[1] + 0.2
    path = tmp_path / "a.tif"
    path.write_bytes(encode(picture, "TIFF").data)
    kept = decode(path)
    assert kept.metadata.icc == press()
    assert np.array_equal(kept.color, inks)
    assert encode(picture, "PNG").notes == ("PNG does not support CMYK: converted to RGB",)


def test_inks_with_a_broken_profile_are_plain_inks():
    inks = noise(20, 4, 4, 4)
    made = to_rgb(with_profile(inks, b"broken" * 40, "cmyk"))
    assert np.array_equal(made.color, to_rgb(Picture(inks, None, "cmyk")).color)
    assert "profile" in made.notes[0]


@pytest.mark.parametrize("icc", [b"junk" * 60, WIDE["Adobe RGB"][:300], b""])
def test_a_broken_profile_is_noted_and_left_out(icc):
    levels = noise(7, 8, 8)
    made = to_srgb(with_profile(levels, icc))
    assert np.array_equal(made.color, levels)
    assert made.metadata.icc is None
    assert "profile" in made.notes[0]
    for policy in ("keep", "srgb"):
        encoded = encode(with_profile(levels, icc), "PNG", EncodeOptions(icc=policy))
        assert b"iCCP" not in encoded.data or policy == "keep"


def test_a_profile_for_another_space_is_left_out_with_a_note():
    made = to_srgb(with_profile(noise(8, 8, 8, 1), WIDE["Adobe RGB"], "grey"))
    assert "does not match" in made.notes[0]
    assert "does not match" in encode(with_profile(noise(8, 8, 8, 1), profiles.srgb(), "grey"), "PNG").notes[0]


def test_without_a_profile_srgb_is_assumed():
    picture = Picture(noise(9, 4, 4))
    assert to_srgb(picture) is picture


def test_icc_policies_of_encoding(tmp_path):
    wide = with_profile(noise(10, 8, 8, 3, np.uint16), WIDE["Display P3"])
    path = tmp_path / "a.png"
    seen = {}
    for policy in ("keep", "srgb", "strip"):
        path.write_bytes(encode(wide, "PNG", EncodeOptions(icc=policy)).data)
        seen[policy] = decode(path)
    assert seen["keep"].metadata.icc == WIDE["Display P3"]
    assert np.array_equal(seen["keep"].color, wide.color)
    assert seen["srgb"].metadata.icc is seen["strip"].metadata.icc is None
    assert np.array_equal(seen["srgb"].color, to_srgb(wide).color)
    assert np.array_equal(seen["strip"].color, wide.color)


def test_grey_of_wide_gamut_colours_is_that_of_srgb():
    wide = with_profile(noise(11, 16, 16), WIDE["Display P3"])
    assert np.array_equal(to_grey(wide).color, to_grey(to_srgb(wide)).color)


def test_a_palette_of_greys_with_an_rgb_profile_keeps_it(tmp_path):
    image = Image.fromarray(noise(12, 6, 6, 1)[..., 0])
    image.putpalette(np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes())
    image.save(tmp_path / "a.png", icc_profile=profiles.srgb())
    picture = decode(tmp_path / "a.png")
    assert picture.space == "rgb"
    assert encode(picture, "PNG").notes == ()


def test_threads_convert_equally():
    levels = noise(13, 64, 64, 3, np.uint16)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: to_srgb(with_profile(levels, WIDE["Adobe RGB"])).color, range(16)))
    assert all(np.array_equal(each, made[0]) for each in made)
