"""Colours that headers state in other ways than PNG: carried, converted to sRGB by definition, or noted."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from img2imgkit.errors import DecodeError
from img2imgkit.images import EncodeOptions, FloatLevels, Metadata, Picture, colour_headers, decode, encode, to_srgb
from img2imgkit.images.colour_headers import Stated
from img2imgkit.images.profiles import without_profile

LEVELS = np.array([200, 120, 60])
ADOBE_TO_XYZ = [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
XYZ_TO_SRGB = [[3.24045, -1.53714, -0.49853], [-0.96927, 1.87601, 0.04156], [0.05564, -0.20403, 1.05723]]
ADOBE = ((0.3127, 0.3290), (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
SRGB = ((0.3127, 0.3290), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
TO_SRGB = EncodeOptions(icc="srgb", quality=100)


def srgb_level(light):
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def adobe_as_srgb(levels, gamma=563 / 256):
    """Adobe RGB (1998) and sRGB have the same white."""
    return srgb_level(np.array(XYZ_TO_SRGB) @ np.array(ADOBE_TO_XYZ) @ (np.asarray(levels) / 255) ** gamma)


def flat(levels=LEVELS):
    return np.broadcast_to(np.asarray(levels, np.uint8), (16, 16, 3)).copy()


def exif(space=65535, index="R03", **tags):
    block = Image.Exif()
    block[0x010F] = "Maker"
    inner = {0xA001: space, 0x9003: "2020:01:01 00:00:00"}
    if index:
        inner[0xA005] = {1: index, 2: b"0100"}
    block[0x8769] = inner | ({0xA500: tags.pop("gamma")} if "gamma" in tags else {})
    for tag, value in tags.items():
        block[int(tag[1:])] = value
    return block.tobytes()


def saved(tmp_path, suffix, block, **options):
    path = tmp_path / f"in.{suffix}"
    options |= {"quality": 100, "subsampling": "4:4:4"} if suffix in ("jpg", "avif") else {}
    options |= {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(flat()).save(path, exif=block, **options)
    return path


def reopened(tmp_path, encoded, suffix):
    path = tmp_path / f"again.{suffix}"
    path.write_bytes(encoded.data)
    return decode(path)


def is_near(picture, expected, most=1.6):
    return bool(np.abs(picture.color.astype(float) / (257 if picture.depth == 16 else 1) - expected).max() <= most)


class TestExif:
    @pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
    def test_adobe_rgb_is_converted_by_definition_wherever_exif_is(self, tmp_path, suffix):
        picture = decode(saved(tmp_path, suffix, exif()) if suffix != "tif" else tiff(tmp_path))
        assert is_near(to_srgb(picture), adobe_as_srgb(LEVELS), 2.6 if suffix == "jpg" else 1.6)
        assert np.abs(adobe_as_srgb(LEVELS) - LEVELS).max() > 10  # taken as sRGB, it would be far off

    def test_without_numbers_of_its_own_avif_has_the_colours_of_exif(self, tmp_path):
        path = saved(tmp_path, "avif", exif())
        assert decode(path).metadata.colour_chunks == ()  # it states sRGB
        data = path.read_bytes()
        path.write_bytes(data.replace(b"colrnclx\0\x01\0\x0d", b"colrnclx\0\x02\0\x02"))
        assert is_near(to_srgb(decode(path)), adobe_as_srgb(LEVELS), 4)

    @pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
    def test_what_is_written_means_the_same(self, tmp_path, suffix):
        first = decode(saved(tmp_path, "png", exif()))
        encoded = encode(first, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()), EncodeOptions(quality=100))
        again = reopened(tmp_path, encoded, suffix)
        assert is_near(to_srgb(again), adobe_as_srgb(LEVELS), 2.6 if suffix == "jpg" else 1.6)
        note = f"{again.format} states the colours by an ICC profile instead of numbers: Adobe RGB (1998)"
        assert encoded.notes == (() if suffix == "png" else (note,))

    def test_a_format_without_a_place_has_a_note(self, tmp_path):
        first = decode(saved(tmp_path, "jpg", exif()))
        assert "cannot store colours stated by numbers" in encode(first, "BMP").notes[0]

    @pytest.mark.parametrize("suffix", ["jpg", "tif", "png", "webp"])
    def test_converted_pictures_no_longer_state_adobe_rgb(self, tmp_path, suffix):
        first = decode(saved(tmp_path, "png", exif(_318=(0.3127, 0.329), _319=(0.64, 0.33, 0.21, 0.71, 0.15, 0.06))))
        for options in (TO_SRGB, EncodeOptions(icc="strip", quality=100)):
            encoded = encode(first, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()), options)
            again = reopened(tmp_path, encoded, suffix)
            assert (again.metadata.icc, again.metadata.colour_chunks, encoded.notes) == (None, (), ())
            block = Image.Exif()
            block.load(again.metadata.exif)
            assert block.get_ifd(0x8769)[0xA001] == 1
            assert block.get_ifd(0xA005)[1].rstrip("\0") == "R98"
            assert not {318, 319} & dict(block).keys()

    def test_a_profile_and_numbers_of_the_format_precede_exif(self, tmp_path):
        icc = bytes(imagecodecs.cms_profile("srgb"))
        for suffix in ("jpg", "png"):
            picture = decode(saved(tmp_path, suffix, exif(), icc_profile=icc))
            assert (picture.metadata.icc, picture.metadata.colour_chunks) == (icc, ())
        srgb = Picture(flat(), metadata=Metadata(exif=exif()[6:], colour_chunks=((b"sRGB", b"\0"),)))
        assert is_near(to_srgb(reopened(tmp_path, encode(srgb, "PNG"), "png")), LEVELS)

    @pytest.mark.parametrize("block", [exif(1), exif(65535, "R98"), exif(65535, ""), exif(1, "R03")])
    def test_other_exif_means_srgb(self, tmp_path, block):
        picture = decode(saved(tmp_path, "png", block))
        assert (picture.metadata.colour_chunks, picture.notes) == ((), ())

    def test_white_and_primaries_are_read_with_their_gamma(self, tmp_path):
        tags = {"_318": (0.3127, 0.329), "_319": (0.64, 0.33, 0.21, 0.71, 0.15, 0.06)}
        for gamma in (1.8, 2.2):
            picture = decode(saved(tmp_path, "png", exif(index="", gamma=gamma, **tags)))
            assert is_near(to_srgb(picture), adobe_as_srgb(LEVELS, gamma))
        assert is_near(to_srgb(decode(saved(tmp_path, "jpg", exif(index="", **tags)))), adobe_as_srgb(LEVELS, 2.2), 2.6)

    def test_inks_have_no_chromaticities(self, tmp_path):
        path = tmp_path / "a.jpg"
        Image.fromarray(flat()).convert("CMYK").save(path, exif=exif())
        assert decode(path).metadata.colour_chunks == ()

    @pytest.mark.parametrize("value", [b"", b"Exif", exif()[6:20], b"II*\0\x08\0\0\0"])
    def test_damaged_blocks_are_refused(self, value):
        for read in (colour_headers.of_exif, colour_headers.as_srgb):
            with pytest.raises(ValueError, match="EXIF block"):
                read(value)

    def test_a_block_without_its_interoperability_directory_states_nothing(self):
        block = exif()[6:]
        assert colour_headers.of_exif(block[: block.index(b"R03") - 10]) == Stated()


def tiff(tmp_path, *tags, block=None, **options):
    """A TIFF file with these tags, and EXIF that states Adobe RGB if there are none."""
    path = tmp_path / "in.tif"
    if not tags:
        path.write_bytes(encode(Picture(flat(), metadata=Metadata(exif=exif()[6:])), "TIFF").data)
        return path
    tifffile.imwrite(
        path, flat(), photometric="rgb", metadata=None, extratags=[(*tag, True) for tag in tags], **options
    )
    return path


def ratios(*values):
    return tuple(part for value in values for part in (round(value * 100_000), 100_000))


PRIMARIES = (319, "2I", 6, ratios(0.64, 0.33, 0.21, 0.71, 0.15, 0.06))
WHITE = (318, "2I", 2, ratios(0.3127, 0.329))


def table(gamma, repeat=1, size=256):
    curve = np.round(65535 * np.linspace(0, 1, size) ** gamma).astype(int).tolist()
    return (301, "H", repeat * size, tuple(curve * repeat))


class TestTiff:
    @pytest.mark.parametrize("byteorder", ["<", ">"])
    @pytest.mark.parametrize("bigtiff", [False, True])
    def test_primaries_are_converted_with_the_gamma_of_tiff(self, tmp_path, byteorder, bigtiff):
        path = tiff(tmp_path, WHITE, PRIMARIES, byteorder=byteorder, bigtiff=bigtiff)
        assert is_near(to_srgb(decode(path)), adobe_as_srgb(LEVELS, 2.2))

    @pytest.mark.parametrize("repeat", [1, 3])
    @pytest.mark.parametrize("gamma", [1.0, 1.8])
    def test_a_transfer_function_is_a_gamma(self, tmp_path, gamma, repeat):
        path = tiff(tmp_path, WHITE, PRIMARIES, table(gamma, repeat))
        assert is_near(to_srgb(decode(path)), adobe_as_srgb(LEVELS, gamma))
        path = tiff(tmp_path, table(gamma, repeat))
        assert is_near(to_srgb(decode(path)), srgb_level((LEVELS / 255) ** gamma))

    def test_the_transfer_function_of_srgb_is_nothing_to_carry(self, tmp_path):
        level = np.linspace(0, 1, 256)
        curve = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
        path = tiff(tmp_path, (301, "H", 256, tuple(np.round(65535 * curve).astype(int).tolist())))
        assert (decode(path).metadata.colour_chunks, decode(path).notes) == ((), ())

    @pytest.mark.parametrize(
        "tags",
        [
            [(301, "H", 256, tuple(range(0, 65536, 256))[::-1])],
            [(301, "H", 3, (0, 1, 2))],
            [table(1.8), (342, "H", 6, (0, 200, 0, 200, 0, 200))],
        ],
    )
    def test_other_transfer_functions_are_noted(self, tmp_path, tags):
        assert "its transfer function was not used: it is no power function" in decode(tiff(tmp_path, *tags)).notes

    def test_a_white_point_alone_is_noted_unless_it_is_that_of_srgb(self, tmp_path):
        assert decode(tiff(tmp_path, WHITE)).notes == ()
        found = decode(tiff(tmp_path, (318, "2I", 2, ratios(0.3457, 0.3585)))).notes
        assert found == ("its white point was not used, since it states no primaries: (0.3457, 0.3585)",)

    def test_impossible_primaries_are_noted(self, tmp_path):
        picture = decode(tiff(tmp_path, WHITE, (319, "2I", 6, ratios(0.3, 0.3, 0.3, 0.3, 0.3, 0.3))))
        assert "not usable" in picture.notes[0]
        assert picture.metadata.colour_chunks == ()

    def test_primaries_of_srgb_and_a_profile_are_nothing_to_convert(self, tmp_path):
        primaries = (319, "2I", 6, ratios(0.64, 0.33, 0.30, 0.60, 0.15, 0.06))
        assert decode(tiff(tmp_path, WHITE, primaries)).metadata.colour_chunks == ()
        icc = bytes(imagecodecs.cms_profile("srgb"))
        picture = decode(tiff(tmp_path, WHITE, PRIMARIES, iccprofile=icc))
        assert (picture.metadata.icc, picture.metadata.colour_chunks) == (icc, ())


def bmp(tmp_path, space, points=(), gammas=(0, 0, 0), size=124, icc=b""):
    """A BMP file of version 4 or 5; ``points`` are X, Y and Z of red, green and blue."""
    pixels = flat()[::-1, :, ::-1].tobytes()
    offset = 14 + size
    head = struct.pack("<IiiHHIIiiII", size, 16, 16, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) + bytes(16) + space
    numbers = [round(value * (1 << 30)) for point in points for value in point] or [0] * 9
    head += struct.pack("<9i3I", *numbers, *(round(gamma * 65536) for gamma in gammas))
    head += struct.pack("<IIII", 4, offset - 14 + len(pixels) if icc else 0, len(icc), 0) if size == 124 else b""
    path = tmp_path / "in.bmp"
    path.write_bytes(b"BM" + struct.pack("<IHHI", offset + len(pixels) + len(icc), 0, 0, offset) + head + pixels + icc)
    return path


def as_xyz(points):
    """X, Y and Z of the primaries that add up to white with Y = 1."""
    white, *corners = ([x / y, 1, (1 - x - y) / y] for x, y in points)
    weights = np.linalg.solve(np.array(corners).T, np.array(white))
    return np.array(corners) * weights[:, None]


def as_chromaticities(points):
    return [(x, y, 1 - x - y) for x, y in points[1:]]


class TestBmp:
    @pytest.mark.parametrize("size", [108, 124])
    @pytest.mark.parametrize("form", [as_xyz, as_chromaticities])
    @pytest.mark.parametrize("gamma", [2.2, 1.8, 1 / 1.8])
    def test_endpoints_and_gamma_are_converted_by_definition(self, tmp_path, size, form, gamma):
        path = bmp(tmp_path, bytes(4), form(ADOBE), (gamma,) * 3, size)
        assert is_near(to_srgb(decode(path)), adobe_as_srgb(LEVELS, max(gamma, 1 / gamma)))

    def test_endpoints_without_gamma_have_the_curve_of_srgb(self, tmp_path):
        light = ((LEVELS / 255 + 0.055) / 1.055) ** 2.4
        expected = srgb_level(np.array(XYZ_TO_SRGB) @ np.array(ADOBE_TO_XYZ) @ light)
        assert is_near(to_srgb(decode(bmp(tmp_path, bytes(4), as_xyz(ADOBE)))), expected)

    @pytest.mark.parametrize(
        "options",
        [
            {"space": b"BGRs", "points": as_xyz(ADOBE), "gammas": (1.8,) * 3},
            {"space": b" niW", "points": as_xyz(ADOBE)},
            {"space": bytes(4)},
            {"space": bytes(4), "points": as_xyz(SRGB), "gammas": (2.2,) * 3},
        ],
    )
    def test_srgb_is_nothing_to_do(self, tmp_path, options):
        picture = decode(bmp(tmp_path, **options))
        assert (picture.metadata.colour_chunks, picture.notes) == ((), ())

    def test_an_embedded_profile_is_carried(self, tmp_path):
        icc = bytes(imagecodecs.cms_profile("adobergb"))
        picture = decode(bmp(tmp_path, b"DEBM", icc=icc))
        assert picture.metadata.icc == icc
        assert is_near(to_srgb(picture), adobe_as_srgb(LEVELS))
        assert reopened(tmp_path, encode(picture, "PNG"), "png").metadata.icc == icc

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"space": b"KNIL"}, "their profile is another file"),
            ({"space": b"DEBM"}, "not usable"),
            ({"space": bytes(4), "gammas": (1, 2, 3)}, "not usable"),
            ({"space": bytes(4), "points": [(0.3, 0.3, 0.4)] * 3}, "not usable"),
            ({"space": bytes(4), "points": [(-1, 0, 0), (0, 1, 0), (0, 0, 1)]}, "not usable"),
        ],
    )
    def test_what_cannot_be_used_is_noted(self, tmp_path, options, reason):
        picture = decode(bmp(tmp_path, **options))
        assert reason in picture.notes[0]
        assert is_near(to_srgb(picture), LEVELS)


def jp2(tmp_path, number, levels=LEVELS, dtype=np.uint8, box=None):
    """A JP2 file whose colr box states an enumerated colour space, or has another content."""
    pixels = np.broadcast_to(np.asarray(levels), (16, 16, len(levels))).astype(dtype)
    pixels = pixels * (257 if dtype == np.uint16 else 1)
    data = bytes(imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="jp2", reversible=True, mct=False))
    at = data.index(b"colr") - 4
    new = struct.pack(">BBBI", 1, 0, 0, number) if box is None else box
    new = struct.pack(">I4s", 8 + len(new), b"colr") + new
    head = data.index(b"jp2h") - 4
    grown = struct.unpack_from(">I", data, head)[0] + len(new) - 15
    path = tmp_path / "in.jp2"
    path.write_bytes(data[:head] + struct.pack(">I", grown) + data[head + 4 : at] + new + data[at + 15 :])
    return path


class TestJpeg2000:
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    @pytest.mark.parametrize("alpha", [(), (255,)])
    def test_sycc_is_not_taken_for_rgb(self, tmp_path, dtype, alpha):
        y, cb, cr = 120, 90 - 128, 200 - 128
        expected = [y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb]
        assert is_near(decode(jp2(tmp_path, 18, (120, 90, 200, *alpha), dtype)), expected)

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_romm_rgb_is_converted_by_definition(self, tmp_path, dtype):
        """By the matrix of ISO 22028-2 to XYZ under D50, adapted to D65 by Bradford's matrix."""
        to_xyz = [[0.79767, 0.13519, 0.03135], [0.28804, 0.71187, 0.00009], [0, 0, 0.82521]]
        to_d65 = [[0.95557, -0.02304, 0.06316], [-0.02829, 1.00994, 0.02101], [0.01230, -0.02048, 1.32991]]
        levels = np.array([150, 140, 120])
        light = np.array(XYZ_TO_SRGB) @ np.array(to_d65) @ np.array(to_xyz) @ (levels / 255) ** 1.8
        picture = decode(jp2(tmp_path, 21, levels, dtype))
        assert is_near(to_srgb(picture), srgb_level(light), 2)
        assert "ROMM RGB" in encode(picture, "TIFF").notes[0]

    @pytest.mark.parametrize(("number", "levels"), [(16, LEVELS), (17, (100,))])
    def test_srgb_and_grey_are_nothing_to_do(self, tmp_path, number, levels):
        picture = decode(jp2(tmp_path, number, levels))
        assert (picture.metadata.colour_chunks, picture.notes) == ((), ())
        assert is_near(picture, levels, 0)

    @pytest.mark.parametrize("number", [1, 3, 4, 9, 11, 13, 14, 19, 20, 22, 23, 24, 99])
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_other_colours_are_refused_by_name(self, tmp_path, number, dtype):
        name = {20: "e-sRGB", 14: "CIELab", 99: "number 99"}.get(number, ".*")
        with pytest.raises(DecodeError, match=f"has the JPEG 2000 colours {name}, which are not supported"):
            decode(jp2(tmp_path, number, dtype=dtype))

    def test_inks_of_16_bits_are_not_taken_for_alpha(self, tmp_path):
        picture = decode(jp2(tmp_path, 12, (10, 20, 30, 40), np.uint16))
        assert (picture.space, picture.alpha) == ("cmyk", None)
        assert decode(jp2(tmp_path, 12, (10, 20, 30, 40))).space == "cmyk"

    @pytest.mark.parametrize("method", [2, 3])
    def test_a_profile_is_carried(self, tmp_path, method):
        icc = bytes(imagecodecs.cms_profile("adobergb"))
        picture = decode(jp2(tmp_path, 0, box=bytes((method, 0, 0)) + icc))
        assert picture.metadata.icc == icc
        assert is_near(to_srgb(picture), adobe_as_srgb(LEVELS))

    def test_code_points_are_carried(self, tmp_path):
        numbers = struct.pack(">HHHB", 12, 13, 0, 0x80)
        picture = decode(jp2(tmp_path, 0, box=b"\x05\0\0" + numbers))
        assert picture.metadata.colour_chunks == ((b"cICP", bytes((12, 13, 0, 1))),)
        with pytest.raises(DecodeError, match="matrix 6"):
            decode(jp2(tmp_path, 0, box=b"\x05\0\0" + struct.pack(">HHHB", 1, 13, 6, 0x80)))

    def test_an_unknown_method_is_noted(self, tmp_path):
        assert "method 4 of JPEG 2000" in decode(jp2(tmp_path, 0, box=b"\x04\0\0" + bytes(16))).notes[0]

    @pytest.mark.parametrize(
        "data", [b"", bytes(30), b"\xff\x4f\xff\x51" + bytes(60), b"\0\0\0\x08jp2h\0\0\0\x0ccolr\x01"]
    )
    def test_no_header_states_nothing(self, data):
        assert colour_headers.of_jpeg2000(io.BytesIO(data)) == Stated()


class TestExr:
    def test_chromaticities_are_converted_by_definition(self, tmp_path):
        openexr = pytest.importorskip("OpenEXR")
        path, light = tmp_path / "a.exr", (LEVELS / 255) ** (563 / 256)
        for points, is_converted in ((ADOBE, True), (SRGB, False)):
            white, red, green, blue = points
            head = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
            pixels = np.broadcast_to(light.astype(np.float32), (16, 16, 3)).copy()
            openexr.File({**head, "chromaticities": (*red, *green, *blue, *white)}, {"RGB": pixels}).write(str(path))
            picture = decode(path, float_levels=FloatLevels(white=1))
            assert picture.notes == ()
            assert is_near(to_srgb(picture), adobe_as_srgb(LEVELS) if is_converted else srgb_level(light))

    def test_impossible_ones_are_noted(self, tmp_path):
        openexr = pytest.importorskip("OpenEXR")
        aces = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
        head = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage, "chromaticities": aces}
        openexr.File(head, {"RGB": np.zeros((4, 4, 3), np.float32)}).write(str(tmp_path / "a.exr"))
        assert "not usable" in decode(tmp_path / "a.exr", float_levels=FloatLevels(white=1)).notes[0]


def test_stripping_the_colours_strips_those_of_exif():
    picture = Picture(flat(), metadata=Metadata(exif=exif()[6:]))
    assert colour_headers.of_exif(without_profile(picture).metadata.exif) == Stated()
    assert colour_headers.of_exif(exif()[6:]) != Stated()
