"""``read``: the pictures of a folder. Other steps that read a folder find their files as it does."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pathspec import GitIgnoreSpec
from pydantic import Field

from img2imgkit.config import Config, Location
from img2imgkit.errors import ConfigError, Problem
from img2imgkit.images import DEFAULT_MAX_PIXELS, decode, is_image
from img2imgkit.step import Entry, Item, Listing, Planning, Source

SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "$recycle.bin", "__macosx"})
STATE = ".img2img"


class FolderSource(Source):
    """The picture files of a folder, in natural order, or one file."""

    class Options(Config):
        """Which files of a folder are read."""

        folder: Annotated[Path, Location()] = Field(description="The folder, or one file.")
        recursive: bool = Field(True, description="Whether folders inside it are read too.")
        include: tuple[str, ...] = Field(
            (), description="Only files that match one of these patterns, with the meaning they have in .gitignore."
        )
        exclude: tuple[str, ...] = Field((), description="No files that match one of these patterns.")
        max_pixels: int = Field(
            DEFAULT_MAX_PIXELS, ge=1, description="Refuse a picture with more pixels than this: it may be a bomb."
        )

    def recipe(self) -> dict[str, Any]:
        """A picture's content depends on where it comes from alone."""
        return {"folder": str(self.options.folder)}

    def prepare(self, planning: Planning) -> None:
        folder = self.options.folder
        if not folder.exists():
            raise ConfigError(Problem(f"{folder}: no such file or folder", "folder"))
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise ConfigError(Problem(f"{folder}: no permission to read it", "folder"))
        _ = self._patterns  # complains of patterns that cannot be

    def folder(self) -> Path:
        path: Path = self.options.folder
        return path if path.is_dir() else path.parent

    def reads(self, path: Path) -> bool:
        chosen: Path = self.options.folder
        if not chosen.is_dir():
            return path.resolve() == chosen.resolve()
        try:
            relative = PurePosixPath(path.relative_to(chosen))
        except ValueError:
            return False
        if len(relative.parts) > 1 and not self.options.recursive:
            return False
        return (
            not any(map(_is_hidden, relative.parts)) and is_image(Path(relative.name)) and self._wanted(str(relative))
        )

    def find(self) -> Listing:
        chosen: Path = self.options.folder
        if not chosen.is_dir():
            return Listing((_entry(chosen, PurePosixPath(chosen.name), 0),))
        ignored: Counter[str] = Counter()
        found = sorted(self._files(chosen, ignored), key=lambda each: natural_key(each[0]))
        entries = (_entry(path, PurePosixPath(relative), index) for index, (relative, path) in enumerate(found))
        return Listing(tuple(entries), dict(ignored))

    def _files(self, folder: Path, ignored: Counter[str]) -> Iterator[tuple[str, str]]:
        def unreadable(_: OSError) -> None:
            ignored["unreadable folders"] += 1

        for here, folders, files in os.walk(folder, onerror=unreadable):
            below = os.path.relpath(here, folder).replace(os.sep, "/")
            prefix = "" if below == "." else below + "/"
            for name in files:
                reason = self._reason_to_ignore(prefix + name, name)
                if reason:
                    ignored[reason] += 1
                else:
                    yield prefix + name, os.path.join(here, name)  # noqa: PTH118 - a Path each costs seconds
            ignored["hidden folders"] += sum(map(_is_hidden, folders)) - (STATE in folders)
            folders[:] = [name for name in folders if self.options.recursive and not _is_hidden(name)]
        ignored += Counter()  # drops the zeros

    def _reason_to_ignore(self, relative: str, name: str) -> str:
        if _is_hidden(name):
            return "hidden files"
        if not is_image(Path(name)):
            return "files that are no pictures"
        return "" if self._wanted(relative) else "files that the patterns leave out"

    def _wanted(self, relative: str) -> bool:
        include, exclude = self._patterns
        return (include is None or include.match_file(relative)) and not (exclude and exclude.match_file(relative))

    @cached_property
    def _patterns(self) -> tuple[GitIgnoreSpec | None, GitIgnoreSpec | None]:
        return compiled("include", self.options.include), compiled("exclude", self.options.exclude)


class Read(FolderSource):
    """Read pictures from a folder, in natural order, or one picture.

    Hidden files, system files and files that are no pictures are counted and left alone. A picture that cannot be
    decoded fails, with the reason, and the others go on.
    """

    name = "read"

    class Options(FolderSource.Options):
        """Where pictures come from."""

    def load(self, entry: Entry) -> Item:
        picture = decode(entry.path, max_pixels=self.options.max_pixels)
        return Item(entry, picture, picture, {"decoding": "; ".join(picture.notes)} if picture.notes else {})


def compiled(option: str, patterns: tuple[str, ...]) -> GitIgnoreSpec | None:
    """Patterns as one; None without any. Raises ConfigError for patterns that cannot be."""
    try:
        return GitIgnoreSpec.from_lines(patterns) if patterns else None
    except ValueError as error:
        raise ConfigError(Problem(str(error), option)) from error


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts as people count: ``2.png`` before ``10.png``."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part] + [(0, -1, name)]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in SYSTEM_FILES


def _entry(path: Path | str, relative: PurePosixPath, index: int) -> Entry:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return Entry(Path(path), relative, index, -1, -1)  # a broken link: decoding will say so
    return Entry(Path(path), relative, index, found.st_size, found.st_mtime_ns)
