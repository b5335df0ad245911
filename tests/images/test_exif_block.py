from __future__ import annotations

import struct

import pytest
from corpus_files import turned
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from img2imgkit.images import exif_block


def block(order, *entries, after=b"", link=0):
    """A directory of (tag, kind, count, value) directly after the header, then other bytes."""
    packed = b"".join(
        struct.pack(order + "HHI", *entry[:3]) + struct.pack(order + ("H2x" if entry[1] == 3 else "I"), entry[3])
        for entry in entries
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    return head + packed + struct.pack(order + "I", link) + after


@pytest.mark.parametrize("order", "<>")
def test_only_the_orientation_changes(order):
    before = block(order, (0x0110, 4, 1, 77), (0x0112, 3, 1, 6), after=b"anything else")
    assert exif_block.orientation(before) == 6
    after = exif_block.upright(before)
    assert exif_block.orientation(after) == 1
    assert len(after) == len(before)
    assert sum(a != b for a, b in zip(after, before, strict=True)) == 1


@pytest.mark.parametrize("value", [0, 9, 255])
def test_an_invalid_orientation_means_upright(value):
    assert exif_block.orientation(block("<", (0x0112, 3, 1, value))) == 1
    assert exif_block.orientation(block("<", (0x0110, 3, 1, 3))) is None


@pytest.mark.parametrize("order", "<>")
def test_the_thumbnail_is_removed_from_any_position(order):
    first = block(order, (0x0112, 3, 1, 8))
    second = len(first)
    directory = struct.pack(order + "H", 2) + b"".join(
        struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in ((0x0201, second + 30), (0x0202, 9))
    )
    whole = block(order, (0x0112, 3, 1, 8), link=second, after=directory + bytes(4) + b"THUMBNAIL")
    assert whole.endswith(b"THUMBNAIL")
    at_the_end = exif_block.upright(whole)
    assert b"THUMBNAIL" not in at_the_end
    assert len(at_the_end) == len(whole) - 9
    within = exif_block.upright(whole + b"kept")
    assert b"THUMBNAIL" not in within
    assert within.endswith(bytes(9) + b"kept")
    loaded = Image.Exif()
    loaded.load(at_the_end)
    assert loaded.get_ifd(0xFFFFFFFF) in ({}, None)  # no first thumbnail directory


def test_stated_sizes_are_set_and_can_exceed_16_bits():
    stated = turned(1).tobytes()[6:]
    small = Image.Exif()
    small.load(exif_block.sized(stated, 1234, 5))
    assert small.get_ifd(0x8769)[0xA002] == 1234
    assert 0xA003 not in small.get_ifd(0x8769)
    large = Image.Exif()
    large.load(exif_block.sized(stated, 70_000, 5))
    assert large.get_ifd(0x8769)[0xA002] == 70_000
    assert large[0x010F] == small[0x010F]


@given(st.binary(max_size=200), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_any_bytes_are_an_exif_block_or_a_value_error(data, start):
    for change in (exif_block.orientation, exif_block.upright, lambda b: exif_block.sized(b, 5, 6)):
        try:
            change(start + data)
        except ValueError:
            continue


def test_errors_name_the_problem():
    with pytest.raises(ValueError, match="does not start with a TIFF header"):
        exif_block.orientation(b"nothing")
    with pytest.raises(ValueError, match="outside"):
        exif_block.orientation(b"II*\0\xff\xff\0\0")
    with pytest.raises(ValueError, match="longer"):
        exif_block.orientation(b"II*\0\x08\0\0\0\xff\0")


@pytest.mark.parametrize("order", "<>")
def test_numbers_of_every_type_are_read_and_written_in_place(order):
    at = 8 + 2 + 12 * 5 + 4
    data = struct.pack(order + "dd", 1.5, -2.5) + struct.pack(order + "4I", 7, 2, 1, 0)
    before = block(
        order, (10, 3, 1, 5), (11, 4, 1, 70_000), (12, 12, 2, at), (13, 5, 2, at + 16), (14, 2, 4, 1), after=data
    )
    assert exif_block.numbers(before, range(20)) == {
        10: (5,),
        11: (70_000,),
        12: (1.5, -2.5),
        13: (3.5, 0.0),
        14: (),
    }
    changes = {10: (6.4,), 12: (0.25, 1e9), 13: (1 / 4, 1e9)}
    after = exif_block.with_numbers(before, changes)
    assert len(after) == len(before)
    assert exif_block.numbers(after, changes) == {10: (6,), 12: (0.25, 1e9), 13: (0.25, 1e9)}
    for wrong in ({10: (70_000,)}, {10: (-1,)}, {10: (1, 2)}, {13: (1e10, 1)}, {14: (1,)}):
        with pytest.raises(ValueError, match="tag 1"):
            exif_block.with_numbers(before, wrong)


@pytest.mark.parametrize("order", "<>")
def test_a_removed_tag_leaves_all_offsets_and_links_as_they_are(order):
    at = 8 + 2 + 12 * 3 + 4
    before = block(order, (10, 4, 2, at), (11, 4, 1, 9), (12, 4, 2, at + 8), after=bytes(range(1, 17)), link=at + 6)
    after = exif_block.without(before, {10})
    assert len(after) == len(before)
    assert exif_block.numbers(after, range(20)) == {
        11: (9,),
        12: exif_block.numbers(before, {12})[12],
    }
    assert after[at : at + 8] == bytes(8)
    assert exif_block.has_thumbnail(after)
    assert exif_block.without(before, {77}) == before


def test_an_uncompressed_thumbnail_is_removed():
    first = block("<", (0x0112, 3, 1, 8))
    second = len(first)
    directory = struct.pack("<H", 2) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in ((0x0111, second + 30), (0x0117, 9))
    )
    whole = block("<", (0x0112, 3, 1, 8), link=second, after=directory + bytes(4) + b"THUMBNAIL")
    assert exif_block.has_thumbnail(whole)
    assert b"THUMBNAIL" not in exif_block.upright(whole)
    assert not exif_block.has_thumbnail(exif_block.upright(whole))


@given(st.binary(max_size=200), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_any_bytes_can_be_searched_and_changed_or_are_a_value_error(data, start):
    for change in (
        exif_block.has_thumbnail,
        lambda b: exif_block.numbers(b, range(1 << 16)),
        lambda b: exif_block.without(b, range(1, 1 << 16, 2)),
        lambda b: exif_block.with_numbers(b, {tag: v for tag, v in exif_block.numbers(b, range(1 << 16)).items() if v}),
        lambda b: exif_block.text(b, 270),
    ):
        try:
            change(start + data)
        except ValueError:
            continue
