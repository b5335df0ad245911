"""The chunks of WebP files: those of the first frame, also of animations, and never without end."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from img2imgkit.images import webp_chunks


def saved(mode="RGB", **options):
    out = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, len(mode)), np.uint8)
    Image.fromarray(pixels, mode).save(out, "WEBP", **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("mode", "options", "names"),
    [
        ("RGB", {}, [b"VP8 "]),
        ("RGB", {"lossless": True}, [b"VP8L"]),
        ("RGBA", {}, [b"ALPH", b"VP8 "]),
        ("RGB", {"exif": b"Exif\0\0MM\0*" + bytes(8)}, [b"VP8 "]),
        ("RGBA", {"save_all": True, "append_images": [Image.new("RGBA", (30, 20))]}, [b"ALPH", b"VP8 "]),
    ],
)
def test_the_first_frame_has_alpha_and_pixels(mode, options, names):
    data = saved(mode, **options)
    found = webp_chunks.first_frame(io.BytesIO(data))
    assert [chunk.name for chunk in found] == names
    for chunk in found:
        assert data[chunk.start - 8 : chunk.start - 4] == chunk.name
        assert int.from_bytes(data[chunk.start - 4 : chunk.start], "little") == chunk.end - chunk.start
    assert webp_chunks.stated_end(io.BytesIO(data)) == len(data)


def test_chunks_without_end_are_not_followed():
    data = saved()
    many = data[:12] + b"JUNK\0\0\0\0" * 100_000 + data[12:]
    assert len(list(webp_chunks.chunks(io.BytesIO(many)))) == webp_chunks.MAX_CHUNKS
    assert webp_chunks.first_frame(io.BytesIO(many)) == ()
