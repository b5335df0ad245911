from __future__ import annotations

import numpy as np
import pytest
from corpus import noise
from PIL import Image

from img2imgkit.errors import DecodeError
from img2imgkit.images.raster import from_image, full_range

EVERY_MODE = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "I;16")


@pytest.mark.parametrize("mode", EVERY_MODE)
def test_every_mode_of_pillow_is_supported(mode):
    image = Image.new(mode, (4, 3))
    made = from_image(image)
    assert made.color.shape[:2] == (3, 4)
    assert made.color.dtype == (np.uint16 if mode == "I;16" else np.uint8)
    assert made.mode == mode
    assert (made.alpha is not None) == (mode in ("LA", "La", "PA", "RGBA", "RGBa"))
    assert bool(made.notes) == (mode in ("YCbCr", "HSV", "LAB"))


@pytest.mark.parametrize(("mode", "target"), [("YCbCr", "RGB"), ("HSV", "RGB"), ("RGBa", "RGBA"), ("RGBX", "RGB")])
def test_other_modes_are_converted_as_by_pillow(mode, target):
    image = Image.frombytes(mode, (8, 8), noise(1, 8, 8, len(Image.new(mode, (1, 1)).tobytes())).tobytes())
    made = from_image(image)
    assert np.array_equal(made.color, np.asarray(image.convert(target))[..., :3])


def test_lab_becomes_srgb():
    lab = Image.frombytes("LAB", (3, 1), bytes([255, 0, 0, 0, 0, 0, 128, 80, 60]))
    white, black, red = from_image(lab).color[0].tolist()
    assert min(white) > 250
    assert max(black) < 5
    assert red[0] > red[1] + 50


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L"])
def test_both_byte_orders_of_16_bits_are_read(mode):
    levels = noise(2, 5, 6, 1, np.uint16)[..., 0]
    stored = levels.astype(">u2" if mode == "I;16B" else "<u2").tobytes()
    assert np.array_equal(from_image(Image.frombytes(mode, (6, 5), stored)).color[..., 0], levels)


def test_integers_within_16_bits_are_read_and_others_refused():
    levels = np.array([[0, 65535], [7, 256]], np.int32)
    made = from_image(Image.fromarray(levels))
    assert np.array_equal(made.color[..., 0], levels)
    assert made.notes
    for wrong in (-1, 65536):
        levels[0, 0] = wrong
        with pytest.raises(DecodeError, match="white point is undefined"):
            from_image(Image.fromarray(levels))


def test_floating_point_is_refused():
    with pytest.raises(DecodeError, match="floating-point"):
        from_image(Image.new("F", (2, 2)))


@pytest.mark.parametrize("bits", [1, 2, 4, 5, 7, 10, 12, 14])
def test_any_depth_is_scaled_to_the_full_range(bits):
    top = (1 << bits) - 1
    every = np.arange(top + 1).astype(np.uint16)
    made, notes = full_range(every, bits)
    full = 255 if bits < 8 else 65535
    assert np.array_equal(made, np.floor(every * (full / top) + 0.5))
    assert notes == (f"{bits}-bit levels were scaled to {8 if bits < 8 else 16} bits",)


def test_a_palette_index_beyond_the_palette_is_black():
    image = Image.fromarray(np.array([[0, 1, 200]], np.uint8))
    image.putpalette([1, 2, 3, 4, 5, 6])
    assert from_image(image).color.tolist() == [[[1, 2, 3], [4, 5, 6], [0, 0, 0]]]
