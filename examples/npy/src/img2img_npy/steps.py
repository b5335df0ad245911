"""``read-npy`` and ``write-npy``: files with one array each."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import numpy as np
from pydantic import Field

import img2imgkit as kit
from img2imgkit.errors import DecodeError

SUFFIX = ".npy"


class ReadNpy(kit.Source):
    """Read every .npy file in a folder and its subfolders as a picture."""

    name = "read-npy"

    class Options(kit.Config):
        """Where the arrays are."""

        folder: Annotated[Path, kit.Location()] = Field(description="The folder of .npy files.")

    def recipe(self) -> Mapping[str, Any]:
        """Nothing: the arrays can be moved without remaking their outputs."""
        return {}

    def location(self) -> str:
        return str(self.options.folder)

    def find(self, ignored: Counter[str]) -> Iterator[kit.Entry]:
        index = 0
        for path in sorted(each for each in self.options.folder.rglob("*") if each.is_file()):
            if not self.reads(str(path)):
                ignored[f"{path.suffix or 'no suffix'}"] += 1
                continue
            about, relative = path.stat(), PurePosixPath(path.relative_to(self.options.folder))
            yield kit.Entry(str(path), relative, index, about.st_size, str(about.st_mtime_ns))
            index += 1

    def reads(self, location: str) -> bool:
        return Path(location).suffix == SUFFIX and self.options.folder in Path(location).parents

    def load(self, entry: kit.Entry) -> kit.Item:
        try:
            with kit.open_regular(entry.path) as file:
                array = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DecodeError(f"{entry.relative}: cannot be read: {error}") from error
        return kit.Item.still(entry, picture_of(array, str(entry.relative)))


class WriteNpy(kit.Sink):
    """Write pictures as .npy files, transparency as the last channel."""

    name = "write-npy"

    class Options(kit.Config):
        """Where the arrays go."""

        folder: Annotated[Path, kit.Location()] = Field(description="The output folder; created if it does not exist.")

    def recipe(self) -> Mapping[str, Any]:
        """Nothing: the folder does not change a file's bytes."""
        return {}

    def location(self) -> str:
        return str(self.options.folder)

    def target(self, entry: kit.Entry) -> PurePosixPath:
        return entry.relative.with_suffix(SUFFIX)

    def render(self, item: kit.Item) -> kit.Rendering:
        picture = item.picture
        planes = [picture.color] if picture.alpha is None else [picture.color, picture.alpha]
        file = io.BytesIO()
        np.save(file, np.concatenate(planes, axis=2), allow_pickle=False)
        return kit.Rendering(self.target(item.entry), file.getvalue())


def picture_of(array: np.ndarray, name: str) -> kit.Picture:
    """The picture that an array holds.

    Raises:
        DecodeError: its shape or type is not that of a picture.
    """
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or not pixels.size:
        raise DecodeError(f"{name}: has the shape {array.shape}, expected (H, W) or (H, W, 1 to 4)")
    if pixels.dtype.newbyteorder("=") not in (np.uint8, np.uint16):
        raise DecodeError(f"{name}: contains {pixels.dtype}, expected uint8 or uint16")
    colours = 1 if pixels.shape[2] < 3 else 3
    alpha = pixels[..., colours:] if pixels.shape[2] > colours else None
    return kit.Picture(pixels[..., :colours], alpha, "grey" if colours == 1 else "rgb")
