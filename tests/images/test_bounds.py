import io
import struct
import zlib

import bombs
import pytest
from PIL import Image

from img2imgkit.errors import DecodeError
from img2imgkit.images import bounds, decode, png_chunks

DECOMPRESS = zlib.decompressobj


@pytest.fixture
def check(tmp_path):
    """Check the bounds of a file's bytes."""

    def call(data):
        path = tmp_path / "file"
        path.write_bytes(data)
        with path.open("rb") as file:
            return bounds.check(file)

    return call


def saved(format, **options):
    target = io.BytesIO()
    Image.new("RGB", (20, 10), "red").save(target, format, **options)
    return target.getvalue()


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ],
)
def test_the_headers_of_common_files_bound_the_work(check, format, options):
    assert check(saved(format, **options))


@pytest.mark.parametrize(
    ("format", "options"),
    [("AVIF", {}), ("JPEG2000", {}), ("GIF", {}), ("TGA", {}), ("TIFF", {"compression": "jpeg"})],
)
def test_those_of_others_do_not(check, format, options):
    assert not check(saved(format, **options))


def test_a_run_length_encoded_bmp_is_not_bounded(check):
    data = bytearray(saved("BMP"))
    data[30] = 1
    assert not check(bytes(data))


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"II*\0", b"MM\0*\0\0\0\x08", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF"]
)
def test_a_file_that_ends_early_is_left_to_the_decoder(check, data):
    assert check(data) in (True, False)


@pytest.mark.parametrize(
    ("bomb", "reason"),
    [
        (bombs.jpeg_of_scans(300, 64), "more than 256 scans"),
        (bombs.jpeg_of_scans(300, 64, between=b"\xff\xfe\0\x04\xff\xd9"), "more than 256 scans"),
        (bombs.jpeg_of_segments(1100), "more than 1,024 segments"),
        (bombs.jpeg_with_junk(100_000), "followed by something else"),
        (bombs.png_with(bombs.chunk(b"fcTL") * 500_001), "more than 500,000 PNG chunks"),
        (bombs.tiff_chain(10_001), "more than 10,000 TIFF directories"),
        (bombs.tiff_circle(), "form a circle"),
    ],
    ids=["scans", "scans behind a false end", "segments", "junk", "chunks", "directories", "circle"],
)
def test_absurd_numbers_are_refused(tmp_path, bomb, reason):
    (tmp_path / "bomb").write_bytes(bomb)
    with pytest.raises(DecodeError, match=reason):
        decode(tmp_path / "bomb")


def test_a_png_with_many_bytes_of_pixels_is_not_bounded(check):
    png = saved("PNG")
    assert check(png[:-12] + bombs.chunk(b"IDAT", bytes((2 << 20) - 1000)) + png[-12:])
    assert not check(png[:-12] + bombs.chunk(b"IDAT", bytes(2 << 20)) + png[-12:])


def test_many_scans_are_not_bounded(check):
    assert not check(bombs.jpeg_of_scans(100, 16))
    assert check(bombs.jpeg_of_scans(10, 16))


def test_scans_of_a_second_picture_do_not_count(check):
    assert check(saved("JPEG") + saved("JPEG", progressive=True) * 40)


def test_start_markers_in_metadata_between_scans_do_not_count(check):
    comment = b"\xff\xfe" + (2 + 400).to_bytes(2, "big") + b"\xff\xda" * 200
    assert check(bombs.jpeg_of_scans(2, 16, between=comment))


def test_sequential_scans_of_single_components_count(check):
    jpeg = saved("JPEG")
    frame, scan = jpeg.index(b"\xff\xc0"), jpeg.rindex(b"\xff\xda")
    assert (jpeg[frame + 9], jpeg[scan + 4]) == (3, 3)
    many = jpeg[:-2] + jpeg[scan:-2] * 300
    assert check(many)  # the first has all components: the decoder reads no other
    with pytest.raises(DecodeError, match="more than 256 scans"):
        check(many[: scan + 4] + b"\1" + many[scan + 5 :])
    with pytest.raises(DecodeError, match="more than 256 scans"):
        check(many[:frame] + many[frame : frame + 19] * 2 + many[frame + 19 :])


def test_start_markers_across_blocks_are_counted(check, monkeypatch):
    for block in range(1, 40):
        monkeypatch.setattr(bounds, "_BLOCK", block)
        assert not check(bombs.jpeg_of_scans(40, 16))


def test_a_tag_of_very_many_numbers_is_not_bounded(check):
    page = bombs.tiff([(256, 4, 1, 8), (257, 4, 1, 8), (259, 3, 1, 1), (273, 4, 1_000_000, 8)])
    assert not check(page)


def test_the_compression_of_nested_pages_counts(check):
    inner = bombs.tiff([(259, 3, 1, 7)])[8:]
    page = bombs.tiff([(259, 3, 1, 1), (330, 4, 1, 8 + 2 + 24 + 4)])
    assert not check(page + inner)
    assert check(page + bombs.tiff([(259, 3, 1, 5)])[8:])


class Counting:
    """Decompresses, and counts the bytes."""

    def __init__(self, unpacked):
        self._inner, self._unpacked = DECOMPRESS(), unpacked

    def decompress(self, data, limit):
        plain = self._inner.decompress(data, limit)
        self._unpacked.append(len(plain))
        return plain

    def __getattr__(self, name):
        return getattr(self._inner, name)


def test_many_texts_that_are_too_large_are_not_unpacked(tmp_path, monkeypatch):
    bomb = bombs.png_of_texts(20)
    unpacked = []
    monkeypatch.setattr(png_chunks.zlib, "decompressobj", lambda: Counting(unpacked))
    (tmp_path / "bomb").write_bytes(bomb)
    picture = decode(tmp_path / "bomb")
    assert (picture.width, picture.metadata.text) == (8, {})
    assert 0 < sum(unpacked) <= 10 * png_chunks.MAX_TEXT


def test_a_strip_is_not_unpacked_beyond_its_size(tmp_path):
    (tmp_path / "bomb").write_bytes(bombs.tiff_page(8, 8, 8, zlib.compress(bytes(1 << 26))))
    with pytest.raises(DecodeError, match="is damaged"):
        decode(tmp_path / "bomb")


def test_lists_of_directories_are_bounded_and_may_be_linked_to_each_other(check):
    def tiff(subs):
        entry = struct.pack("<HHII", 330, 4, len(subs), 26)
        return struct.pack("<2sHIH", b"II", 42, 8, 1) + entry + bytes(4) + struct.pack(f"<{len(subs)}I", *subs)

    first = 26 + 2 * 4
    linked = struct.pack("<HI", 0, first + 6) + struct.pack("<HI", 0, 0)
    assert check(tiff([first, first + 6]) + linked) is True
    assert check(tiff([first + 6, first]) + linked) is True
    with pytest.raises(DecodeError, match="more than 10,000 TIFF directories"):
        check(tiff([8] * 10_001))
