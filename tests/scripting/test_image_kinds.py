from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from img2imgkit.errors import EncodeError, ImageError
from img2imgkit.images import Picture, decode
from img2imgkit.scripting.image_kinds import ids_of, library_picture, picture_of

RNG = np.random.default_rng(0)


def there_and_back(image: Any) -> Any:
    picture, back = picture_of(image)
    return back(picture)


class TestArrays:
    @given(
        channels=st.sampled_from([None, 1, 2, 3, 4]),
        kind=st.sampled_from([np.uint8, np.uint16]),
        seed=st.integers(0, 99),
    )
    def test_integers_come_back_unchanged(self, channels: int | None, kind: Any, seed: int) -> None:
        shape = (3, 5) if channels is None else (3, 5, channels)
        array = np.random.default_rng(seed).integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)
        made = there_and_back(array)
        assert made.dtype == kind
        np.testing.assert_array_equal(made, array)

    def test_foreign_byte_order_is_understood(self) -> None:
        array = RNG.integers(0, 65536, (3, 4, 3), np.uint16)
        np.testing.assert_array_equal(there_and_back(array.astype(">u2")), array)

    @pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
    def test_floats_come_back_within_half_a_level_of_16_bits(self, kind: Any) -> None:
        array = RNG.random((4, 4, 3)).astype(kind)
        made = there_and_back(array)
        assert made.dtype == kind
        assert np.abs(made.astype(float) - array).max() <= 0.5 / 65535 + np.finfo(kind).eps

    @pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, np.inf])
    def test_floats_outside_0_to_1_are_refused(self, value: float) -> None:
        array = np.full((2, 2), 0.5)
        array[0, 0] = value
        with pytest.raises(ValueError, match=r"in \[0, 1\], got"):
            picture_of(array)

    @pytest.mark.parametrize("shape", [(3,), (2, 2, 5), (1, 2, 2, 3), (0, 4, 3)])
    def test_other_shapes_are_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="an array of a picture is"):
            picture_of(np.zeros(shape, np.uint8))

    def test_other_types_are_refused(self) -> None:
        with pytest.raises(TypeError, match="uint8, uint16 or a float in \\[0, 1\\], got int64"):
            picture_of(np.zeros((2, 2), np.int64))

    def test_steps_of_any_sign_are_read(self) -> None:
        array = RNG.integers(0, 256, (6, 8, 3), np.uint8)[::-1, ::2]
        np.testing.assert_array_equal(there_and_back(array), array)


class TestPillow:
    @pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "I;16"])
    def test_modes_come_back_unchanged(self, mode: str) -> None:
        if mode == "I;16":
            image = Image.fromarray(RNG.integers(0, 65536, (4, 5), np.uint16))
        else:
            channels = len(Image.new(mode, (1, 1)).getbands())
            levels = RNG.integers(0, 256, (4, 5, channels), np.uint8)
            image = Image.fromarray(levels[..., 0] if channels == 1 else levels, mode)
        made = there_and_back(image)
        assert made.mode == mode
        np.testing.assert_array_equal(np.asarray(made), np.asarray(image))

    def test_the_profile_and_exif_come_along(self) -> None:
        image = Image.new("RGB", (4, 4))
        exif = Image.Exif()
        exif[315] = "somebody"
        file = io.BytesIO()
        image.save(file, "JPEG", exif=exif, icc_profile=b"profile" * 20)
        made = there_and_back(Image.open(file))
        assert made.info["icc_profile"] == b"profile" * 20
        assert made.getexif()[315] == "somebody"

    def test_levels_without_a_white_point_are_refused(self) -> None:
        with pytest.raises(ImageError, match="the Pillow image "):
            picture_of(Image.new("F", (2, 2)))

    def test_pillow_has_no_16_bit_colours(self) -> None:
        _, back = picture_of(Image.new("RGB", (2, 2)))
        with pytest.raises(EncodeError, match="no images of 16 bits with colour"):
            back(Picture(np.zeros((2, 2, 3), np.uint16)))


class TestPaths:
    def test_a_path_becomes_a_picture_that_can_be_saved(self, tmp_path: Any) -> None:
        levels = RNG.integers(0, 65536, (5, 7, 3), np.uint16)
        library_picture(Picture(levels)).save(tmp_path / "a.png")
        made = there_and_back(str(tmp_path / "a.png"))
        np.testing.assert_array_equal(made.to_array(), levels)
        made.save(tmp_path / "b.tif")
        np.testing.assert_array_equal(decode(tmp_path / "b.tif").color, levels)
        assert repr(made) == "<rgb picture of 7x5 pixels, 16 bits>"

    def test_an_unknown_suffix_is_refused_and_nothing_written(self, tmp_path: Any) -> None:
        with pytest.raises(EncodeError, match=r"a\.docx: its suffix is not that of a format"):
            library_picture(Picture(np.zeros((2, 2, 3), np.uint8))).save(tmp_path / "a.docx")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("kind", [np.uint8, np.uint16])
    def test_notebooks_show_a_small_png(self, kind: Any) -> None:
        picture = Picture(
            np.full((30, 3000, 3), np.iinfo(kind).max, kind),
            np.full((30, 3000, 1), np.iinfo(kind).max // 255 * 51, kind),
        )
        shown = Image.open(io.BytesIO(library_picture(picture)._repr_png_()))
        assert (shown.format, shown.mode, shown.width) == ("PNG", "RGBA", 1024)
        assert shown.getpixel((5, 5)) == (255, 255, 255, 51)


def test_anything_else_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a path, a Pillow image, an array or a Picture, got list"):
        picture_of([[1, 2]])  # type: ignore[arg-type]


class TestIds:
    def test_indices_of_a_palette_are_ids(self, tmp_path: Any) -> None:
        image = Image.fromarray(np.array([[0, 3], [7, 255]], np.uint8), "P")
        image.putpalette(list(RNG.integers(0, 256, 768, np.uint8)))
        image.save(tmp_path / "ids.png")
        for given_ids in (image, tmp_path / "ids.png", np.array([[[0], [3]], [[7], [255]]], np.int64)):
            np.testing.assert_array_equal(ids_of(given_ids), [[0, 3], [7, 255]])

    @pytest.mark.parametrize("value", [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2))])
    def test_colours_and_floats_are_no_ids(self, value: np.ndarray) -> None:
        with pytest.raises(ValueError, match="a map is"):
            ids_of(value)
