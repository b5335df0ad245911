from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from corpus import noise
from corpus_png import chunk, plain
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from img2imgkit.images import png_chunks


def test_chunks_are_ordered_as_the_specification_requires():
    made = png_chunks.insert(
        plain(noise(1, 3, 3)),
        [png_chunks.text_chunk("a", "b"), (b"eXIf", b"II*\0"), png_chunks.dpi_chunk((72, 72)), (b"gAMA", b"\0\0\1\0")],
    )
    names = [name for name, _ in png_chunks.read(io.BytesIO(made))]
    assert names == [b"IHDR", b"gAMA", b"pHYs", b"eXIf", b"tEXt"]
    with Image.open(io.BytesIO(made)) as image:
        image.load()  # verifies checksums
        assert np.array_equal(np.asarray(image), noise(1, 3, 3))


def test_chunks_after_the_pixels_are_found_and_a_damaged_one_ends_the_search():
    whole = plain(noise(1, 3, 3))
    behind = whole[:-12] + chunk(b"tEXt", b"late\0text") + whole[-12:]
    assert dict(png_chunks.texts(png_chunks.read(io.BytesIO(behind)))) == {"late": "text"}
    garbled = behind.replace(b"late\0text", b"late\0test")
    assert dict(png_chunks.texts(png_chunks.read(io.BytesIO(garbled)))) == {}


@given(st.text(st.characters(min_codepoint=32, max_codepoint=255), min_size=1, max_size=79), st.text(max_size=300))
def test_round_trips_of_text_are_exact(key, text):
    name, data = png_chunks.text_chunk(key, text)
    assert list(png_chunks.texts([(name, data)])) == [(key, text)]


def test_compressed_texts_are_decompressed_up_to_a_limit():
    small = (b"zTXt", b"a\0\0" + zlib.compress(b"b" * 1000))
    huge = (b"zTXt", b"c\0\0" + zlib.compress(bytes(png_chunks.MAX_TEXT + 1)))
    international = (b"iTXt", b"d\0\1\0en\0\0" + zlib.compress("é".encode()))
    assert dict(png_chunks.texts([small, huge, international])) == {"a": "b" * 1000, "d": "é"}


@given(st.sampled_from([b"tEXt", b"zTXt", b"iTXt"]), st.binary(max_size=60))
def test_any_bytes_are_a_text_or_skipped(name, data):
    assert len(list(png_chunks.texts([(name, data)]))) <= 1


@pytest.mark.parametrize("key", ["", "k" * 80, "→", "a\0b"])
def test_invalid_keywords_are_refused(key):
    with pytest.raises(ValueError, match=r"keyword|latin-1"):
        png_chunks.text_chunk(key, "x")


def test_round_trips_of_profiles_are_exact_and_a_damaged_one_is_none():
    name, data = png_chunks.profile_chunk(b"profile" * 100)
    assert name == b"iCCP"
    assert png_chunks.profile(data) == b"profile" * 100
    assert png_chunks.profile(data[:-9]) is None
    assert png_chunks.profile(b"no zero in it") is None


def test_resolution_is_kept_to_a_dot_per_metre():
    for dots in ((72, 72), (300, 150), (0.5, 1e7)):
        _, data = png_chunks.dpi_chunk(dots)
        assert png_chunks.dpi(data) == pytest.approx(dots, abs=0.013)
    assert png_chunks.dpi(b"\0\0\0\1\0\0\0\1\0") is None  # only an aspect ratio


def test_an_animation_counts_its_frames():
    assert png_chunks.frames([(b"acTL", b"\0\0\0\7\0\0\0\0")]) == 7
    assert png_chunks.frames([]) == 1
