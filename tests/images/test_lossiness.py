"""Whether a file is lossy, its quality, and that the same form comes out."""

import io
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from img2imgkit.images import EncodeOptions, Metadata, Picture, av1, decode, encode, heif_boxes


def scene() -> Image.Image:
    """Smooth shapes with edges, so that quantisation is visible in the size."""
    rows, columns = np.mgrid[:200, :300]
    waves = 127 + 120 * np.sin(columns / 17) * np.cos(rows / 11)
    pixels = np.stack([waves, columns * 0.8, np.where((rows // 40 + columns // 30) % 2, 220, 30)], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def saved(tmp_path: Path, suffix: str, **options: object) -> Picture:
    path = tmp_path / f"a.{suffix}"
    scene().save(path, **options)
    return decode(path)


@pytest.mark.parametrize("quality", [25, 50, 75, 90, 95, 100])
def test_the_quality_of_a_jpeg_is_known(tmp_path: Path, quality: int) -> None:
    picture = saved(tmp_path, "jpg", quality=quality)
    assert picture.lossy
    assert picture.quality is not None
    assert abs(picture.quality - quality) <= 1


@pytest.mark.parametrize("quality", [20, 40, 60, 75, 85, 95])
def test_a_lossy_webp_keeps_its_quality_and_size(tmp_path: Path, quality: int) -> None:
    picture = saved(tmp_path, "webp", quality=quality)
    assert picture.lossy
    assert picture.quality is not None
    assert picture.quality >= quality - 1
    size = (tmp_path / "a.webp").stat().st_size
    again = encode(picture, "WEBP", EncodeOptions(quality="same"))
    assert size / 1.5 < len(again.data) < size * 1.5
    assert again.notes == ()


@pytest.mark.parametrize("size", [(300, 200), (70, 7), (1, 1), (4200, 40)], ids=str)
@pytest.mark.parametrize("quality", [5, 30, 55, 75, 92, 100])
def test_the_quality_of_an_avif_is_known(tmp_path: Path, quality: int, size: tuple[int, int]) -> None:
    path = tmp_path / "a.avif"
    scene().resize(size).save(path, quality=quality, speed=10)
    picture = decode(path)
    assert picture.lossy
    assert picture.quality is not None
    assert abs(picture.quality - quality) <= 1


@pytest.mark.parametrize("options", [{"subsampling": "4:4:4"}, {"tile_rows": 1, "tile_cols": 1}, {"range": "limited"}])
def test_the_quality_of_other_kinds_of_avif_is_known(tmp_path: Path, options: dict) -> None:
    path = tmp_path / "a.avif"
    scene().convert("RGBA").save(path, quality=60, speed=10, **options)
    assert decode(path).quality == 60


def test_the_quality_of_an_animated_avif_is_unknown(tmp_path: Path) -> None:
    picture = saved(tmp_path, "avif", quality=60, speed=10, save_all=True, append_images=[scene().rotate(90)])
    assert (picture.lossy, picture.quality) == (True, None)
    assert encode(picture, "AVIF", EncodeOptions(quality="same")).notes == (
        "the input states no quality of AVIF, the default was used: 92",
    )


def test_an_avif_of_the_same_quality_has_about_the_same_size(tmp_path: Path) -> None:
    picture = saved(tmp_path, "avif", quality=40)
    again = encode(picture, "AVIF", EncodeOptions(quality="same"))
    size = (tmp_path / "a.avif").stat().st_size
    assert size / 1.3 < len(again.data) < size * 1.3
    assert again.notes == ()


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 10_000), value=st.integers(0, 255), end=st.integers(0, 10_000))
def test_damaged_headers_of_an_avif_state_any_quality_or_none(at: int, value: int, end: int) -> None:
    stored = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 90)).save(stored, "AVIF", quality=50, speed=10)
    data = bytearray(stored.getvalue())
    data[at % len(data)] = value
    found = av1.quality(io.BytesIO(data[: len(data) - end % len(data)]))
    assert found is None or 1 <= found <= 100


@pytest.mark.parametrize(
    ("options", "lossy"),
    [({"quality": 80}, True), ({"lossless": True}, False), ({"lossless": True, "save_all": True}, False)],
)
def test_a_webp_stays_of_its_kind_unless_stated(tmp_path: Path, options: dict, lossy: bool) -> None:
    picture = saved(tmp_path, "webp", **options)
    assert picture.lossy == lossy
    assert (b"VP8L" in encode(picture, "WEBP").data[:64]) != lossy
    assert b"VP8L" in encode(picture, "WEBP", EncodeOptions(lossless=True)).data[:64]
    assert b"VP8L" not in encode(picture, "WEBP", EncodeOptions(lossless=False)).data[:64]


def test_animations_and_transparency(tmp_path: Path) -> None:
    frames = {"save_all": True, "append_images": [scene().rotate(90)]}
    assert saved(tmp_path, "webp", quality=60, **frames).lossy
    assert not saved(tmp_path, "webp", lossless=True, **frames).lossy
    path = tmp_path / "b.webp"
    clear = scene()
    clear.putalpha(128)
    clear.save(path, quality=60)
    assert decode(path).lossy


def test_other_formats_become_lossless_webp(tmp_path: Path) -> None:
    for picture in (saved(tmp_path, "jpg", quality=50), saved(tmp_path, "png")):
        assert b"VP8L" in encode(picture, "WEBP").data[:64]


def test_an_unknown_quality_is_noted_where_it_matters(tmp_path: Path) -> None:
    note = ("the input states no quality of JPEG, the default was used: 92",)
    same = EncodeOptions(quality="same")
    png = saved(tmp_path, "png")
    assert encode(png, "JPEG", same).notes == note
    assert encode(png, "PNG", same).notes == encode(png, "WEBP", same).notes == ()
    assert encode(png, "JPEG", same).data == encode(png, "JPEG").data


def test_a_garbled_webp_header_has_no_quality(tmp_path: Path) -> None:
    from img2imgkit.images.lossiness import _vp8_quality

    assert _vp8_quality(b"") is None
    assert all((_vp8_quality(bytes([byte]) * 40) or 1) in range(1, 101) for byte in range(256))


def exact_avif(tmp_path: Path, picture: Picture) -> Picture:
    (tmp_path / "exact.avif").write_bytes(encode(picture, "AVIF", EncodeOptions(lossless=True)).data)
    return decode(tmp_path / "exact.avif")


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (48, 32)], ids=str)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_lossless_avif_is_exact_and_stays_so(tmp_path: Path, size: tuple[int, int], channels: int) -> None:
    levels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], channels), np.uint8)
    first = Picture(levels[..., :3], levels[..., 3:] if channels == 4 else None, "grey" if channels == 1 else "rgb")
    again = exact_avif(tmp_path, first)
    assert (again.color == first.color).all()
    if first.alpha is not None:
        assert again.alpha is not None
        assert (again.alpha == first.alpha).all()
    assert (again.lossy, again.quality) == (False, None)
    same = encode(again, "AVIF", EncodeOptions(quality="same"))
    assert (same.data, same.notes) == ((tmp_path / "exact.avif").read_bytes(), ())
    assert not av1.is_lossless(io.BytesIO(encode(again, "AVIF").data))
    assert not av1.is_lossless(io.BytesIO(encode(again, "AVIF", EncodeOptions(quality=100)).data))
    assert not av1.is_lossless(io.BytesIO(encode(again, "AVIF", EncodeOptions(quality="same", lossless=False)).data))


def test_lossless_avif_keeps_its_metadata_and_colours(tmp_path: Path) -> None:
    icc, xmp = bytes(imagecodecs.cms_profile("srgb")), b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    pixels = np.asarray(scene().resize((48, 32)))
    again = exact_avif(tmp_path, Picture(pixels, metadata=Metadata(icc=icc, exif=exif.tobytes()[6:], xmp=xmp)))
    assert (again.metadata.icc, again.metadata.xmp) == (icc, xmp)
    assert b"Maker" in (again.metadata.exif or b"")
    wide = (b"cICP", bytes((12, 13, 0, 1)))
    again = exact_avif(tmp_path, Picture(pixels, metadata=Metadata(colour_chunks=(wide,))))
    assert again.metadata.colour_chunks == (wide,)
    assert (again.color == pixels).all()


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("options", [{}, {"pixelformat": "400"}])
def test_other_depths_of_lossless_avif_are_recognised(bits: int, options: dict) -> None:
    shape = (20, 30) if options else (20, 30, 3)
    levels = np.random.default_rng(1).integers(0, 1 << bits, shape).astype(np.uint8 if bits == 8 else np.uint16)
    for level in (100, 99, 60):
        data = bytes(imagecodecs.avif_encode(levels, level=level, bitspersample=bits, **options))
        exact = bool((imagecodecs.avif_decode(data) == levels).all())
        assert av1.is_lossless(io.BytesIO(data)) == exact
        assert exact or level < 100
        assert not exact or level > 60 or options  # grey is always exact


def test_rounded_colours_are_not_lossless(tmp_path: Path) -> None:
    assert saved(tmp_path, "avif", quality=100, subsampling="4:4:4").quality == 100  # exact, but as YCbCr
    assert saved(tmp_path, "avif", quality=100, subsampling="4:4:4").lossy


@pytest.mark.parametrize("data", [b"", b"\0\0\0\x18ftypavif" + bytes(16), bytes(100)])
def test_pictures_of_an_unknown_structure_are_not_mixed(data: bytes) -> None:
    with pytest.raises(ValueError, match="AVIF"):
        heif_boxes.with_coded_pictures(data, data)
