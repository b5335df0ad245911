"""Pixels are written alike whatever the layout of their arrays: strides, order of axes or bytes, read-only or not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from img2imgkit.errors import EncodeError
from img2imgkit.images import EncodeOptions, Picture, encode, encode_in_bands, scratch, writable

RNG = np.random.default_rng(3)


def spread(array: np.ndarray) -> np.ndarray:
    """Every second value of an array that is twice as large in each direction."""
    large = np.zeros([2 * side for side in array.shape], array.dtype)
    large[::2, ::2, ::2] = array
    return large[::2, ::2, ::2]


def frozen(array: np.ndarray) -> np.ndarray:
    copied = array.copy()
    copied.flags.writeable = False
    return copied


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Fortran order": np.asfortranarray,
    "negative strides": lambda array: array[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1],
    "a transposed view": lambda array: array.transpose(1, 0, 2).copy().transpose(1, 0, 2),
    "planes": lambda array: np.moveaxis(np.moveaxis(array, 2, 0).copy(), 0, 2),
    "gaps": spread,
    "read-only": frozen,
    "foreign byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "a new axis": lambda array: array if array.shape[2] > 1 else array[..., 0].copy()[..., None],
}


def pictures(dtype: type) -> dict[str, tuple[np.ndarray, np.ndarray | None, str]]:
    def noise(channels: int) -> np.ndarray:
        return RNG.integers(0, np.iinfo(dtype).max, (11, 13, channels)).astype(dtype)

    return {"grey": (noise(1), None, "grey"), "alpha": (noise(3), noise(1), "rgb"), "cmyk": (noise(4), None, "cmyk")}


def written(colour: np.ndarray, alpha: np.ndarray | None, space: str, format: str) -> bytes | str:
    try:
        return encode(Picture(colour, alpha, space), format).data  # type: ignore[arg-type]
    except EncodeError as error:
        return str(error)  # the format cannot hold such pictures


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("format", sorted(writable()))
def test_every_format_writes_every_layout(format: str, layout: str) -> None:
    arranged, refused = LAYOUTS[layout], 0
    for dtype in (np.uint8, np.uint16):
        for colour, alpha, space in pictures(dtype).values():
            other = None if alpha is None else arranged(alpha)
            plain = written(colour, alpha, space, format)
            assert written(arranged(colour), other, space, format) == plain
            refused += isinstance(plain, str)
    assert refused < 6


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_large_pictures_are_written_in_bands_from_every_layout(
    format: str, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "is_large", lambda size: True)
    colour, alpha, _ = pictures(np.uint16)["alpha"]
    assert alpha is not None
    arranged = LAYOUTS[layout]
    files = []
    for each in (Picture(colour, alpha), Picture(arranged(colour), arranged(alpha))):
        made = encode_in_bands(each, format, EncodeOptions())
        assert made is not None
        with made.file as file:
            file.seek(0)
            files.append(file.read())
    assert files[0] == files[1]
