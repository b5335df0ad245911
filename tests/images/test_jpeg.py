"""Damage of JPEG files: what libjpeg warns of, what it does not, and what is no damage."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from img2imgkit.errors import DecodeError
from img2imgkit.images import jpeg
from img2imgkit.images.jpeg import END_MISSING
from img2imgkit.images.jpeg_segments import MAX_SEGMENTS

KINDS = {
    "baseline": {"quality": 90},
    "optimised": {"quality": 75, "optimize": True},
    "progressive": {"quality": 85, "progressive": True},
    "restarts": {"quality": 85, "restart_marker_blocks": 8},
}


def scene(width=160, height=120):
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(1).integers(0, 60, (height, width, 3))
    return Image.fromarray((np.stack([x, y, x + y], 2) * 255 // (2 * width) + noise).clip(0, 255).astype(np.uint8))


def saved(image=None, **options):
    out = io.BytesIO()
    (image or scene()).save(out, "JPEG", **options)
    return out.getvalue()


@pytest.fixture(params=KINDS)
def data(request):
    return saved(**KINDS[request.param])


def zeroed(data, start, length):
    return data[:start] + bytes(min(length, len(data) - start)) + data[start + length :]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_whole_files_have_pillow_s_pixels(mode):
    whole = saved(scene().convert(mode))
    read = jpeg.read(whole, {"L": "grey", "RGB": "rgb", "CMYK": "cmyk"}[mode])
    pixels = np.asarray(Image.open(io.BytesIO(whole)))
    assert (read.damage, read.notes) == ("", ())
    assert np.array_equal(255 - read.color if mode == "CMYK" else read.color.squeeze(), pixels)


def test_zeroed_and_lost_stretches_are_damage(data):
    for start in range(len(data) // 3, len(data) - 520, len(data) // 9):
        assert jpeg.read(zeroed(data, start, 512), "rgb").damage, start
        assert jpeg.read(zeroed(data, start, len(data)), "rgb").damage, start
    assert jpeg.read(data[: len(data) // 2] + data[len(data) // 2 + 700 :], "rgb").damage


@pytest.mark.parametrize("kind", ["baseline", "progressive"])
def test_a_file_that_ends_at_any_byte_is_damaged_or_complete(kind):
    whole = saved(scene(32, 32), **KINDS[kind])
    pixels, complete = jpeg.read(whole, "rgb").color, 0
    for length in range(2, len(whole)):
        try:
            read = jpeg.read(whole[:length], "rgb")
        except DecodeError:
            continue
        complete += not read.damage
        assert read.damage or (np.array_equal(read.color, pixels) and END_MISSING in read.notes), length
    assert complete >= 2  # without the end marker, and with half of it


def test_a_missing_end_marker_is_a_note(data):
    read = jpeg.read(data[:-2], "rgb")
    assert (read.damage, read.notes) == ("", (END_MISSING,))
    assert np.array_equal(read.color, jpeg.read(data, "rgb").color)


def test_a_lost_restart_marker_is_damage():
    whole = saved(**KINDS["restarts"])
    marker = list(re.finditer(rb"\xff[\xd0-\xd7]", whole))[3].start()
    assert jpeg.read(whole[:marker] + whole[marker + 2 :], "rgb").damage


def test_missing_scans_are_damage_even_with_an_end_marker():
    whole = saved(**KINDS["progressive"])
    last = whole.rfind(b"\xff\xda")
    assert "scans are missing" in jpeg.read(whole[:last] + b"\xff\xd9", "rgb").damage


def test_a_zeroed_quantization_table_is_damage():
    whole = saved(**KINDS["baseline"])
    table = whole.find(b"\xff\xdb") + 5
    assert "quantization" in jpeg.read(zeroed(whole, table, 64), "rgb").damage


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_regular_pictures_whose_code_is_zeros_are_whole(options):
    y, x = np.mgrid[:400, :600]
    for levels in (0 * x, 255 * ((x + y) % 2), 255 * (x // 8 % 2), 255 * y // 400, 255 * (x < 300)):
        read = jpeg.read(saved(Image.fromarray(levels.astype(np.uint8)).convert("RGB"), **options), "rgb")
        assert (read.damage, read.notes) == ("", ())


def test_padding_before_the_end_marker_is_a_note(data):
    read = jpeg.read(data[:-2] + bytes(30) + data[-2:], "rgb")
    assert read.damage == ""
    assert "padding" in read.notes[0]


def test_an_odd_header_is_a_note_and_does_not_hide_damage():
    whole = saved(**KINDS["baseline"])
    odd = whole[:11] + b"\2" + whole[12:]  # JFIF version 2
    assert "departs from the standard" in jpeg.read(odd, "rgb").notes[0]
    assert jpeg.read(odd, "rgb").damage == ""
    stray = whole[:20] + b"\0\0\0" + whole[20:]
    assert jpeg.read(stray, "rgb").damage == ""
    assert jpeg.read(zeroed(odd, len(odd) // 2, 512), "rgb").damage


def test_bytes_after_the_end_do_not_matter(data):
    assert jpeg.read(data + bytes(1000) + b"MotionPhoto", "rgb")[1:] == ("", ())


def test_a_file_of_endless_segments_is_refused():
    whole = saved(**KINDS["progressive"])
    comments = b"\xff\xfe\0\2" * (MAX_SEGMENTS + 1)
    with pytest.raises(DecodeError, match="segments"):
        jpeg.read(whole[:-2] + comments + whole[-2:], "rgb")
