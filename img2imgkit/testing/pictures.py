"""Sample pictures of every sort that steps encounter: grey, colour, alpha, both depths, odd sizes, one pixel."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np

from img2imgkit.images import Metadata, Picture
from img2imgkit.item import Entry, Item


def sample_items() -> tuple[Item, ...]:
    """One item for each sort of picture. Their files do not exist; only sources read files."""
    rng = np.random.default_rng(2)
    metadata = Metadata(text={"Title": "sample"}, dpi=(72.0, 72.0))
    pictures = {
        "grey": Picture(_noise(rng, 9, 7, 1), None, "grey", metadata, "PNG", "L"),
        "rgb": Picture(_noise(rng, 13, 17, 3), None, "rgb", metadata, "PNG", "RGB"),
        "rgba": Picture(_noise(rng, 12, 8, 3), _noise(rng, 12, 8, 1), "rgb", metadata, "PNG", "RGBA"),
        "deep": Picture(_noise(rng, 6, 10, 3, np.uint16), None, "rgb", metadata, "PNG", "RGB;16"),
        "deep-grey-alpha": Picture(
            _noise(rng, 5, 5, 1, np.uint16), _noise(rng, 5, 5, 1, np.uint16), "grey", metadata, "PNG", "LA;16"
        ),
        "pixel": Picture(_noise(rng, 1, 1, 3), None, "rgb", metadata, "PNG", "RGB"),
    }
    return tuple(_item(name, picture, index) for index, (name, picture) in enumerate(pictures.items()))


def _item(name: str, picture: Picture, index: int) -> Item:
    relative = PurePosixPath("folder", f"{name}.png")
    entry = Entry(f"/nowhere/{relative}", relative, index, picture.color.nbytes, "0")
    return Item.still(entry, picture)


def _noise(rng: np.random.Generator, height: int, width: int, channels: int, dtype: type = np.uint8) -> np.ndarray:
    return rng.integers(0, np.iinfo(dtype).max + 1, (height, width, channels)).astype(dtype)
