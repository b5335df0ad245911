"""Thumbnails for the report: before and after, for the first items of a run."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from img2imgkit.images import Picture
from img2imgkit.item import Entry, Item

MAX_SIDE = 360
MAX_ITEMS = 200


class Thumbnails:
    """Thumbnails of one output folder, in ``.img2img/thumbnails/``."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "thumbnails"
        self.unfinished = state / "unfinished"

    def make(self, item: Item) -> None:
        """Write both thumbnails of an item's first frame. Errors are ignored: they must not make the item fail."""
        if item.entry.index >= MAX_ITEMS:
            return
        with suppress(OSError, ValueError, MemoryError):
            for folder in (self.folder, self.unfinished):
                folder.mkdir(parents=True, exist_ok=True)
            for path, picture in zip(self.paths(item.entry), (item.originals[0], item.frames[0]), strict=True):
                unfinished = self.unfinished / path.name
                _small(picture).save(unfinished, "JPEG", quality=85)
                unfinished.replace(path)

    def paths(self, entry: Entry) -> tuple[Path, Path]:
        """Return the paths of an entry's two thumbnails, whether or not they exist."""
        identity = "\0".join([str(entry.relative), *(f"{field}={value}" for field, value in entry.variant)])
        name = hashlib.sha1(identity.encode(errors="surrogatepass")).hexdigest()[:16]
        return self.folder / f"{name}-before.jpg", self.folder / f"{name}-after.jpg"


def _small(picture: Picture) -> Image.Image:
    # Subsample first, to avoid copying a huge picture.
    stride = max(1, max(picture.width, picture.height) // (2 * MAX_SIDE))
    levels = picture.color[::stride, ::stride]
    levels = (levels >> 8).astype(np.uint8) if levels.dtype == np.uint16 else levels
    mode = {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}[picture.space]
    image = Image.fromarray(np.ascontiguousarray(levels[..., 0] if mode == "L" else levels), mode).convert("RGB")
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    return image
