"""Damage of every format through ``decode``: refused, salvaged with a note, and not seen where there is none."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFile

from img2imgkit.errors import DamagedError, DecodeError
from img2imgkit.images import damage, decode, tiff, webp_chunks
from img2imgkit.images.decode import decode_here

FORMATS = {
    "a.jpg": {"quality": 90},
    "lossy.webp": {"quality": 80},
    "lossless.webp": {"lossless": True},
    "a.avif": {"quality": 75, "speed": 9},
    "a.png": {},
    "a.gif": {},
    "a.jp2": {"quality_mode": "dB", "quality_layers": [42]},
    "lzw.tif": {"compression": "tiff_lzw"},
    "zip.tif": {"compression": "tiff_adobe_deflate"},
    "packbits.tif": {"compression": "packbits"},
    "jpeg.tif": {"compression": "jpeg"},
    "fax.tif": {"compression": "group4"},
}


def scene(side=192):
    y, x = np.mgrid[:side, :side]
    noise = np.random.default_rng(1).integers(0, 90, (side, side, 3))
    return Image.fromarray((np.stack([x, y, (x + y) // 2], 2) // 2 + noise).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    for name, options in FORMATS.items():
        image = scene().convert("1") if name.startswith("fax") else scene()
        image.save(folder / name, **options)
    return folder


def written(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


def zeroed(data, start, length):
    return data[:start] + bytes(min(length, len(data) - start)) + data[start + length :]


@pytest.mark.parametrize("name", FORMATS)
def test_whole_files_have_no_note(files, name):
    assert decode(files / name).notes == ()


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "lossless.webp"])
def test_zeroed_data_fail(files, tmp_path, name):
    data = (files / name).read_bytes()
    for start in (len(data) // 3, len(data) // 2):
        with pytest.raises(DecodeError, match="damaged"):
            decode(written(tmp_path, name, zeroed(data, start, 1000)))


@pytest.mark.parametrize("name", ["lossy.webp", "lossless.webp", "a.avif"])
def test_a_zeroed_end_fails(files, tmp_path, name):
    data = (files / name).read_bytes()
    with pytest.raises(DamagedError, match="zeros"):
        decode(written(tmp_path, name, zeroed(data, len(data) // 2, len(data))))


@pytest.mark.parametrize("name", FORMATS)
def test_truncation_fails(files, tmp_path, name):
    data = (files / name).read_bytes()
    for share in (0.5, 0.9, 0.99):
        with pytest.raises(DecodeError, match=r"damaged|cut off"):
            decode(written(tmp_path, name, data[: int(len(data) * share)]))


@pytest.mark.parametrize("name", [name for name in FORMATS if "tif" not in name or name == "jpeg.tif"])
def test_salvage_reads_what_is_left_with_a_note(files, tmp_path, name):
    data, whole = (files / name).read_bytes(), decode(files / name)
    path = written(tmp_path, name, zeroed(data, len(data) * 3 // 4, 600))
    picture = decode(path, salvage=True)
    assert picture.color.shape == whole.color.shape
    assert any("damaged and was salvaged" in note for note in picture.notes)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "lossy.webp"])
def test_salvage_keeps_the_rows_before_a_truncation(files, tmp_path, name):
    data, whole = (files / name).read_bytes(), decode(files / name)
    picture = decode(written(tmp_path, name, data[: len(data) * 3 // 4]), salvage=True)
    assert np.array_equal(picture.color[:80], whole.color[:80])
    assert not np.array_equal(picture.color, whole.color)


@pytest.mark.parametrize("data", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_salvage_fails_where_nothing_is_left(tmp_path, data):
    with pytest.raises(DecodeError):
        decode(written(tmp_path, "a.bin", data), salvage=True)


def test_a_png_without_its_end_marker_is_read_with_a_note(files, tmp_path):
    data = (files / "a.png").read_bytes()
    picture = decode(written(tmp_path, "a.png", data[:-12]))
    assert picture.notes == ("the end marker of the PNG is missing",)


def test_a_png_with_a_damaged_palette_fails(tmp_path):
    path = tmp_path / "a.png"
    scene().quantize(64).save(path)
    data = path.read_bytes()
    path.write_bytes(zeroed(data, data.find(b"PLTE") + 4, 30))
    with pytest.raises(DecodeError, match="PLTE"):
        decode(path)


def test_a_png_with_damaged_metadata_is_read_with_a_note(tmp_path):
    path = tmp_path / "a.png"
    scene().save(path, icc_profile=bytes(500), dpi=(72, 72))
    data = path.read_bytes()
    at = data.find(b"iCCP") + 20
    path.write_bytes(data[:at] + b"x" + data[at + 1 :])
    picture = decode(path)
    assert "damaged metadata were left out: iCCP" in picture.notes
    assert picture.metadata.dpi is not None  # it follows


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("WEBP", {"quality": 100, "method": 0}),
        ("WEBP", {"lossless": True, "quality": 0, "method": 0}),
        ("AVIF", {"quality": 50, "speed": 10}),
        ("JPEG2000", {"tile_size": (64, 64)}),
    ],
)
def test_flat_and_regular_pictures_are_whole(format, options):
    y, x = np.mgrid[:400, :600]
    for levels in (0 * x, 255 + 0 * x, 255 * y // 400, 255 * (x // 8 % 2), 255 * (x < 300)):
        file = io.BytesIO()
        Image.fromarray(levels.astype(np.uint8)).convert("RGB").save(file, format, **options)
        assert damage.silent(file, format) == ("", ())


@pytest.mark.parametrize("chunk", [b"ALPH\0\0\0\0", b"JUNK\0\0\0\0"])
def test_a_webp_of_endless_chunks_costs_no_time(files, chunk):
    data = (files / "lossy.webp").read_bytes()
    many = data[:12] + chunk * 1_000_000 + data[12:]
    assert len(list(webp_chunks.chunks(io.BytesIO(many)))) <= 32


@pytest.mark.parametrize(
    ("photometric", "options"),
    [
        ("ycbcr", {"tile": (64, 64), "subsampling": (2, 2)}),
        ("ycbcr", {"rowsperstrip": 48, "subsampling": (1, 1)}),
        ("minisblack", {"rowsperstrip": 40}),
    ],
)
def test_jpeg_data_in_tiff_are_decoded_once_to_pillow_s_pixels(tmp_path, monkeypatch, photometric, options):
    pixels = np.asarray(scene(150).convert("L" if photometric == "minisblack" else "RGB"))
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric=photometric, compression="jpeg", **options)
    expected = np.asarray(Image.open(path))
    monkeypatch.setattr(tiff, "read", None)  # another decoder would be a second one
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)
    picture = decode_here(path)
    assert np.array_equal(picture.color.squeeze(), expected)
    assert picture.notes == ()


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
def test_pillow_s_jpeg_tiffs_have_its_pixels(tmp_path, mode):
    path = tmp_path / "a.tif"
    scene().convert(mode).save(path, compression="jpeg")
    assert np.array_equal(decode_here(path).color.squeeze(), np.asarray(Image.open(path)))
