"""What goes through a pipeline: an entry found by the source, and the item that the steps process."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from img2imgkit.errors import TranslateError

if TYPE_CHECKING:
    import numpy as np

    from img2imgkit.images import Picture


@dataclass(frozen=True)
class Entry:
    """A picture found by a source, before anything is decoded.

    Attributes:
        location: a local path, or a URL
        relative: its path below the source's location, including its name
        index: its position in the source's order, from 0
        size: in bytes, -1 if unknown
        version: a tag that changes whenever the content does, such as a modification time, an ETag, or ``sha256:`` and
            a digest
        variant: which of several outputs this is, as name fields and values; see ``Transform.variants``
    """

    location: str
    relative: PurePosixPath
    index: int
    size: int
    version: str
    variant: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> Path:
        """The local file. Raises ValueError if the location is a URL."""
        return local_path(self.location)

    @property
    def title(self) -> str:
        """The name in messages and reports: ``street/1.png (domain: night)``."""
        variant = ", ".join(f"{field}: {value}" for field, value in self.variant)
        return f"{self.relative} ({variant})" if variant else str(self.relative)


CONTENT = "sha256:"


def is_content(version: str) -> bool:
    """Whether a version is a digest of the content, as opposed to a time or an ETag."""
    return version.startswith(CONTENT)


def local_path(location: str) -> Path:
    """Return the path of a local location. Raises ValueError if it is a URL."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", location):
        raise ValueError(f"{location} is a URL, not a local path")
    return Path(location)


@dataclass(frozen=True)
class Item:
    """An entry being processed: a still picture, or several frames.

    Attributes:
        entry: the entry it was loaded from
        frames: its current pixels; a still has one frame
        originals: its pixels as decoded, one picture for each frame that the source read
        notes: what steps add to the report ("tile": 256, "retries": 1, ...)
        maps: per-pixel ids of a still, (H, W) int32 of the picture's size: "label" contains class ids, "instance"
            object ids. The picture is then only a drawing of them. An item of several frames has no maps.

    Raises:
        ValueError: no frames or no originals, or maps with several frames.
    """

    entry: Entry
    frames: tuple[Picture, ...]
    originals: tuple[Picture, ...]
    notes: Mapping[str, Any] = field(default_factory=dict)
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.frames or not self.originals:
            raise ValueError(f"{self.entry.title}: an item needs at least one frame and one original")
        if self.maps and len(self.frames) > 1:
            raise ValueError(f"{self.entry.title}: an item of {len(self.frames)} frames cannot have maps")

    @classmethod
    def still(
        cls,
        entry: Entry,
        picture: Picture,
        original: Picture | None = None,
        notes: Mapping[str, Any] | None = None,
        maps: Mapping[str, np.ndarray] | None = None,
    ) -> Item:
        """Return an item of one frame. ``original`` defaults to the picture itself."""
        return cls(entry, (picture,), (original or picture,), notes or {}, maps or {})

    @property
    def picture(self) -> Picture:
        """The only frame of a still. Raises TranslateError if there are several."""
        return self._only(self.frames)

    @property
    def original(self) -> Picture:
        """The only original, as decoded. Raises TranslateError if there are several."""
        return self._only(self.originals)

    def with_picture(self, picture: Picture, **notes: Any) -> Item:
        """Return a still with this picture and more notes. Drops maps whose size differs from the new picture's."""
        return self.with_frames((picture,), **notes)

    def with_frames(self, frames: Sequence[Picture], **notes: Any) -> Item:
        """Return the item with these frames and more notes. Drops maps whose size differs from the new frame's."""
        size = (frames[0].height, frames[0].width) if len(frames) == 1 else None
        maps = {name: ids for name, ids in self.maps.items() if ids.shape == size}
        return replace(self, frames=tuple(frames), notes={**self.notes, **notes}, maps=maps)

    def with_maps(self, maps: Mapping[str, np.ndarray]) -> Item:
        """Return the item with these maps. Shapes: each (H, W) int32, of the picture's size."""
        return replace(self, maps=maps)

    def stills(self) -> tuple[Item, ...]:
        """Return one still per frame, with that frame's original, or with all originals if the counts differ."""
        alike = len(self.originals) == len(self.frames)
        return tuple(
            replace(self, frames=(frame,), originals=self.originals[number : number + 1] if alike else self.originals)
            for number, frame in enumerate(self.frames)
        )

    def _only(self, pictures: tuple[Picture, ...]) -> Picture:
        if len(pictures) > 1:
            raise TranslateError(f"has {len(pictures)} frames; this step accepts single pictures only")
        return pictures[0]
