"""``read``: the pictures of a folder, and the base class of steps that read folders."""

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
from img2imgkit.item import Entry, Item, local_path
from img2imgkit.pipeline.own_files import STATE
from img2imgkit.step import Planning, Source
from img2imgkit.steps.patterns import compile_patterns

SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "$recycle.bin", "__macosx"})


class FolderSource(Source):
    """A source for the picture files of a folder, in natural order, or for one file."""

    class Options(Config):
        """Which files to read."""

        folder: Annotated[Path, Location()] = Field(description="A folder, or one file.")
        recursive: bool = Field(True, description="Whether to read subfolders.")
        include: tuple[str, ...] = Field((), description="Only files that match one of these .gitignore patterns.")
        exclude: tuple[str, ...] = Field((), description="No files that match one of these .gitignore patterns.")
        max_pixels: int = Field(
            DEFAULT_MAX_PIXELS, ge=1, description="Refuse pictures with more pixels: they may be decompression bombs."
        )

    def recipe(self) -> dict[str, Any]:
        """Return the folder only: the other options do not change a picture's content."""
        return {"folder": str(self.options.folder)}

    def prepare(self, planning: Planning) -> None:
        folder = self.options.folder
        if not folder.exists():
            raise ConfigError(Problem(f"{folder}: no such file or folder", "folder"))
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise ConfigError(Problem(f"{folder}: no permission to read it", "folder"))
        _ = self._patterns  # raises ConfigError for invalid patterns

    def location(self) -> str:
        path: Path = self.options.folder
        return str(path if path.is_dir() else path.parent)

    def reads(self, location: str) -> bool:
        chosen, path = self.options.folder, local_path(location)
        if not chosen.is_dir():
            return path.resolve() == chosen.resolve()
        try:
            relative = PurePosixPath(path.relative_to(chosen))
        except ValueError:
            return False
        if len(relative.parts) > 1 and not self.options.recursive:
            return False
        return (
            not any(map(_is_hidden, relative.parts)) and is_image(Path(relative.name)) and self._matches(str(relative))
        )

    def find(self, ignored: Counter[str]) -> Iterator[Entry]:
        """Yield the files in natural order of their paths below the folder. Listings are in memory per folder only."""
        chosen: Path = self.options.folder
        if not chosen.is_dir():
            yield _entry(str(chosen), chosen.name, 0)
            return
        for index, relative in enumerate(self._files(str(chosen), ignored)):
            path = os.path.join(chosen, relative.replace("/", os.sep))  # noqa: PTH118 - Paths cost seconds
            yield _entry(path, relative, index)

    def _files(self, root: str, ignored: Counter[str]) -> Iterator[str]:
        """Yield the paths below ``root`` in the order of ``natural_key``, without sorting all of them together.

        Paths below one folder are adjacent in that order, at the position of the folder's name followed by a slash.
        Only folders whose names have equal keys, such as ``a1`` and ``A01``, mix: they are read as one.
        """
        levels = [iter(self._inside([""], root, ignored))]
        while levels:
            _, relative, folders = next(levels[-1], ("", "", None))
            if folders:
                levels.append(iter(self._inside(folders, root, ignored)))
            elif relative:
                yield relative
            else:
                levels.pop()

    def _inside(self, prefixes: list[str], root: str, ignored: Counter[str]) -> list[tuple[str, str, list[str]]]:
        """List folders in order: sort key, then the file's path, or the subfolders that are read as one."""
        found: list[tuple[str, str, list[str]]] = []
        merged: dict[str, list[str]] = {}
        for prefix in prefixes:
            files, folders = self._listed(root, prefix, ignored)
            slash = "/" if prefix else ""  # part of the key: digits after a slash continue its text
            found += ((_order(slash + name), prefix + name, []) for name in files)
            for name in folders:
                merged.setdefault(_order(f"{slash}{name}/"), []).append(f"{prefix}{name}/")
        found += ((key, "", folders) for key, folders in merged.items())
        return sorted(found)

    def _listed(self, root: str, prefix: str, ignored: Counter[str]) -> tuple[list[str], list[str]]:
        """Return the names of a folder's files and subfolders that are to be read."""
        try:
            with os.scandir(os.path.join(root, prefix)) as entries:  # noqa: PTH118
                inside = [(each.name, _is_folder(each), each.is_symlink()) for each in entries]
        except OSError:
            ignored["unreadable folders"] += 1
            return [], []
        files = []
        for name in (name for name, is_folder, _ in inside if not is_folder):
            reason = self._reason_to_ignore(prefix + name, name)
            if reason:
                ignored[reason] += 1
            else:
                files.append(name)
        folders = [(name, is_link) for name, is_folder, is_link in inside if is_folder and name != STATE]
        if hidden := sum(_is_hidden(name) for name, _ in folders):
            ignored["hidden folders"] += hidden
        return files, [
            name for name, is_link in folders if self.options.recursive and not is_link and not _is_hidden(name)
        ]

    def _reason_to_ignore(self, relative: str, name: str) -> str:
        if _is_hidden(name):
            return "hidden files"
        if not is_image(Path(name)):
            return "files that are not pictures"
        return "" if self._matches(relative) else "files excluded by patterns"

    def _matches(self, relative: str) -> bool:
        include, exclude = self._patterns
        return (include is None or include.match_file(relative)) and not (exclude and exclude.match_file(relative))

    @cached_property
    def _patterns(self) -> tuple[GitIgnoreSpec | None, GitIgnoreSpec | None]:
        return compile_patterns("include", self.options.include), compile_patterns("exclude", self.options.exclude)


class Read(FolderSource):
    """Read pictures from a folder, in natural order, or one picture.

    Hidden files, system files and files that are not pictures are counted and ignored. A picture that cannot be decoded
    fails, with the reason, without affecting the others.
    """

    name = "read"

    class Options(FolderSource.Options):
        """Where to read pictures."""

    def load(self, entry: Entry) -> Item:
        picture = decode(entry.path, max_pixels=self.options.max_pixels)
        return Item.still(entry, picture, notes={"decoding": "; ".join(picture.notes)} if picture.notes else {})


def natural_key(name: str) -> str:
    """Return a sort key for natural order: ``2.png`` before ``10.png``."""
    return f"{_order(name)}\0\0{name}"  # less than any number or text that could follow


def _order(name: str) -> str:
    """Return a key that ignores case and leading zeros, compact enough for a million names.

    A number is encoded as a null character, its number of digits, and the digits; a text as \\x01 and itself.
    """
    parts = (part for part in re.split(r"([0-9]+)", name.casefold()) if part)
    return "".join(f"\0{chr(len(number))}{number}" if (number := _number(part)) else f"\1{part}" for part in parts)


def _number(part: str) -> str:
    return str(int(part)) if part.isdecimal() else ""


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in SYSTEM_FILES


def _entry(path: str, relative: str, index: int) -> Entry:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return Entry(path, PurePosixPath(relative), index, -1, "")  # a broken link: decoding reports it
    return Entry(path, PurePosixPath(relative), index, found.st_size, str(found.st_mtime_ns))
