"""Stretches of zeros in coded data: noted where the picture does not repeat, and not where it does."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from img2imgkit.errors import DamagedError
from img2imgkit.images import decode, zeroed

NOTE = "the compressed data has a stretch of zeros, as damaged files do: "


def photo(side=256):
    """Return noise of changing strength over waves: coded data of it have no zeros."""
    y, x = np.mgrid[:side, :side]
    noise = np.random.default_rng(1).normal(0, 1, (side, side, 3)) * (4 + x[..., None] / 16)
    return np.clip(128 + 80 * np.sin(np.stack([x, y, x + y], 2) / 25) + noise, 0, 255).astype(np.uint8)


def by_pillow(format, **options):
    def encoded(pixels):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, format, **options)
        return out.getvalue()

    return encoded


def fast_jpeg_xl(pixels):
    return bytes(imagecodecs.jpegxl_encode(pixels, lossless=True, effort=1))


ENCODERS = {
    "a.jpg": by_pillow("JPEG", quality=85, progressive=True),
    "a.webp": by_pillow("WEBP", lossless=True, quality=0, method=0),
    "a.jp2": by_pillow("JPEG2000"),
    "a.jxl": fast_jpeg_xl,
}


@pytest.mark.parametrize("length", [64, 200])
@pytest.mark.parametrize("name", ENCODERS)
def test_zeroed_data_fail_or_are_noted(tmp_path, name, length):
    whole, path = ENCODERS[name](photo()), tmp_path / name
    path.write_bytes(whole)
    assert decode(path).notes == ()
    noted = 0
    for start in np.linspace(len(whole) // 4, len(whole) - 2 * length, 4).astype(int):
        path.write_bytes(whole[:start] + bytes(length) + whole[start + length :])
        try:
            picture = decode(path)
        except DamagedError:
            continue
        assert any(note.startswith(NOTE) for note in picture.notes), start
        noted += 1
    assert noted > 0 or name == "a.webp"


def test_the_note_states_the_number_of_bytes(tmp_path):
    whole, path = bytearray(ENCODERS["a.jxl"](photo())), tmp_path / "a.jxl"
    at = len(whole) // 2
    whole[at - 1 : at + 201] = b"\x55" + bytes(200) + b"\x55"
    path.write_bytes(whole)
    assert decode(path).notes == (NOTE + "200 bytes",)


def pages():
    y, x = np.mgrid[:700, :500]
    page = np.full((700, 500), 255)
    page[100:600:20, 60:440] = 0
    yield from (page, 0 * x, 255 * y // 700, 255 * (x // 8 % 2), 255 * ((x + y) % 2), 255 * (np.hypot(x, y) < 300))
    yield np.where((x < 200) & (y < 200), np.random.default_rng(1).integers(0, 256, x.shape), 255)


@pytest.mark.parametrize("name", ENCODERS)
def test_areas_that_repeat_have_no_note(tmp_path, name):
    path, stretches = tmp_path / name, 0
    for levels in pages():
        data = ENCODERS[name](np.repeat(levels.astype(np.uint8)[..., None], 3, axis=2))
        stretches += len(list(zeroed.stretches(data, [(0, len(data))])))
        path.write_bytes(data)
        assert decode(path).notes == ()
    assert stretches > 0 or name in ("a.jp2", "a.jxl")


def test_an_area_repeats_if_it_equals_what_is_to_the_left_or_above():
    y, x = np.mgrid[:60, :60]
    area = (y > 10) & (y < 40) & (x > 5)
    noise = np.random.default_rng(1).integers(0, 256, (60, 60))
    for levels in (0 * x, x // 30, noise[:, x[0] % 7], noise[y[:, 0] % 5]):
        assert zeroed.repeats(levels[..., None], area)
    assert not zeroed.repeats(noise[..., None], area)
    assert not zeroed.repeats((3 * x + y)[..., None], area)
    assert zeroed.repeats((3 * x + y)[..., None], area, tolerance=1)
    assert not zeroed.repeats(noise[..., None], np.zeros((60, 60), bool))
