from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from corpus_files import smooth
from corpus_png import chunk, plain
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from img2imgkit.images import decode, encode, left_behind
from img2imgkit.images.left_behind import (
    CREDENTIALS,
    DEPTH_MAP,
    FILM,
    GAIN_MAP,
    GEOREFERENCE,
    LAYERS,
    THUMBNAIL,
)
from img2imgkit.images.xmp import Packet

COPIES, FURTHER = "smaller copies of the picture were left out: ", "further pages or frames in the file were left out: "
BEFORE = "a copy of the picture before its effects was left out"
EXTENDED = "extended XMP data were left out"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + b"film" * 50


def xmp(declared="", attributes="", elements=""):
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" {declared} {attributes}>'
        f"<dc:title>kept</dc:title>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def jpeg(height=24, width=32, **options):
    out = io.BytesIO()
    Image.fromarray(smooth(height, width)).save(out, "JPEG", **options)
    return out.getvalue()


GOOGLE = "http://ns.google.com/photos/1.0/"
HDRGM = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"'
CONTAINER = f'xmlns:C="{GOOGLE}container/" xmlns:I="{GOOGLE}container/item/"'
GAIN_XMP = xmp(
    HDRGM + " " + CONTAINER,
    'hdrgm:Version="1.0"',
    '<C:Directory><rdf:Seq><rdf:li><C:Item I:Semantic="Primary"/></rdf:li><rdf:li><C:Item I:Semantic="GainMap"/>'
    "</rdf:li></rdf:Seq></C:Directory>",
)
FILM_XMP = xmp(
    f'xmlns:GCamera="{GOOGLE}camera/" {CONTAINER}',
    'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" GCamera:MicroVideoOffset="224" GCamera:Stay="1"',
    '<C:Directory><rdf:Seq><rdf:li><C:Item I:Semantic="MotionPhoto"/></rdf:li></rdf:Seq></C:Directory>',
)


def app(number, payload):
    return struct.pack(">BBH", 0xFF, 0xE0 + number, len(payload) + 2) + payload


def with_segment(data, number, payload):
    return data[:2] + app(number, payload) + data[2:]


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("head", "tail", "notes"),
    [
        ({}, b"", ()),
        ({"xmp": GAIN_XMP}, jpeg(6, 8), (GAIN_MAP,)),
        ({"xmp": GAIN_XMP}, b"", (GAIN_MAP,)),  # an editor has lost the map before
        ({"xmp": GAIN_XMP}, jpeg(6, 8) + MP4, (GAIN_MAP, FILM)),
        ({}, jpeg(6, 8, xmp=xmp(HDRGM, 'hdrgm:Version="1"')), (GAIN_MAP,)),
        ({}, with_segment(jpeg(6, 8), 2, b"urn:iso:std:iso:ts:21496:-1\0"), (GAIN_MAP,)),
        ({}, with_segment(jpeg(6, 8), 1, b"urn:com:apple:photo:2020:aux:hdrgainmap"), (GAIN_MAP,)),
        ({}, with_segment(jpeg(6, 8), 1, b"urn:com:apple:photo:2018:aux:depth"), (DEPTH_MAP,)),
        ({}, jpeg(12, 16) + bytes(30) + jpeg(6, 8), (COPIES + "2",)),  # previews of cameras
        ({}, jpeg() + jpeg(12, 16), (COPIES + "1", FURTHER + "1")),
        ({"xmp": FILM_XMP}, MP4, (FILM,)),
        ({}, b"\0\0\x01\x02MotionPhoto_Data" + MP4 + b"SEFT", (FILM,)),
        ({}, b"a letter", ("bytes after the picture's end were left out: 8",)),
        ({}, bytes(4000), ()),  # padding
        ({}, b"\xff\xd8\xff\xe0 no end", ("bytes after the picture's end were left out: 11",)),
    ],
)  # fmt: skip
def test_what_follows_a_jpeg_is_noted(tmp_path, head, tail, notes, progressive):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(progressive=progressive, **head) + tail)
    picture = decode(path)
    assert picture.notes == notes
    assert picture.color.shape == (24, 32, 3)
    assert encode(picture, "JPEG").data.count(b"\xff\xd8\xff") == 1


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize(("data", "note"), [(GAIN_XMP, GAIN_MAP), (FILM_XMP, FILM)])
def test_the_xmp_of_what_is_left_behind_goes_in_every_format(tmp_path, data, note, format):
    path = tmp_path / "a"
    options = {"tiffinfo": {700: data}} if format == "TIFF" else {"xmp": data}
    if format == "PNG":
        options = {"pnginfo": _png_text(data)}
    Image.fromarray(smooth(24, 32)).save(path, format, **options)
    picture = decode(path)
    assert picture.notes == (note,)
    kept = picture.metadata.xmp
    assert b"kept" in kept
    for trace in (b"hdrgm", b"Motion", b"GainMap", b"MicroVideo", b"Directory", b"container"):
        assert trace not in kept
    assert (b"GCamera:Stay" in kept) == (data is FILM_XMP)
    Packet(kept)


def _png_text(data):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", data.decode())
    return info


@pytest.mark.parametrize(
    ("declared", "attributes", "elements", "notes"),
    [
        (f'xmlns:GDepth="{GOOGLE}depthmap/"', 'GDepth:Near="1" GDepth:Far="9"', "", (DEPTH_MAP,)),
        (f'xmlns:q="{GOOGLE}image/"', 'q:Mime="image/jpeg"', "", (BEFORE,)),
        (f'xmlns:q="{GOOGLE}audio/"', "", "<q:Mime>audio/mp4a</q:Mime>", ("the sound was left out",)),
        ('xmlns:n="http://ns.adobe.com/xmp/note/"', 'n:HasExtendedXMP="0123"', "", (EXTENDED,)),
        ('xmlns:p="http://ns.adobe.com/xap/1.0/"', 'p:Rating="3"',
         "<p:Thumbnails><rdf:Alt><rdf:li>AAAA</rdf:li></rdf:Alt></p:Thumbnails>", (THUMBNAIL,)),
        ('xmlns:p="http://ns.adobe.com/xap/1.0/"', 'p:Rating="3"', "", ()),
    ],
)  # fmt: skip
def test_other_traces_in_xmp(declared, attributes, elements, notes):
    before = xmp(declared, attributes, elements)
    data, found = left_behind.clean_xmp(before)
    assert found == notes
    assert b"kept" in data
    assert (data == before) == (notes == ())
    for trace in (b"GDepth", b"image/jpeg", b"mp4a", b"HasExtendedXMP", b"AAAA"):
        assert trace not in data
    assert (b'p:Rating="3"' in data) == ("Rating" in attributes)


def test_damaged_xmp_with_traces_is_left_out(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(xmp=GAIN_XMP[:-5]) + jpeg(6, 8))
    picture = decode(path)
    assert picture.metadata.xmp is None
    assert picture.notes[0] == GAIN_MAP
    assert "XMP data were left out: it is not well-formed" in picture.notes[1]


def test_a_thumbnail_in_exif_or_photoshop_resources_is_noted(tmp_path):
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0110] = "camera"
    block = bytearray(exif.tobytes())
    at = len(block) - 6
    link = 6 + 8 + 2 + 12 * struct.unpack_from(">H", block, 6 + 8)[0]
    struct.pack_into(">I", block, link, at)
    rows = ((0x0201, at + 30), (0x0202, 9))
    block += struct.pack(">H", 2) + b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in rows)
    path.write_bytes(jpeg(exif=bytes(block) + bytes(4) + b"THUMBNAIL"))
    picture = decode(path)
    assert picture.notes == (THUMBNAIL,)
    assert b"THUMBNAIL" in path.read_bytes()
    assert b"THUMBNAIL" not in encode(picture, "JPEG").data
    resource = b"Photoshop 3.0\x008BIM" + struct.pack(">HHI", 0x040C, 0, 4) + b"THUM"
    path.write_bytes(with_segment(jpeg(), 13, resource))
    assert decode(path).notes == (THUMBNAIL,)
    for thumbnail in (b"JFIF\0\1\2\0\0\1\0\1\1\1abc", b"JFXX\0\x13\1\1abc"):
        path.write_bytes(with_segment(jpeg(), 0, thumbnail))
        assert decode(path).notes == (THUMBNAIL,)


def test_clipping_paths_and_credentials_are_noted(tmp_path):
    path = tmp_path / "a.jpg"
    resource = b"Photoshop 3.0\x008BIM" + struct.pack(">HHI", 2000, 0, 4) + b"path"
    path.write_bytes(with_segment(jpeg(), 13, resource))
    assert decode(path).notes == ("the clipping paths were left out",)
    path.write_bytes(with_segment(jpeg(), 11, b"JP\0\1\0\0\0\1" + box(b"jumb", box(b"jumd", b"c2pa"))))
    assert decode(path).notes == (CREDENTIALS,)
    path = tmp_path / "a.png"
    path.write_bytes(plain(smooth(4, 4), chunk(b"caBX", b"any")))
    assert decode(path).notes == (CREDENTIALS,)
    path = tmp_path / "a.tif"
    Image.fromarray(smooth(4, 4)).save(path, tiffinfo=_tiff_tags({52545: b"manifest", 37724: b"layers", 305: "kept"}))
    picture = decode(path)
    assert set(picture.notes) == {CREDENTIALS, LAYERS}
    written = encode(picture, "TIFF").data
    assert b"kept" in written
    assert b"manifest" not in written
    assert b"layers" not in written


def _tiff_tags(tags):
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        directory.tagtype[tag] = 7 if isinstance(value, bytes) else 2
        directory[tag] = value
    return directory


def test_smaller_icons_are_copies(tmp_path):
    for suffix, sizes in (("ico", [(16, 16), (32, 32)]), ("icns", None)):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(smooth(32, 32)).save(path, **({"sizes": sizes} if sizes else {}))
        picture = decode(path)
        assert len(picture.notes) == 1
        assert picture.notes[0].startswith(COPIES)
        assert picture.width == max(32, picture.width)


def box(name, content):
    return struct.pack(">I4s", len(content) + 8, name) + content


@pytest.mark.parametrize(
    ("boxes", "notes"),
    [
        (box(b"mpvd", MP4), (FILM,)),
        (struct.pack(">I4sQ", 1, b"free", 20) + bytes(4) + box(b"mpvd", b""), (FILM,)),
        (struct.pack(">I4s", 0, b"mpvd"), (FILM,)),
        (box(b"meta", bytes(4) + box(b"infe", struct.pack(">IHH4s", 2 << 24, 3, 0, b"tmap"))), (GAIN_MAP,)),
        (box(b"meta", box(b"auxC", b"urn:com:apple:photo:2020:aux:hdrgainmap\0")), (GAIN_MAP,)),
        (box(b"meta", box(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth\0")), (DEPTH_MAP,)),
        (box(b"meta", box(b"iref", box(b"thmb", bytes(6)))), (THUMBNAIL,)),
        (box(b"meta", box(b"thmb", b"") + box(b"iref", b"")), ()),
        (box(b"mdat", b"mpvd tmap thmb"), ()),
        (box(b"uuid", bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03") + b"II"), (GEOREFERENCE,)),
        (box(b"asoc", box(b"lbl ", b"gml.data")), (GEOREFERENCE,)),
        (box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481")), (CREDENTIALS,)),
        (box(b"uuid", bytes(16)), ()),
        (b"\0\0\0", ()),
    ],
)
def test_what_an_avif_or_heif_holds_besides_its_picture_is_noted(boxes, notes):
    assert left_behind.in_bmff(io.BytesIO(box(b"ftyp", b"avif") + boxes)) == notes


def test_an_avif_with_a_film_is_read_and_noted(tmp_path):
    path = tmp_path / "a.avif"
    Image.fromarray(smooth(24, 32)).save(path)
    assert decode(path).notes == ()
    path.write_bytes(path.read_bytes() + box(b"mpvd", MP4))
    assert decode(path).notes == (FILM,)


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\xff" * 40, b"\xff\xd8\xff\xda\0\x02"]))
def test_any_bytes_can_follow_a_picture(data, start):
    for whole in (jpeg(8, 8) + start + data, start + data + b"\xff\xd9" + start):
        assert isinstance(left_behind.in_jpeg(io.BytesIO(whole)), tuple)
    assert isinstance(left_behind.in_bmff(io.BytesIO(start + data)), tuple)


def test_the_same_picture_among_others_has_the_pixels_of_the_first(tmp_path):
    first, second = jpeg(), jpeg(6, 8)
    alone, both = tmp_path / "alone.jpg", tmp_path / "both.jpg"
    alone.write_bytes(first)
    both.write_bytes(first + second)
    assert np.array_equal(decode(alone).color, decode(both).color)


@pytest.mark.parametrize("mode", ["RGB", "P", "L"])
@pytest.mark.parametrize("format", ["PNG", "GIF", "WEBP", "JPEG"])
def test_bytes_after_the_end_are_noted_in_every_format(tmp_path, format, mode):
    path = tmp_path / "a"
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)).convert(mode)
    image.convert("RGB" if mode == "P" and format == "JPEG" else mode).save(path, format)
    data, whole = path.read_bytes(), decode(path)
    assert whole.notes == ()
    for rest, notes in (
        (b"x" * 1234, ("bytes after the picture's end were left out: 1,234",)),
        (bytes(4096), ()),
        (b"\0\0\0\x18ftypmp42" + bytes(400), (FILM,)),
    ):
        path.write_bytes(data + rest)
        picture = decode(path)
        assert picture.notes == notes
        assert np.array_equal(picture.color, whole.color)


def test_an_animation_has_no_bytes_after_its_end(tmp_path):
    path = tmp_path / "a.gif"
    first, *others = (Image.new("P", (20, 20), colour) for colour in range(3))
    first.save(path, save_all=True, append_images=others, comment=b"a comment", loop=0)
    assert not any("after" in note for note in decode(path).notes)
