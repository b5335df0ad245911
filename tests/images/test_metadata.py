from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from corpus import noise
from corpus_files import smooth, turned
from corpus_png import chunk, plain
from PIL import Image, TiffImagePlugin

from img2imgkit.images import EncodeOptions, Metadata, Picture, decode, encode, profiles

EXIF_FORMATS = ("AVIF", "JPEG", "PNG", "TIFF", "WEBP")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def tags(block):
    exif = Image.Exif()
    exif.load(block)
    return exif


@pytest.fixture
def photo(tmp_path):
    """A JPEG like a camera's: rotated, with a thumbnail, sizes, a location, a maker note, XMP and a resolution."""
    exif = turned(6)
    exif.get_ifd(0x8769)[0x927C] = b"maker's own note" * 20
    exif.get_ifd(0x8769)[0xA003] = 24
    path = tmp_path / "photo.jpg"
    Image.fromarray(smooth(24, 17)).save(
        path, exif=exif, xmp=XMP, dpi=(300, 200), icc_profile=profiles.srgb(), comment="said"
    )
    return path


@pytest.mark.parametrize("format", EXIF_FORMATS)
def test_tags_are_kept_in_every_format_upright_and_with_the_new_size(photo, tmp_path, format):
    first = decode(photo)
    assert (first.width, first.height) == (24, 17)
    grown = first.with_pixels(np.repeat(first.color, 2, axis=0), None)
    path = tmp_path / "again"
    path.write_bytes(encode(grown, format).data)
    kept = tags(decode(path).metadata.exif)
    assert kept.get(0x0112, 1) == 1
    assert kept[0x010F].encode("latin-1", "replace").startswith(b"Camera & S")
    below = kept.get_ifd(0x8769)
    assert (below[0xA002], below[0xA003]) == (24, 34)
    assert float(below[0x829A]) == 1 / 250
    assert below[0x927C] == b"maker's own note" * 20
    assert kept.get_ifd(0x8825)[1] == "N"


@pytest.mark.parametrize(("tags", "turns"), [({0x0110: "no orientation"}, 1), ({0x0112: 1}, 0), ({}, 1)])
def test_xmp_states_the_orientation_if_exif_does_not(tmp_path, tags, turns):
    exif = Image.Exif()
    exif.update(tags)
    path = tmp_path / "a.png"
    pixels = noise(1, 3, 2)
    chunks = [chunk(b"eXIf", exif.tobytes()[6:])] if tags else []
    path.write_bytes(plain(pixels, *chunks, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)))
    assert np.array_equal(decode(path).color, np.rot90(pixels, -turns))


@pytest.mark.parametrize("format", EXIF_FORMATS)
def test_no_viewer_rotates_the_result_again(photo, format):
    with Image.open(io.BytesIO(encode(decode(photo), format).data)) as image:
        assert image.size == (24, 17)
        assert image.getexif().get(0x0112, 1) == 1  # Pillow looks into XMP as well


def test_xmp_profile_resolution_and_comment_are_kept(photo, tmp_path):
    first = decode(photo)
    assert b'Orientation="1"' in first.metadata.xmp
    assert first.metadata.dpi == (200, 300)  # turned with the picture
    assert first.metadata.text == {"Comment": "said"}
    for format in ("JPEG", "PNG", "TIFF"):
        path = tmp_path / "again"
        path.write_bytes(encode(first, format).data)
        kept = decode(path).metadata
        assert kept.xmp == first.metadata.xmp
        assert kept.icc == profiles.srgb()
        assert kept.dpi == pytest.approx((200, 300), abs=0.01)
        assert kept.text == ({} if format == "TIFF" else {"Comment": "said"})


def test_stripping_keeps_only_the_profile(photo):
    first = decode(photo)
    for format in EXIF_FORMATS:
        encoded = encode(first, format, EncodeOptions(metadata="strip"))
        assert encoded.notes == ()
        for secret in (b"Camera", b"maker's own", b"xmpmeta", b"said"):
            assert secret not in encoded.data, format
        with Image.open(io.BytesIO(encoded.data)) as image:
            assert image.info.get("icc_profile") == profiles.srgb()
    both = encode(first, "JPEG", EncodeOptions(metadata="strip", icc="strip"))
    assert b"ICC_PROFILE" not in both.data


def test_all_kinds_of_png_text_are_kept_with_8_and_16_bits(tmp_path):
    texts = {"Author": "Jürgen", "Title": "ἀρχή", "Long": "x" * 3000, "Empty": ""}
    for dtype in (np.uint8, np.uint16):
        made = Picture(noise(1, 4, 4, 3, dtype), metadata=Metadata(text=texts))
        path = tmp_path / "a.png"
        path.write_bytes(encode(made, "PNG").data)
        assert decode(path).metadata.text == texts
        with Image.open(path) as image:
            assert image.text == texts


def test_colour_chunks_of_png_are_kept_and_noted_in_other_formats(tmp_path):
    path = tmp_path / "a.png"
    gamma = (100000).to_bytes(4, "big")
    path.write_bytes(plain(noise(1, 4, 4), chunk(b"gAMA", gamma), chunk(b"sRGB", b"\0")))
    first = decode(path)
    again = encode(first, "PNG").data
    assert chunk(b"gAMA", gamma) in again
    assert again.index(b"sRGB") < again.index(b"IDAT")
    assert encode(first, "TIFF").notes == ()  # it means sRGB, whatever the gamma is
    bare = replace(first, metadata=replace(first.metadata, colour_chunks=((b"gAMA", gamma),)))
    assert "ICC profile" in encode(bare, "TIFF").notes[0]
    profiled = replace(first, metadata=replace(first.metadata, icc=profiles.srgb()))
    both = encode(profiled, "PNG").data
    assert b"iCCP" in both
    assert chunk(b"sRGB", b"\0") not in both  # the specification allows one of the two


def test_exif_that_imagemagick_stores_in_a_png_text_is_found(tmp_path):
    block = turned(3).tobytes()
    text = "\nexif\n" + f"{len(block):8d}\n" + block.hex() + "\n"
    path = tmp_path / "a.png"
    path.write_bytes(plain(noise(1, 2, 2), chunk(b"tEXt", b"Raw profile type exif\0" + text.encode())))
    picture = decode(path)
    assert np.array_equal(picture.color, noise(1, 2, 2)[::-1, ::-1])
    assert tags(picture.metadata.exif)[0x010F].startswith("Camera")
    assert picture.metadata.text == {}


@pytest.mark.parametrize("size", [1, 44, 1001])
def test_iptc_data_are_kept_from_jpeg_to_tiff_and_back(tmp_path, size):
    iptc = b"\x1c\x02\x78\x00" + bytes([size % 256]) * size
    path = tmp_path / "a"
    path.write_bytes(encode(Picture(smooth(16, 16), metadata=Metadata(iptc=iptc, dpi=(72, 72))), "JPEG").data)
    first = decode(path)
    assert (first.metadata.iptc, first.metadata.dpi) == (iptc, (72, 72))
    path.write_bytes(encode(first, "TIFF").data)
    second = decode(path)
    assert second.metadata.iptc == iptc
    path.write_bytes(encode(second, "JPEG").data)
    with Image.open(path) as image:
        assert image.info["photoshop"][0x0404] == iptc
    assert encode(first, "PNG").notes == ("PNG cannot store IPTC data",)
    assert b"8BIM" not in encode(first, "JPEG", EncodeOptions(metadata="strip")).data


def test_metadata_too_large_for_jpeg_are_noted_and_left_out():
    made = Picture(smooth(16, 16), metadata=Metadata(xmp=b"<x/>" * 30_000, text={"Comment": "c" * 70_000}))
    encoded = encode(made, "JPEG")
    assert encoded.notes == (
        "the XMP data were left out: too large for JPEG",
        "the texts were left out: too large for JPEG",
    )
    assert Image.open(io.BytesIO(encoded.data)).size == (16, 16)


@pytest.mark.parametrize("format", EXIF_FORMATS)
def test_invalid_exif_is_noted_and_left_out(format):
    for nonsense in (b"nonsense", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"):
        encoded = encode(Picture(smooth(16, 16), metadata=Metadata(exif=nonsense)), format)
        assert any("EXIF" in note for note in encoded.notes)
        assert Image.open(io.BytesIO(encoded.data)).size == (16, 16)


def test_an_invalid_keyword_loses_only_its_own_text(tmp_path):
    made = Picture(smooth(4, 4), metadata=Metadata(text={"good": "1", "": "2", "→": "3", "k" * 80: "4"}))
    encoded = encode(made, "PNG")
    assert len([note for note in encoded.notes if "text was left out" in note]) == 3
    path = tmp_path / "a.png"
    path.write_bytes(encoded.data)
    assert decode(path).metadata.text == {"good": "1"}


def test_each_kind_of_unsupported_metadata_is_noted():
    made = Picture(smooth(4, 4), metadata=Metadata(exif=turned(1).tobytes()[6:], xmp=XMP, icc=profiles.srgb()))
    assert encode(made, "BMP").notes == (
        "BMP cannot store an ICC profile, colours may look different (icc: srgb converts them)",
        "BMP cannot store EXIF data",
        "BMP cannot store XMP data",
    )


def test_layout_tags_of_a_tiff_are_not_kept(tmp_path):
    described = TiffImagePlugin.ImageFileDirectory_v2()
    described[270], described[315] = "a description", "an artist"
    path = tmp_path / "a.tif"
    Image.fromarray(noise(1, 9, 9)).save(path, compression="tiff_lzw", tiffinfo=described, dpi=(100, 100))
    picture = decode(path)
    kept = tags(picture.metadata.exif)
    assert dict(kept) == {270: "a description", 315: "an artist"}
    assert picture.metadata.dpi == (100, 100)
    with Image.open(io.BytesIO(encode(picture, "JPEG").data)) as image:
        assert dict(image.getexif()) == {270: "a description", 315: "an artist"}


@pytest.mark.parametrize(("unit", "dots"), [(2, (300, 300)), (3, (762, 762)), (1, None)])
def test_resolution_is_converted_to_dots_per_inch(tmp_path, unit, dots):
    path = tmp_path / "a.tif"
    Image.fromarray(noise(1, 9, 9)).save(path, tiffinfo={282: 300.0, 283: 300.0, 296: unit})
    assert decode(path).metadata.dpi == (None if dots is None else pytest.approx(dots))


@pytest.fixture
def tiffs(tmp_path):
    """The same picture as classic TIFF and BigTIFF in both byte orders, with a profile, XMP, IPTC, EXIF and GPS."""
    tags = [
        (274, "H", 1, 6, True),
        (315, "s", 0, "Me", True),
        (700, "B", len(XMP), XMP, True),
        (33723, "B", 6, b"\x1c\x02\x05\0\x01x", True),
        (34675, "B", len(profiles.srgb()), profiles.srgb(), True),
        (65000, "I", 3, (1, 2, 3), True),
    ]
    found = []
    for order in "<>":
        for big in (False, True):
            path = tmp_path / f"{ord(order)}-{big}.tif"
            tifffile.imwrite(
                path,
                smooth(24, 17),
                photometric="rgb",
                bigtiff=big,
                byteorder=order,
                resolution=(300, 200),
                metadata=None,
                extratags=tags,
            )
            with path.open("r+b") as file:
                _nest(file, order, big)
            found.append(path)
    return found


def _nest(file, order, big):
    """Append a copy of the first directory that points to an EXIF directory, with one text of 20 bytes, and to GPS."""
    head, row, link = (">Q", ">HHQQ", ">Q") if big else (">H", ">HHII", ">I")
    head, row, link = (each.replace(">", order) for each in (head, row, link))
    file.seek(8 if big else 4)
    at = struct.unpack(link, file.read(struct.calcsize(link)))[0]
    file.seek(at)
    count = struct.unpack(head, file.read(struct.calcsize(head)))[0]
    rows = file.read(count * struct.calcsize(row))
    place, kind = file.seek(0, 2), 16 if big else 4
    text = b"9" * 19 + b"\0"
    file.write(text)
    exif = struct.pack(head, 1) + struct.pack(row, 0x9003, 2, 20, place) + bytes(struct.calcsize(link))
    letter = b"N\0".ljust(struct.calcsize(link), b"\0")
    gps = struct.pack(head, 1) + struct.pack(row, 1, 2, 2, 0)[: -len(letter)] + letter + bytes(struct.calcsize(link))
    file.write(exif + gps)
    nested = struct.pack(row, 0x8769, kind, 1, place + 20) + struct.pack(row, 0x8825, kind, 1, place + 20 + len(exif))
    first = file.tell()
    file.write(struct.pack(head, count + 2) + rows + nested + bytes(struct.calcsize(link)))
    file.seek(8 if big else 4)
    file.write(struct.pack(link, first))


def test_big_tiff_has_the_metadata_of_classic_tiff_in_both_byte_orders(tiffs):
    expected = decode(tiffs[0])
    assert expected.metadata.icc == profiles.srgb()
    kept = tags(expected.metadata.exif)
    assert (kept[315], kept[65000]) == ("Me", (1, 2, 3))
    assert (kept.get_ifd(0x8769)[0x9003], kept.get_ifd(0x8825)[1]) == ("9" * 19, "N")
    for path in tiffs[1:]:
        picture = decode(path)
        assert picture.metadata == expected.metadata
        assert (picture.notes, picture.width, picture.height) == ((), 24, 17)
        np.testing.assert_array_equal(picture.color, expected.color)


@pytest.mark.parametrize("big_endian", [False, True])
def test_tags_of_big_tiff_outside_the_file_are_named(tiffs, big_endian):
    path = tiffs[1 + 2 * big_endian]
    order = ">" if big_endian else "<"
    row = struct.pack(order + "HHQ", 65000, 4, 3)
    data = path.read_bytes()
    for place in (len(data) - 1, 1 << 63):
        at = data.rindex(row) + 12
        path.write_bytes(data[:at] + struct.pack(order + "Q", place) + data[at + 8 :])
        picture = decode(path)
        assert picture.notes == ("left out: damaged or large TIFF tags: 65000",)
        assert picture.metadata.icc == profiles.srgb()


@pytest.mark.parametrize("kind", [5, 11, 12], ids=["rational", "float", "double"])
def test_a_tag_whose_value_is_not_of_its_type_costs_only_itself(tmp_path, kind):
    file, values = tmp_path / "a.tif", TiffImagePlugin.ImageFileDirectory_v2()
    values[270], values[315] = "words enough for a value outside", "somebody"
    Image.new("RGB", (4, 3)).save(file, tiffinfo=values)
    data = bytearray(file.read_bytes())
    (at,) = struct.unpack_from("<I", data, 4)
    places = {struct.unpack_from("<H", data, at + 2 + 12 * row)[0]: at + 2 + 12 * row for row in range(data[at])}
    struct.pack_into("<HI", data, places[270] + 2, kind, 1)
    file.write_bytes(data)
    picture = decode(file)
    assert "left out: TIFF tags whose values are not of their type: 270" in picture.notes
    assert dict(tags(picture.metadata.exif)).get(315) == "somebody"
