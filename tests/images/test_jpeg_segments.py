"""The segments of a JPEG stream: in order, wherever they are, and never without end."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from img2imgkit.errors import DecodeError
from img2imgkit.images import jpeg_segments
from img2imgkit.images.jpeg_segments import EOI, FRAMES, MAX_SEGMENTS, SOS, segments


def saved(**options):
    out = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (90, 130, 3), np.uint8)
    Image.fromarray(pixels).save(out, "JPEG", **options)
    return out.getvalue()


def codes(data, start=0):
    return [segment.code for segment in segments(io.BytesIO(data), start)]


@pytest.mark.parametrize("progressive", [False, True])
def test_segments_cover_everything_but_coded_data(progressive):
    data = saved(progressive=progressive, restart_marker_blocks=3)
    found = list(segments(io.BytesIO(data)))
    assert found[-1].code == EOI
    assert found[-1].end == len(data)
    assert sum(segment.code == SOS for segment in found) == (10 if progressive else 1)
    for before, after in pairwise(found):
        assert before.code == SOS or before.end == after.start
        assert data[before.end - len(before.payload) : before.end] == before.payload
    frame = next(segment for segment in found if segment.code in FRAMES)
    assert jpeg_segments.size(frame) == (130, 90)


def test_a_stream_is_followed_from_where_it_starts_to_its_end_only():
    data = saved()
    assert codes(b"before" + data + data, 6) == codes(data)


def test_stray_bytes_and_fill_bytes_are_skipped():
    data = saved()
    assert codes(data[:2] + b"\xff\xff" + data[2:20] + b"stray" + data[20:]) == codes(data)


def test_a_marker_at_any_distance_is_found():
    for distance in (0, 1, 62, 63, 64, 65, 2110, 2111, 2112, 70_000, 3_000_000):
        file = io.BytesIO(b"\0" * distance + b"\xff\xd9")
        assert jpeg_segments.marker_after(file, 0) == (EOI, distance, distance + 2)
    assert jpeg_segments.marker_after(io.BytesIO(b"\xff\0\xff\xd0\xff"), 0) is None


def test_segments_without_end_are_refused():
    with pytest.raises(DecodeError, match="segments"):
        codes(b"\xff\xd8" + b"\xff\xfe\0\2" * (MAX_SEGMENTS + 1))
