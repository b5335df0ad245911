"""Small versions of pictures for the page, cached in the user's folder for what can be made again."""

from __future__ import annotations

import hashlib
import io
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from img2imgkit.errors import ImageError, RequestError
from img2imgkit.files import open_regular, write_whole
from img2imgkit.images import Picture, decode, format_of_content, size_of, to_rgb, to_srgb, with_depth, without_alpha

SIDES = (320, 1600)  # pixels of the longer side
AT_ONCE = 2
CACHED = 20_000  # files
MAX_DRAFT = 400_000_000  # pixels of a JPEG that is decoded at a fraction of its size
_GROUND = (128, 128, 128)  # behind transparency


class Thumbnails:
    """Small JPEG versions of pictures by path, time and size.

    Args:
        folder: the cache; created when it is needed
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._slots = threading.Semaphore(AT_ONCE)

    def of(self, path: Path, side: int) -> Path:
        """The file of a small version, made if it is not cached.

        Raises:
            RequestError: the picture cannot be read.
        """
        if side not in SIDES:
            raise RequestError(f"small versions have {' or '.join(map(str, SIDES))} pixels")
        try:
            found = path.stat()
            key = f"{path}\0{found.st_mtime_ns}\0{found.st_size}\0{side}"
            cached = self._folder / f"{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.jpg"
            if not cached.is_file():
                with self._slots:
                    self._make(path, side, cached)
        except Exception as error:  # decoders may raise anything
            raise RequestError(f"no small version: {error}", 422) from None
        return cached

    def prune(self) -> None:
        """Remove the oldest files of a large cache."""
        with suppress(OSError):
            files = sorted(self._folder.glob("*.jpg"), key=lambda path: path.stat().st_mtime)
            for path in files[: max(0, len(files) - CACHED)]:
                path.unlink()

    def _make(self, path: Path, side: int, cached: Path) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        image = _draft(path, side) if format_of_content(path) == "JPEG" else None
        image = image or _small(decode(path), side)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=82)
        write_whole(cached, file.getvalue())


def size_shown(path: Path) -> tuple[int, int] | None:
    """Width and height of a picture as it is seen, if its header tells."""
    try:
        return size_of(path)
    except (OSError, ImageError, ValueError):
        return None


def _draft(path: Path, side: int) -> Image.Image | None:
    """A JPEG, decoded at a fraction of its size; None if it has colours that need conversion."""
    with open_regular(path) as file, Image.open(file) as image:
        if image.width * image.height > MAX_DRAFT or image.mode not in ("RGB", "L") or image.info.get("icc_profile"):
            return None
        image.draft("RGB", (side, side))
        small = ImageOps.exif_transpose(image).convert("RGB")
        small.thumbnail((side, side))
        return small


def _small(picture: Picture, side: int) -> Image.Image:
    stride = max(1, max(picture.width, picture.height) // (2 * side))
    alpha = None if picture.alpha is None else np.ascontiguousarray(picture.alpha[::stride, ::stride])
    sampled = picture.with_pixels(np.ascontiguousarray(picture.color[::stride, ::stride]), alpha)
    seen = with_depth(to_rgb(without_alpha(to_srgb(sampled), _GROUND)), 8)
    image = Image.fromarray(np.ascontiguousarray(seen.color))
    image.thumbnail((side, side))
    return image
