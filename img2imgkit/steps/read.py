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
from img2imgkit.item import Entry, Item, local_path
from img2imgkit.step import Planning, Source

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
            not any(map(_is_hidden, relative.parts)) and is_image(Path(relative.name)) and self._wanted(str(relative))
        )

    def find(self, ignored: Counter[str]) -> Iterator[Entry]:
        """The files in natural order of their names below the folder. Only one folder at a time is in memory."""
        chosen: Path = self.options.folder
        if not chosen.is_dir():
            yield _entry(str(chosen), chosen.name, 0)
            return
        for index, relative in enumerate(self._files(str(chosen), ignored)):
            path = os.path.join(chosen, relative.replace("/", os.sep))  # noqa: PTH118 - a Path each costs seconds
            yield _entry(path, relative, index)

    def _files(self, root: str, ignored: Counter[str]) -> Iterator[str]:
        """Names below ``root`` in the order of ``natural_key``, without sorting them all at once.

        Names below one folder are neighbours in that order, and come where the folder's name with a slash comes. Only
        folders whose names are the same for the order, such as ``a1`` and ``A01``, mix: they are read as one.
        """
        ways = [iter(self._inside([""], root, ignored))]
        while ways:
            _, relative, folders = next(ways[-1], ("", "", None))
            if folders:
                ways.append(iter(self._inside(folders, root, ignored)))
            elif relative:
                yield relative
            else:
                ways.pop()

    def _inside(self, prefixes: list[str], root: str, ignored: Counter[str]) -> list[tuple[str, str, list[str]]]:
        """What some folders hold, in order: sort key, then the file's name, or the folders that are read as one."""
        found: list[tuple[str, str, list[str]]] = []
        alike: dict[str, list[str]] = {}
        for prefix in prefixes:
            files, folders = self._listed(root, prefix, ignored)
            slash = "/" if prefix else ""  # a part of the key: what follows a slash is never a number by itself
            found += ((_order(slash + name), prefix + name, []) for name in files)
            for name in folders:
                alike.setdefault(_order(f"{slash}{name}/"), []).append(f"{prefix}{name}/")
        found += ((key, "", folders) for key, folders in alike.items())
        return sorted(found)

    def _listed(self, root: str, prefix: str, ignored: Counter[str]) -> tuple[list[str], list[str]]:
        """The files of a folder that are read, and the folders inside it that are looked into."""
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
        return Item.still(entry, picture, notes={"decoding": "; ".join(picture.notes)} if picture.notes else {})


def compiled(option: str, patterns: tuple[str, ...]) -> GitIgnoreSpec | None:
    """Patterns as one; None without any. Raises ConfigError for patterns that cannot be."""
    try:
        return GitIgnoreSpec.from_lines(patterns) if patterns else None
    except ValueError as error:
        raise ConfigError(Problem(str(error), option)) from error


def natural_key(name: str) -> str:
    """Sorts as people count: ``2.png`` before ``10.png``."""
    return f"{_order(name)}\0\0{name}"  # less than any number or text that could go on


def _order(name: str) -> str:
    """What decides the order of two names that differ in more than case and leading zeros: compact, for a million.

    A number is a zero character, its number of digits, and these; a text is a one and itself.
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
        return Entry(path, PurePosixPath(relative), index, -1, "")  # a broken link: decoding will say so
    return Entry(path, PurePosixPath(relative), index, found.st_size, str(found.st_mtime_ns))
