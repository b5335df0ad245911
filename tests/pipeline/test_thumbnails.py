"""Thumbnails: before and after, for the first items only, and never a reason to fail."""

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from img2imgkit.images import Picture
from img2imgkit.item import Entry, Item
from img2imgkit.pipeline.thumbnails import MAX_ITEMS, MAX_SIDE, Thumbnails


def item(picture: Picture, index: int = 0) -> Item:
    return Item.still(Entry("/in/a.png", PurePosixPath("a.png"), index, 1, "1"), picture, picture)


@pytest.mark.parametrize(
    ("space", "channels", "dtype"), [("grey", 1, np.uint8), ("rgb", 3, np.uint16), ("cmyk", 4, np.uint8)]
)
def test_both_thumbnails_are_small_pictures(tmp_path: Path, space: str, channels: int, dtype: type) -> None:
    color = np.full((2000, 900, channels), np.iinfo(dtype).max // 2, dtype)
    made = item(Picture(color, space=space))  # type: ignore[arg-type]
    thumbnails = Thumbnails(tmp_path)
    thumbnails.make(made)
    for path in thumbnails.paths(made.entry):
        with Image.open(path) as small:
            assert small.mode == "RGB"
            assert max(small.size) == MAX_SIDE


def test_only_the_first_items_have_them(tmp_path: Path) -> None:
    picture = Picture(np.zeros((4, 4, 3), np.uint8))
    Thumbnails(tmp_path).make(item(picture, MAX_ITEMS))
    assert not list(tmp_path.iterdir())


def test_an_unwritable_folder_is_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "thumbnails").write_text("in the way")
    Thumbnails(tmp_path).make(item(Picture(np.zeros((4, 4, 3), np.uint8))))
    assert (tmp_path / "thumbnails").read_text() == "in the way"
