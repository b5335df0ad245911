"""Large pictures are read, translated and written in bands: the same pixels and metadata as those of whole pictures."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from img2imgkit.errors import DecodeError, EncodeError
from img2imgkit.images import (
    EncodedFile,
    EncodeOptions,
    Picture,
    decode,
    encode,
    encode_in_bands,
    png_rows,
    scratch,
    tiff_strips,
)

SIZE = (70, 53)  # height, width
SHAPES = {"grey": 1, "grey and alpha": 2, "rgb": 3, "rgb and alpha": 4}


@pytest.fixture
def small_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every picture counts as large, and a band is a few rows."""
    monkeypatch.setattr(scratch, "LARGE", 64)
    monkeypatch.setattr(png_rows, "_BAND", 700)
    monkeypatch.setattr(png_rows, "_CHUNK", 900)
    monkeypatch.setattr(tiff_strips, "_RELEASE", 1000)


def levels(channels: int, dtype: type) -> np.ndarray:
    noise = np.random.default_rng(channels).integers(0, np.iinfo(dtype).max, (*SIZE, channels), endpoint=True)
    noise[20:40] = noise[20]  # rows that Up predicts
    return noise.astype(dtype)


def picture(channels: int, dtype: type) -> Picture:
    pixels = levels(channels, dtype)
    alpha = pixels[..., -1:] if channels in (2, 4) else None
    color = np.ascontiguousarray(pixels[..., : channels - (alpha is not None)])
    return Picture(color, alpha, "rgb" if channels > 2 else "grey")


def content(large: EncodedFile) -> bytes:
    with large.file as file:
        file.seek(0)
        return file.read()


def same(one: Picture, other: Picture) -> bool:
    alphas = (one.alpha is None) == (other.alpha is None) and (
        one.alpha is None or np.array_equal(one.alpha, other.alpha)
    )
    stated = [(each.space, each.mode, each.format, each.metadata, each.notes) for each in (one, other)]
    return alphas and np.array_equal(one.color, other.color) and stated[0] == stated[1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    "layout", [{}, {"tile": (32, 16)}, {"compression": "lzw", "predictor": True}, {"byteorder": ">"}]
)
def test_a_large_tiff_is_read_like_a_small_one(
    tmp_path: Path, layout: dict, channels: int, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    order = {"byteorder": layout["byteorder"]} if "byteorder" in layout else {}
    more = {name: value for name, value in layout.items() if name != "byteorder"}
    extra = {"extrasamples": ["unassalpha"]} if channels in (2, 4) else {}
    kind = "rgb" if channels > 2 else "minisblack"
    options = {"photometric": kind, "rowsperstrip": 7, "planarconfig": "contig", "resolution": (300, 300)}
    if "tile" in more:
        del options["rowsperstrip"]
    tifffile.imwrite(path, levels(channels, dtype).squeeze(), **options, **extra, **order, **more)
    whole = decode(path)
    monkeypatch.setattr(scratch, "LARGE", 64)
    monkeypatch.setattr(tiff_strips, "_RELEASE", 1000)
    found = decode(path)
    assert scratch.is_in_file(found.color)
    assert same(found, whole)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", SHAPES.values(), ids=SHAPES)
def test_a_large_png_is_read_like_a_small_one(
    tmp_path: Path, channels: int, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture(channels, dtype), "PNG").data)
    whole = decode(path)
    monkeypatch.setattr(scratch, "LARGE", 64)
    monkeypatch.setattr(png_rows, "_BAND", 700)
    found = decode(path)
    assert scratch.is_in_file(found.color)
    assert same(found, whole)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_large_picture_is_turned_upright(tmp_path: Path, orientation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    tags = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(path, levels(3, np.uint8), photometric="rgb", extratags=tags)
    whole = decode(path)
    monkeypatch.setattr(scratch, "LARGE", 64)
    assert same(decode(path), whole)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", SHAPES.values(), ids=SHAPES)
def test_a_large_picture_is_written_like_a_small_one(
    tmp_path: Path, channels: int, dtype: type, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source.png"
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(source, dpi=(300, 300))
    made = picture(channels, dtype)
    made = Picture(made.color, made.alpha, made.space, decode(source).metadata)
    wanted, got = tmp_path / "wanted", tmp_path / "got"
    encoded = encode(made, format)
    wanted.write_bytes(encoded.data)
    with monkeypatch.context() as lowered:
        lowered.setattr(scratch, "LARGE", 64)
        lowered.setattr(png_rows, "_BAND", 700)
        lowered.setattr(png_rows, "_CHUNK", 900)
        large = encode_in_bands(made, format, EncodeOptions())
    assert large is not None
    got.write_bytes(content(large))
    assert (large.mode, large.notes) == (encoded.mode, encoded.notes)
    assert same(decode(got), decode(wanted))


def test_a_tiff_beyond_4_gib_is_a_bigtiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_strips, "_CLASSIC_LIMIT", 100)
    monkeypatch.setattr(scratch, "LARGE", 64)
    made = picture(4, np.uint16)
    large = encode_in_bands(made, "TIFF", EncodeOptions())
    assert large is not None
    path = tmp_path / "a.tif"
    path.write_bytes(content(large))
    assert path.read_bytes()[:4] == b"II+\0"
    found = decode(path)
    assert np.array_equal(found.color, made.color)
    assert np.array_equal(found.alpha, made.alpha)


@pytest.mark.usefixtures("small_bands")
def test_damage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    whole = encode(picture(3, np.uint8), "PNG").data
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DecodeError, match="is damaged"):
        decode(path)
    path.write_bytes(whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:])
    with pytest.raises(DecodeError, match="is damaged"):
        decode(path)
    head, _ = whole[:33], whole[33:]
    short = zlib.compress(bytes(10 * (1 + 3 * SIZE[1])))
    chunk = len(short).to_bytes(4, "big") + b"IDAT" + short + zlib.crc32(b"IDAT" + short).to_bytes(4, "big")
    path.write_bytes(head + chunk + b"\0\0\0\0IEND\xaeB`\x82")
    with pytest.raises(DecodeError, match="ends at row 10 of 70"):
        decode(path)
    tiff = tmp_path / "a.tif"
    tifffile.imwrite(tiff, levels(3, np.uint8), photometric="rgb", rowsperstrip=7)
    tiff.write_bytes(tiff.read_bytes()[:-500])
    with pytest.raises(DecodeError, match="is cut off"):
        decode(tiff)


@pytest.mark.usefixtures("small_bands")
def test_the_limit_of_pixels_applies(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture(3, np.uint8), "PNG").data)
    with pytest.raises(DecodeError, match="more than the limit of 3,000"):
        decode(path, max_pixels=3000)


def test_a_full_temporary_folder_is_an_error_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture(3, np.uint8), "PNG").data)
    monkeypatch.setattr(scratch, "LARGE", 64)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch, "_reserve", full)
    with pytest.raises(
        DecodeError, match=r"a.png: a picture of this size is kept in the temporary folder .* set TMPDIR"
    ):
        decode(path)
    monkeypatch.setattr(scratch.tempfile, "TemporaryFile", full)
    with pytest.raises(EncodeError, match="temporary folder"):
        encode_in_bands(picture(3, np.uint8), "PNG", EncodeOptions())


def test_pages_of_a_released_array_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "LARGE", 64)
    made = scratch.empty_pixels((50, 100, 3), np.uint16)
    made[...] = 7
    scratch.release_pixels(made[3:], np.ones(4))
    assert (made == 7).all()
    turned = scratch.contiguous(made[:, ::-1])
    assert turned.flags.c_contiguous
    assert scratch.is_in_file(turned)
