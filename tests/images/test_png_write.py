"""PNG files as this project writes them: any reader gets the same pixels, and they are as small as libpng's."""

import io
import zlib
from itertools import pairwise
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from img2imgkit.images import png_write
from img2imgkit.images.deflate import deflate

PHOTOGRAPHS = Path(__file__).parents[2] / "pipelines" / "pictures"
SHAPES = [(1, 1, 1), (1, 7, 3), (5, 1, 4), (33, 17, 2), (40, 50, 3), (3, 50_000, 3)]


def photograph() -> np.ndarray:
    with Image.open(PHOTOGRAPHS / "drum.jpg") as image:
        return np.asarray(image.convert("RGB"))


def rising(shape: tuple[int, int, int], kind: type) -> np.ndarray:
    """Rows of smooth levels, some rows of noise, and some copies of the row above: each has another best filter."""
    random = np.random.default_rng(0)
    pixels = np.cumsum(random.integers(0, 5, shape), axis=1)
    pixels[::3] = random.integers(0, 256, shape)[::3]
    pixels[2::3] = pixels[1::3][: len(pixels[2::3])]
    return pixels.astype(kind) * (257 if kind is np.uint16 else 1)


def filters(png: bytes, rows: int) -> set[int]:
    """The types of filters in a file with a single IDAT chunk."""
    at = png.index(b"IDAT")
    data = zlib.decompress(png[at + 4 : at + 4 + int.from_bytes(png[at - 4 : at], "big")])
    return {data[start] for start in range(0, len(data), len(data) // rows)}


@pytest.mark.parametrize("level", [0, 1, 4, 6, 9])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", SHAPES)
def test_libpng_reads_the_same_pixels(shape, kind, level):
    pixels = rising(shape, kind)
    png = png_write.encode(pixels, level)
    assert np.array_equal(imagecodecs.png_decode(png).reshape(shape), pixels)
    with Image.open(io.BytesIO(png)) as image:
        image.load()  # verifies the checksums of all chunks
        assert image.size == (shape[1], shape[0])


def test_each_row_gets_the_filter_that_suits_it():
    pixels = rising((60, 50, 3), np.uint8)
    assert filters(png_write.encode(pixels, 0), 60) == {0}
    assert filters(png_write.encode(pixels, 4), 60) == {0, 1, 2}
    assert 4 in filters(png_write.encode(np.cumsum(pixels // 50, axis=0).astype(np.uint8), 9), 60)


def test_a_large_file_has_several_chunks():
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3)).astype(np.uint8)
    png = png_write.encode(noise, 1)
    assert png.count(b"IDAT") == 2
    assert np.array_equal(imagecodecs.png_decode(png), noise)


@pytest.mark.parametrize("level", [1, 4, 6, 9])
def test_photographs_are_as_small_as_libpng_makes_them(level):
    pixels = photograph()
    assert len(png_write.encode(pixels, level)) < 1.03 * len(imagecodecs.png_encode(pixels, level=level))


def test_higher_levels_compress_no_worse():
    data = photograph()
    sizes = [len(deflate(data, level)) for level in range(10)]
    assert sizes[0] > data.size
    assert all(later <= earlier * 1.01 for earlier, later in pairwise(sizes))
    assert zlib.decompress(deflate(data, 5)) == data.tobytes()
