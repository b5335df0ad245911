"""Pictures of training folders: which files they are, and what is read of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit import images
from img2imgkit.data.picture_files import left_out, list_pictures, read_levels, read_rgb, read_source, unread_in
from img2imgkit.errors import DataError
from img2imgkit.images import decode
from img2imgkit.inference.inputs.channels import to_model
from img2imgkit.task import Geometry

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
