from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit.app.thumbnails import Thumbnails, size_shown
from img2imgkit.errors import RequestError


@pytest.fixture
def thumbnails(tmp_path: Path) -> Thumbnails:
    return Thumbnails(tmp_path / "cache")


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def of(thumbnails: Thumbnails, path: Path, side: int = 320) -> Image.Image:
    with Image.open(thumbnails.of(path, side)) as image:
        return image.copy()


def test_the_longer_side_is_bounded(thumbnails: Thumbnails, tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png"):
        path = save(tmp_path / name, Image.new("RGB", (2000, 1000), (200, 30, 30)))
        made = of(thumbnails, path)
        assert (made.format, made.size) == (None, (320, 160))
        assert np.abs(np.asarray(made.getpixel((5, 5))) - (200, 30, 30)).max() < 6


def test_photographs_are_upright(thumbnails: Thumbnails, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "a.jpg", Image.new("RGB", (1000, 500)), exif=exif)
    assert of(thumbnails, path).size == (160, 320)
    assert size_shown(path) == (500, 1000)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "I;16"])
def test_every_mode_is_shown(thumbnails: Thumbnails, tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(np.zeros((8, 8), np.uint16)) if mode == "I;16" else Image.new(mode, (8, 8))
    path = save(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"), image)
    assert of(thumbnails, path).mode == "RGB"


def test_a_changed_picture_gets_another_one_and_the_same_is_cached(thumbnails: Thumbnails, tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("RGB", (8, 8)))
    first = thumbnails.of(path, 320)
    assert thumbnails.of(path, 320) == first
    save(path, Image.new("RGB", (9, 9)))
    assert thumbnails.of(path, 320) != first


def test_what_is_no_picture_has_none(thumbnails: Thumbnails, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"<script>")
    for path, side in ((tmp_path / "a.png", 320), (tmp_path / "missing.png", 320), (tmp_path / "a.png", 321)):
        with pytest.raises(RequestError):
            thumbnails.of(path, side)
    assert size_shown(tmp_path / "a.png") is None
