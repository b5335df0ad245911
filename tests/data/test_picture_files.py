"""Pictures of training folders: which files they are, and what is read of them."""

from __future__ import annotations

import io
from pathlib import Path

import imagecodecs
import numpy as np
import OpenEXR
import pytest
import tifffile
from PIL import Image

from img2imgkit import images
from img2imgkit.data.picture_files import (
    header,
    left_out,
    list_pictures,
    read_levels,
    read_rgb,
    read_source,
    unread_in,
)
from img2imgkit.errors import DataError
from img2imgkit.images import decode
from img2imgkit.inference.inputs.channels import to_model
from img2imgkit.task import Geometry


def saved(path: Path, mode: str, orientation: int = 1) -> Path:
    image = Image.new("RGB", (9, 5), (1, 2, 3)).convert(mode) if mode != "I;16" else Image.new(mode, (9, 5))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [
        ("png", "L"), ("png", "RGB"), ("png", "RGBA"), ("png", "LA"), ("png", "P"), ("png", "1"), ("png", "I;16"),
        ("jpg", "RGB"), ("jpg", "L"), ("tif", "RGB"), ("tif", "I;16"), ("tif", "RGBA"), ("webp", "RGB"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("orientation", [1, 6])
def test_headers_agree_with_decoded_pictures(tmp_path: Path, suffix: str, mode: str, orientation: int) -> None:
    path = saved(tmp_path / f"a.{suffix}", mode, orientation)
    found, picture = header(path), images.decode(path)
    assert found == (picture.width, picture.height, mode)
    assert found[:2] == ((9, 5) if orientation == 1 else (5, 9))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_colour_is_recognised(tmp_path: Path, suffix: str) -> None:
    picture = images.Picture(np.zeros((5, 9, 3), np.uint16))
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(images.encode(picture, "PNG" if suffix == "png" else "TIFF").data)
    assert header(path) == (9, 5, "RGB;16")


def test_no_pixel_is_decoded(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", "RGB")
    path.write_bytes(path.read_bytes()[:33])
    assert header(path) == (9, 5, "RGB")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"text", "is not a picture"),
        (b"\x89PNG\r\n\x1a\n garbled", "damaged"),
        (b"II*\0 gone", "damaged"),
    ],
)
def test_a_file_without_a_header_of_a_picture_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(DataError, match=rf"odd\.png.*{reason}"):
        header(tmp_path / "odd.png")


def test_cmyk_is_refused(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4)).save(tmp_path / "press.jpg")
    with pytest.raises(DataError, match=r"press\.jpg: is in cmyk"):
        header(tmp_path / "press.jpg")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png: no such file"):
        header(tmp_path / "gone.png")


@pytest.mark.parametrize(("name", "mode"), [("turned", "RGB"), ("10bit", "RGB;16"), ("grey", "L"), ("alpha", "RGBA")])
def test_heic_files_are_upright(name: str, mode: str) -> None:
    picture = images.decode(HEIF / f"{name}.heic")
    assert header(HEIF / f"{name}.heic") == (picture.width, picture.height, mode)


def test_content_counts_whatever_the_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes((HEIF / "turned.heic").read_bytes())
    (tmp_path / "b.png").write_bytes(imagecodecs.jpegxl_encode(np.zeros((5, 9, 3), np.uint8)))
    Image.new("RGB", (9, 5)).save(tmp_path / "c.png", "JPEG")
    found = [header(tmp_path / f"{name}.png") for name in "abc"]
    assert found == [(24, 40, "RGB"), (9, 5, "RGB"), (9, 5, "RGB")]


def float_pictures(folder: Path) -> list[Path]:
    pixels = np.full((5, 9, 3), 0.5, np.float32)
    tifffile.imwrite(folder / "a.tif", pixels, photometric="rgb")
    tifffile.imwrite(folder / "b.tif", pixels[..., 0], photometric="minisblack")
    (folder / "c.jxl").write_bytes(imagecodecs.jpegxl_encode(pixels))
    OpenEXR.File({}, {"RGB": pixels}).write(str(folder / "d.exr"))
    image = Image.fromarray(pixels[..., 0])
    stream = io.BytesIO()
    image.save(stream, "SPIDER")
    (folder / "e.spider").write_bytes(stream.getvalue())
    return sorted(folder.iterdir())


def test_floating_point_levels_are_refused_with_the_way_out(tmp_path: Path) -> None:
    for path in float_pictures(tmp_path):
        with pytest.raises(DataError, match=rf"{path.name}: has floating-point levels.*first convert it to 16 bits"):
            header(path)


HEIF = Path(__file__).parents[1] / "fixtures" / "heif"
GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def test_lists_pictures_below_in_order_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    for name in ("b.png", "a/z.JPG", "a/notes.txt", ".hidden.png", ".cache/c.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    assert [str(path.relative_to(tmp_path)) for path in list_pictures([tmp_path])] == ["a/z.JPG", "b.png"]


def test_grey_pictures_become_three_equal_channels(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    pixels = read_rgb(tmp_path / "grey.png")
    assert pixels.shape == (6, 8, 3)
    assert (pixels == GREY[..., None]).all()


def test_sixteen_bits_are_rounded_to_eight(tmp_path: Path) -> None:
    levels = GREY.astype(np.uint16) * 257 + 100
    Image.fromarray(levels).save(tmp_path / "deep.png")
    assert (read_rgb(tmp_path / "deep.png") == GREY[..., None]).all()


def test_hidden_colours_are_replaced_by_the_visible_ones_around_them(tmp_path: Path) -> None:
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[:2], rgba[2:] = (200, 30, 60, 255), (1, 2, 3, 0)
    rgba[1, 1, 3] = 40  # partly transparent pixels keep their colour
    Image.fromarray(rgba, "RGBA").save(tmp_path / "clear.png")
    for pixels in (
        read_rgb(tmp_path / "clear.png"),
        read_levels(tmp_path / "clear.png", 3),
        read_source(tmp_path / "clear.png", Geometry()),
    ):
        assert (pixels == [200, 30, 60]).all()


def test_a_picture_that_shows_nothing_is_refused(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (9, 9, 9, 0)).save(tmp_path / "clear.png")
    for read in (read_rgb, lambda path: read_source(path, Geometry())):
        with pytest.raises(DataError, match=r"clear\.png: is fully transparent"):
            read(tmp_path / "clear.png")


@pytest.mark.parametrize("geometry", [Geometry(channels=c, output_channels=w) for c in (1, 3) for w in (1, 3)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_training_reads_what_a_translator_reads(tmp_path: Path, geometry: Geometry, mode: str) -> None:
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (9, 7, 4), np.uint8), "RGBA").convert(mode).save(tmp_path / "a.png")
    expected = to_model(decode(tmp_path / "a.png"), geometry, keeps_grey=False).color
    found = read_source(tmp_path / "a.png", geometry)
    assert found.shape == (9, 7, geometry.channels)
    assert (found == expected).all()
    if geometry.channels == 1 and mode == "RGB":
        weights = np.array([0.299, 0.587, 0.114])
        assert np.abs(found[..., 0] - decode(tmp_path / "a.png").color @ weights).max() <= 0.5


def test_what_reading_leaves_out_is_noted(tmp_path: Path) -> None:
    pages = [Image.new("L", (5, 5), level) for level in (0, 100, 200)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    clear = Image.new("RGBA", (5, 5), (200, 10, 10, 255))
    clear.putpixel((1, 1), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    Image.fromarray(np.full((5, 5), 40_000, np.uint16)).save(tmp_path / "deep.png")
    Image.new("RGB", (5, 5), (7, 7, 7)).save(tmp_path / "plain.png")
    assert "further pages or frames in the file were left out: 2" in left_out(tmp_path / "pages.tif", 3)[0]
    assert [note.split()[0] for note in left_out(tmp_path / "clear.png", 1)] == ["transparency", "colours"]
    assert left_out(tmp_path / "clear.png", 3)[0].startswith("transparency is left out")
    assert left_out(tmp_path / "deep.png", 3) == ()
    assert left_out(tmp_path / "deep.png", 3, 8) == ("16-bit levels are rounded to 8 bits",)
    assert left_out(tmp_path / "plain.png", 1) == ()


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n damaged"])
def test_a_file_that_is_not_a_picture_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"odd\.png"):
        read_rgb(path)


def test_a_colour_space_that_cannot_be_trained_on_is_named(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8)).save(tmp_path / "press.jpg")
    with pytest.raises(DataError, match=r"press\.jpg.*cmyk"):
        read_rgb(tmp_path / "press.jpg")


HEIF = Path(__file__).parents[1] / "fixtures" / "heif"


def test_heic_pixels_are_upright() -> None:
    pixels = read_rgb(HEIF / "turned.heic")
    assert pixels.shape == (40, 24, 3)
    assert pixels[5, 20, 0] < 100 < pixels[35, 20, 0]  # red increases along the rows as stored


def test_pictures_are_recognised_by_content_and_the_others_counted(tmp_path: Path) -> None:
    for name in ("a.heic", "b", "c.png"):
        (tmp_path / name).write_bytes((HEIF / "turned.heic").read_bytes())
    for name in ("d.xcf", "e.xcf", "f.txt", "g", "h.png.part", "Thumbs.db", ".hidden"):
        (tmp_path / name).write_bytes(b"neither")
    assert [path.name for path in list_pictures([tmp_path])] == ["a.heic", "b", "c.png"]
    counted = unread_in(tmp_path, known=[tmp_path / "f.txt"])
    assert sorted(counted.split(", ")) == ["1 .part", "1 without suffix", "2 .xcf"]


def test_a_missing_decoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.nef").write_bytes(b"raw")
    monkeypatch.setattr(images, "unreadable_suffixes", lambda: {".nef": "install img2imgkit[raw]"})
    monkeypatch.setattr(images, "is_picture", lambda path: False)
    with pytest.raises(
        DataError, match=r"contains no picture, only other files: 1 \.nef \(install img2imgkit\[raw\]\)"
    ):
        list_pictures([tmp_path])
