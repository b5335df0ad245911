"""HEIC, JPEG XL, EXR, camera raw, and floating-point levels.

The HEIC files in ``fixtures/heif`` show the gradient of ``GRADIENT``; x265 wrote them.
"""

import io
import json
import struct
from pathlib import Path
from types import SimpleNamespace

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from img2imgkit.data.picture_files import header
from img2imgkit.errors import DecodeError
from img2imgkit.images import FloatLevels, Picture, decode, decoder_pool, encode, formats, header_of, size_of
from img2imgkit.images.affine import Affine, Placement
from img2imgkit.images.decoders import Wanted

HEIF = Path(__file__).parents[1] / "fixtures" / "heif"
ROWS, COLUMNS = np.mgrid[:24, :40]
GRADIENT = np.stack([COLUMNS * 6, ROWS * 10, (COLUMNS + ROWS) * 3], axis=-1).astype(np.uint8)
ORIENTATION, EXIF_TAGS, SUBJECT = 0x0112, 0x8769, 0x9214


def turned_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010F] = "Maker"
    return exif


def difference(color: np.ndarray, expected: np.ndarray = GRADIENT) -> float:
    scale = 257 if color.dtype == np.uint16 else 1
    return float(np.abs(color.astype(float) / scale - expected).mean())


def moved_heif(path: Path, turns: int, mirror: int | None = None, exif: int = 1) -> Path:
    """Save ``turned.heic``, 40 x 24 pixels, with other irot and imir properties, and with other EXIF data."""
    data = bytearray((HEIF / "turned.heic").read_bytes())
    data[data.index(b"irot") + 4] = turns
    about = Image.Exif()
    about[ORIENTATION] = exif
    about.get_ifd(EXIF_TAGS)[SUBJECT] = (10, 5)
    start, length = 0xB02, 0x36  # of the EXIF item, the last one
    item = b"\0\0\0\6" + about.tobytes()
    data[start:] = item
    places = {0x1ED: 0x1ED, start: start, length: len(item), 0x953: 0x953 + len(item) - length}
    if mirror is not None:
        end = data.index(b"ipma") - 4
        data[end:end] = struct.pack(">I4sB", 9, b"imir", mirror)
        data.insert(data.index(b"ipma") + 21, 0x87)  # the association with property 7, after the other six
        data[data.index(b"ipma") + 14] = 7
        places |= {0x1ED: 0x1ED + 10, start: start + 10}
        for name, grown in ((b"meta", 10), (b"iprp", 10), (b"ipco", 9), (b"ipma", 1)):
            at = data.index(name) - 4
            struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + grown)
    for old, new in places.items():
        at = data.index(struct.pack(">I", old))
        struct.pack_into(">I", data, at, new)
    path.write_bytes(data)
    return path


class TestHeif:
    @pytest.mark.parametrize("exif", [1, 6])
    @pytest.mark.parametrize("turns", [0, 1, 2, 3])
    @pytest.mark.parametrize("mirror", [None, 0, 1])
    def test_the_file_turns_and_mirrors_whatever_exif_states(
        self, tmp_path: Path, turns: int, mirror: int | None, exif: int
    ) -> None:
        path = moved_heif(tmp_path / "a.heic", turns, mirror, exif)
        picture = decode(path)
        expected = np.rot90(GRADIENT, turns)  # anticlockwise
        expected = expected if mirror is None else expected[::-1] if mirror == 0 else expected[:, ::-1]
        assert picture.color.shape == expected.shape
        assert difference(picture.color, expected) < 1
        assert size_of(path) == header(path)[:2] == (picture.width, picture.height)
        marked = np.zeros((24, 40))
        marked[5, 10] = 1
        turned = np.rot90(marked, turns)
        turned = turned if mirror is None else turned[::-1] if mirror == 0 else turned[:, ::-1]
        [[row, column]] = np.argwhere(turned)
        with Image.open(io.BytesIO(encode(picture, "JPEG").data)) as image:
            across, down = image.getexif().get_ifd(EXIF_TAGS)[SUBJECT]
            assert image.getexif().get(ORIENTATION, 1) == 1
        assert abs(across - column) <= 1
        assert abs(down - row) <= 1

    def test_a_crop_shifts_what_metadata_describe(self, tmp_path: Path) -> None:
        data = bytearray((HEIF / "turned.heic").read_bytes())
        data[data.index(b"irot") + 4] = 0
        struct.pack_into(">IIIIiIiI", data, data.index(b"clap") + 4, 30, 1, 20, 1, -12 * 2, 2, -16 * 2, 2)
        (tmp_path / "a.heic").write_bytes(data)
        picture = decode(tmp_path / "a.heic")
        assert (picture.width, picture.height) == (30, 20)
        assert difference(picture.color[:18], GRADIENT[6:, 5:35]) < 1
        assert picture.metadata.placement == Placement((30, 20), Affine.shift(-5, -6), (64, 64))

    def test_it_is_upright_and_keeps_its_metadata(self) -> None:
        picture = decode(HEIF / "turned.heic")
        assert (picture.width, picture.height) == size_of(HEIF / "turned.heic") == (24, 40)
        assert difference(np.rot90(picture.color)) < 1
        assert picture.metadata.exif is not None
        assert b"Maker" in picture.metadata.exif
        assert picture.metadata.placement == Placement((24, 40), Affine.turn(6, 40, 24), (64, 64))
        assert b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x01" in picture.metadata.exif  # orientation 1
        assert picture.notes == ()

    def test_pixels_outlive_the_decoder(self) -> None:
        """They must not refer to memory that libheif frees and others then use."""
        color = decode(HEIF / "turned.heic").color
        others = [np.full(color.nbytes, 77, np.uint8) for _ in range(20_000)]
        assert difference(np.rot90(color)) < 1
        assert len(others) == 20_000

    def test_depth_channels_and_transparency(self) -> None:
        deep, grey, alpha = (decode(HEIF / f"{name}.heic") for name in ("10bit", "grey", "alpha"))
        assert (deep.depth, grey.depth, alpha.depth) == (16, 8, 8)
        for name, picture in (("10bit", deep), ("grey", grey), ("alpha", alpha)):
            assert header_of(HEIF / f"{name}.heic") == (40, 24, picture.mode)
        assert difference(deep.color) < 1
        assert (grey.space, grey.color.shape) == ("grey", (24, 40, 1))
        assert alpha.alpha is not None
        assert np.abs(alpha.alpha[..., 0].astype(int) - np.where(COLUMNS < 20, 255, 100)).mean() < 4

    def test_further_pictures_are_noted(self) -> None:
        assert "further pages or frames in the file were left out: 1" in decode(HEIF / "two.heic").notes

    def test_damage_and_size_are_refused(self, tmp_path: Path) -> None:
        data = (HEIF / "turned.heic").read_bytes()
        for length in (20, len(data) // 2, len(data) - 40):
            (tmp_path / "a.heic").write_bytes(data[:length])
            with pytest.raises(DecodeError):
                decode(tmp_path / "a.heic")
        with pytest.raises(DecodeError, match="960 pixels, more than the limit of 959"):
            decode(HEIF / "turned.heic", max_pixels=959)

    def test_a_missing_decoder_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(formats, "find_spec", lambda name: None)
        with pytest.raises(DecodeError, match="is a HEIF file; pip install 'pi-heif' to read it"):
            decode(HEIF / "turned.heic")


def jpeg_xl(tmp_path: Path, pixels: np.ndarray, **options: object) -> Path:
    path = tmp_path / "a.jxl"
    path.write_bytes(imagecodecs.jpegxl_encode(np.ascontiguousarray(pixels), **{"lossless": True, **options}))
    return path


def test_camera_raw_files_are_decoded_in_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(GRADIENT).save(tmp_path / "a.tif")  # as TIFF, its headers bound the work
    (tmp_path / "a.tif").rename(tmp_path / "a.nef")
    monkeypatch.setattr(formats, "find_spec", lambda name: True)
    asked = []

    def ask(path: Path, wanted: Wanted) -> Picture:
        asked.append(path)
        return Picture(GRADIENT)

    monkeypatch.setattr(decoder_pool, "pool", lambda: SimpleNamespace(decode=ask))
    decode(tmp_path / "a.nef")
    assert asked == [tmp_path / "a.nef"]


def test_what_is_wanted_survives_as_plain_data() -> None:
    for wanted in (Wanted(), Wanted(5, True, FloatLevels(white=0.1, curve="linear"))):
        assert Wanted.of(json.loads(json.dumps(wanted.stated()))) == wanted


class TestJpegXl:
    @pytest.mark.parametrize("container", [False, True])
    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    @pytest.mark.parametrize("kind", [np.uint8, np.uint16])
    def test_lossless_files_are_exact(self, tmp_path: Path, container: bool, channels: int, kind: type) -> None:
        pixels = np.concatenate([GRADIENT, GRADIENT[::-1]], axis=2)[..., :channels].astype(kind)
        path = jpeg_xl(tmp_path, pixels[..., 0] if channels == 1 else pixels, usecontainer=container)
        picture = decode(path)
        stacked = picture.color if picture.alpha is None else np.concatenate([picture.color, picture.alpha], axis=2)
        np.testing.assert_array_equal(stacked, pixels)
        assert (picture.format, picture.depth, size_of(path)) == ("JPEGXL", 8 * kind().itemsize, (40, 24))
        assert header_of(path) == (40, 24, picture.mode)

    @pytest.mark.parametrize(("height", "width"), [(8, 8), (256, 512), (1000, 1777), (1, 300), (5000, 3)])
    def test_the_header_states_the_size(self, tmp_path: Path, height: int, width: int) -> None:
        path = jpeg_xl(tmp_path, np.zeros((height, width), np.uint8))
        assert size_of(path) == (width, height)
        with pytest.raises(DecodeError, match="more than the limit"):
            decode(path, max_pixels=height * width - 1)

    def test_a_recompressed_jpeg_is_upright_with_its_metadata(self, tmp_path: Path) -> None:
        jpeg = io.BytesIO()
        Image.fromarray(GRADIENT).save(jpeg, "JPEG", quality=95, subsampling=0, exif=turned_exif())
        (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode_jpeg(jpeg.getvalue()))
        picture = decode(tmp_path / "a.jxl")
        assert (picture.width, picture.height) == size_of(tmp_path / "a.jxl") == (24, 40)
        assert difference(np.rot90(picture.color)) < 2
        assert picture.metadata.exif is not None
        assert b"Maker" in picture.metadata.exif
        assert picture.metadata.placement == Placement((24, 40), Affine.turn(6, 40, 24), (40, 24))

    def test_levels_of_10_bits_fill_16(self, tmp_path: Path) -> None:
        picture = decode(jpeg_xl(tmp_path, GRADIENT.astype(np.uint16) * 4, bitspersample=10))
        np.testing.assert_array_equal(
            picture.color, np.rint(GRADIENT.astype(float) * 4 * (65535 / 1023)).astype(np.uint16)
        )
        assert "10-bit levels were scaled to 16 bits" in picture.notes

    def test_linear_light_is_stated_by_number(self, tmp_path: Path) -> None:
        assert decode(jpeg_xl(tmp_path, GRADIENT.astype(np.uint16))).metadata.colour_chunks == (
            (b"cICP", bytes((1, 8, 0, 1))),
        )

    def test_further_frames_are_noted(self, tmp_path: Path) -> None:
        picture = decode(jpeg_xl(tmp_path, np.stack([GRADIENT, GRADIENT[::-1]]), photometric="rgb"))
        np.testing.assert_array_equal(picture.color, GRADIENT)
        assert "further pages or frames in the file were left out: 1" in picture.notes

    def test_damage_is_refused(self, tmp_path: Path) -> None:
        path = jpeg_xl(tmp_path, GRADIENT)
        data = path.read_bytes()
        for length in (2, 5, 40, len(data) - 1):
            path.write_bytes(data[:length])
            with pytest.raises(DecodeError):
                decode(path)


LINEAR = np.array([[[0.0, 0.25, 0.5], [1.0, 2.0, -1.0], [np.nan, np.inf, 0.002]]], np.float32)
AS_SRGB = [[0, 35199, 48192], [65535, 65535, 0], [0, 65535, 1693]]  # of a white of 1


def encoded(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


class TestFloat:
    @pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
    def test_tiff_needs_a_white_point_and_is_encoded_by_default(self, tmp_path: Path, kind: type) -> None:
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, (GRADIENT / 100).astype(kind), photometric="rgb")
        with pytest.raises(DecodeError, match=r"white point is not stated: .* float: \{white: 1.0\}"):
            decode(path)
        picture = decode(path, float_levels=FloatLevels(white=2.55))
        assert picture.depth == 16
        assert difference(picture.color) < 0.1

    def test_linear_tiff(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, LINEAR, photometric="rgb")
        picture = decode(path, float_levels=FloatLevels(white=1, curve="linear"))
        np.testing.assert_allclose(picture.color[0].astype(int), AS_SRGB, atol=1)
        assert [note.partition(":")[0] for note in picture.notes] == [
            "levels above the white point were clipped",
            "negative levels were clipped",
            "levels that are not numbers became black",
        ]

    def test_transparency_has_no_curve(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tif"
        pixels = np.full((2, 2, 4), 0.5, np.float32)
        tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=["unassalpha"])
        picture = decode(path, float_levels=FloatLevels(white=1, curve="linear"))
        assert picture.alpha is not None
        assert int(picture.alpha.max()) == 32768
        assert int(picture.color.max()) == 48192

    def test_portable_float_map(self, tmp_path: Path) -> None:
        path = tmp_path / "a.pfm"
        Image.fromarray((GRADIENT[..., 0] / 255).astype(np.float32)).save(path)
        with pytest.raises(DecodeError, match="white point is not stated"):
            decode(path)
        assert difference(decode(path, float_levels=FloatLevels(white=1)).color, GRADIENT[..., :1]) < 0.1

    def test_jpeg_xl(self, tmp_path: Path) -> None:
        path = jpeg_xl(tmp_path, (GRADIENT / 255).astype(np.float32))
        with pytest.raises(DecodeError, match="white point is not stated"):
            decode(path)
        picture = decode(path, float_levels=FloatLevels(white=1))
        assert difference(picture.color, 255 * encoded(GRADIENT / 255)) < 0.1  # the encoder states linear light
        assert picture.metadata.colour_chunks == ()


def exr(tmp_path: Path, channels: dict[str, np.ndarray], **header: object) -> Path:
    openexr = pytest.importorskip("OpenEXR")
    path = tmp_path / "a.exr"
    head = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage, **header}
    openexr.File(head, {name: np.ascontiguousarray(plane) for name, plane in channels.items()}).write(str(path))
    return path


class TestExr:
    @pytest.mark.parametrize("kind", [np.float16, np.float32])
    def test_it_is_linear(self, tmp_path: Path, kind: type) -> None:
        path = exr(tmp_path, {"RGB": (GRADIENT / 255).astype(kind)})
        assert size_of(path) == (40, 24)
        with pytest.raises(DecodeError, match="white point is not stated"):
            decode(path)
        picture = decode(path, float_levels=FloatLevels(white=1))
        assert difference(picture.color, 255 * encoded(GRADIENT / 255)) < 0.1
        assert picture.notes == ()

    def test_colours_are_divided_by_alpha(self, tmp_path: Path) -> None:
        pixels = np.full((4, 4, 4), 0.5, np.float32)
        pixels[..., :3] *= 0.5
        picture = decode(exr(tmp_path, {"RGBA": pixels}), float_levels=FloatLevels(white=1))
        assert picture.alpha is not None
        assert (int(picture.color.max()), int(picture.alpha.max())) == (48192, 32768)
        assert header_of(tmp_path / "a.exr") == (4, 4, "RGBA;F")

    def test_other_channels_are_left_out_with_a_note(self, tmp_path: Path) -> None:
        plane = np.zeros((4, 4), np.float32)
        picture = decode(exr(tmp_path, {"Y": plane, "Z": plane}), float_levels=FloatLevels(white=1))
        assert (picture.space, picture.notes) == ("grey", ("left out: channels: Z",))
        with pytest.raises(DecodeError, match="has the channels Z; R, G and B, or Y, are needed"):
            decode(exr(tmp_path, {"Z": plane}), float_levels=FloatLevels(white=1))

    def test_damage_is_refused(self, tmp_path: Path) -> None:
        path = exr(tmp_path, {"RGB": (GRADIENT / 255).astype(np.float32)})
        data = path.read_bytes()
        garbled = data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 255]) + data[len(data) // 2 + 1 :]
        for damaged in (data[:50], data[: len(data) // 2], data[:-10], garbled):
            path.write_bytes(damaged)
            with pytest.raises(DecodeError):
                decode(path, float_levels=FloatLevels(white=1))


def write_dng(path: Path) -> None:
    """A colour filter array of a grey ramp, linear, with the matrix of sRGB."""
    levels = np.repeat(np.arange(48, dtype=np.uint16)[None] * 800 + 2000, 32, axis=0)
    to_srgb = [3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570]
    tags = [
        (33421, 3, 2, (2, 2)),
        (33422, 1, 4, bytes((0, 1, 1, 2))),
        (50706, 1, 4, bytes((1, 4, 0, 0))),
        (50708, 2, 0, "Test"),
        (50721, 10, 9, tuple(part for each in to_srgb for part in (round(each * 10000), 10000))),
        (50717, 3, 1, (65535,)),
        (254, 4, 1, 0),
    ]
    tifffile.imwrite(path, levels, photometric=32803, metadata=None, extratags=[(*tag, True) for tag in tags])


class TestCameraRaw:
    def test_it_is_developed(self, tmp_path: Path) -> None:
        pytest.importorskip("rawpy")
        path = tmp_path / "a.dng"
        write_dng(path)
        picture = decode(path)
        assert (picture.width, picture.height, picture.depth) == (*(size_of(path) or ()), 16) == (48, 32, 16)
        expected = 65535 * encoded((np.arange(48) * 800 + 2000) / 65535)
        np.testing.assert_allclose(picture.color[16, 4:-4, 1], expected[4:-4], rtol=0.03)
        assert picture.notes[0].startswith("the camera raw file was developed")
        assert encode(picture, "PNG").mode == "RGB;16"

    def test_a_jpeg_under_its_suffix_is_a_jpeg(self, tmp_path: Path) -> None:
        Image.fromarray(GRADIENT).save(tmp_path / "a.nef", "JPEG")
        assert decode(tmp_path / "a.nef").format == "JPEG"

    def test_without_the_decoder_its_thumbnail_is_not_taken_for_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_dng(tmp_path / "a.dng")
        monkeypatch.setattr(formats, "find_spec", lambda name: None)
        with pytest.raises(DecodeError, match=r"is a RAW file; pip install 'img2imgkit\[raw\]' to read it"):
            decode(tmp_path / "a.dng")
