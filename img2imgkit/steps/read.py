"""``read``: the pictures of a folder, and the base class of steps that read folders."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pathspec import GitIgnoreSpec
from pydantic import Field

from img2imgkit import files
from img2imgkit.config import Config, Location
from img2imgkit.errors import ConfigError, DamagedError, Problem
from img2imgkit.images import (
    DEFAULT_MAX_PIXELS,
    FloatLevels,
    decode,
    format_of,
    format_of_content,
    is_hidden,
    is_image,
    is_picture,
    size_of,
    unreadable_suffixes,
    writable,
)
from img2imgkit.item import CONTENT, Entry, Item, local_path
from img2imgkit.pipeline.own_files import STATE
from img2imgkit.step import UNREADABLE, Planning, Source
from img2imgkit.steps.extent import Extent
from img2imgkit.steps.patterns import compile_patterns

REASONS = 50  # to ignore files, counted separately; beyond that, suffixes are not
_NUMBERS = re.compile("([0-9]+)")
SECOND = 1_000_000_000  # in nanoseconds
MAX_DIGESTS = 100_000  # kept in memory


class FolderSource(Source):
    """A source for the picture files of a folder, in natural order, or for one file."""

    class Options(Config):
        """Which files to read."""

        folder: Annotated[Path, Location()] = Field(description="A folder, or one file.")
        recursive: bool = Field(True, description="Whether to read subfolders.")
        include: tuple[str, ...] = Field((), description="Only files that match one of these .gitignore patterns.")
        exclude: tuple[str, ...] = Field((), description="No files that match one of these .gitignore patterns.")
        changed: Literal["time", "content"] = Field(
            "time",
            description="How later runs recognise a changed picture: by its size and modification time, or by its "
            "content, for which a plan reads every file.",
        )
        skip_larger: Extent | None = Field(
            None,
            description="Skip pictures that are larger than this: `{width: 4000}`, `{height: 4000}` or `{megapixels: "
            "12}`. Plans read the header of every picture.",
        )
        max_pixels: int = Field(
            DEFAULT_MAX_PIXELS, ge=1, description="Refuse pictures with more pixels: they may be decompression bombs."
        )

    def __init__(self, options: Config | None = None) -> None:
        super().__init__(options)
        self._digests: dict[str, tuple[object, str]] = {}  # of this process: a folder may be listed repeatedly

    def recipe(self) -> dict[str, Any]:
        """Return no option: none changes a picture's content, and the folder may be moved."""
        return {}

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
        return not any(map(is_hidden, relative.parts)) and self._matches(str(relative)) and is_picture(path)

    def size(self, entry: Entry) -> tuple[int, int] | None:
        return size_of(entry.path)

    def reason_to_skip(self, entry: Entry) -> str:
        limit = self.options.skip_larger
        size = self.size(entry) if limit else None
        if size is None or not limit.is_exceeded_by(*size):
            return ""
        return f"larger than {limit}: {size[0]}x{size[1]}"

    def find(self, ignored: Counter[str]) -> Iterator[Entry]:
        """Yield the files in natural order of their paths below the folder. Listings are in memory per folder only."""
        chosen: Path = self.options.folder
        if not chosen.is_dir():
            yield _with_format(self._entry(str(chosen), chosen.name, 0))
            return
        start = os.path.join(chosen, "")  # noqa: PTH118 - Paths cost seconds
        for index, relative in enumerate(self._files(str(chosen), ignored)):
            path = f"{start}{relative if os.sep == '/' else relative.replace('/', os.sep)}"
            yield _with_format(self._entry(path, relative, index))

    def _entry(self, path: str, relative: str, index: int) -> Entry:
        try:
            found = os.stat(path)  # noqa: PTH116
            version = self.version(path, found)
        except OSError:
            return Entry(path, PurePosixPath(relative), index, -1, "")  # a broken link: decoding reports it
        return Entry(path, PurePosixPath(relative), index, found.st_size, version)

    def version(self, path: str, found: os.stat_result) -> str:
        """Return the version of a file: its time, or a digest of its content. Raises OSError if it cannot be read."""
        if self.options.changed == "time":
            return str(found.st_mtime_ns)
        state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        known, digest = self._digests.get(path, (None, ""))
        if known != state:
            digest = files.sha256(Path(path))
            old = time.time_ns() - found.st_ctime_ns > SECOND  # otherwise another change could have the same time
            if old and (path in self._digests or len(self._digests) < MAX_DIGESTS):
                self._digests[path] = (state, digest)
        return f"{CONTENT}{digest}"

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
            _count(ignored, f"{UNREADABLE} folders", prefix or root)
            return [], []
        files = []
        for name in (name for name, is_folder, _ in inside if not is_folder):
            reason, detail = self._reason_to_ignore(root, prefix + name, name)
            if reason:
                _count(ignored, reason, detail)
            else:
                files.append(name)
        folders = [(name, is_link) for name, is_folder, is_link in inside if is_folder and name != STATE]
        if hidden := sum(is_hidden(name) for name, _ in folders):
            ignored["hidden folders"] += hidden
        return files, [
            name for name, is_link in folders if self.options.recursive and not is_link and not is_hidden(name)
        ]

    def _reason_to_ignore(self, root: str, relative: str, name: str) -> tuple[str, str]:
        """Return why a file is ignored and its kind, if that is worth knowing; empty if it is to be read."""
        if is_hidden(name):
            return "hidden files", ""
        if not self._matches(relative):
            return "files excluded by patterns", ""
        if is_image(name) or is_picture(Path(root, relative)):
            return "", ""
        suffix = PurePosixPath(name).suffix.lower()
        remedy = unreadable_suffixes().get(suffix)
        if remedy is not None:
            return f"{UNREADABLE} pictures", f"{suffix}: {remedy}" if remedy else suffix
        return "files that are not pictures", suffix if re.fullmatch(r"\.[a-z0-9_]{1,12}", suffix) else "no suffix"

    def _matches(self, relative: str) -> bool:
        include, exclude = self._patterns
        return (include is None or include.match_file(relative)) and not (exclude and exclude.match_file(relative))

    @cached_property
    def _patterns(self) -> tuple[GitIgnoreSpec | None, GitIgnoreSpec | None]:
        return compile_patterns("include", self.options.include), compile_patterns("exclude", self.options.exclude)


class Read(FolderSource):
    """Read pictures from a folder, in natural order, or one picture.

    Files are selected by suffix; those with another or no suffix are read as well if their first bytes are those of a
    picture. Hidden files, system files and files that are not pictures are counted and ignored. A picture that cannot
    be decoded fails, with the reason, without affecting the others.
    """

    name = "read"

    class Options(FolderSource.Options):
        """Where to read pictures, how, and what to do with damaged ones."""

        float: FloatLevels | None = Field(
            None, description="How to read floating-point levels (EXR, float TIFF); pictures that have them need it."
        )
        damaged: Literal["fail", "salvage"] = Field(
            "fail",
            description="A picture of which pixels are missing or were invented by the decoder: 'fail' reports it as "
            "failed; 'salvage' keeps what can be read, with a note.",
        )

    def recipe(self) -> dict[str, Any]:
        """Return also how floating-point levels are read, and whether damaged pictures are, each if it is stated.

        If damaged pictures are read, the others are made again when they no longer are.
        """
        stated = self.options.float
        levels = {"float": stated.model_dump(mode="json")} if stated else {}
        damaged = {"damaged": "salvage"} if self.options.damaged == "salvage" else {}
        return {**super().recipe(), **levels, **damaged}

    def load(self, entry: Entry) -> Item:
        options, salvage = self.options, self.options.damaged == "salvage"
        try:
            picture = decode(entry.path, max_pixels=options.max_pixels, salvage=salvage, float_levels=options.float)
        except DamagedError as error:
            raise DamagedError(f"{error} (damaged: salvage keeps what can be read)") from error
        return Item.still(entry, picture, notes={"decoding": "; ".join(picture.notes)} if picture.notes else {})


def natural_key(name: str) -> str:
    """Return a sort key for natural order: ``2.png`` before ``10.png``."""
    return f"{_order(name)}\0\0{name}"  # less than any number or text that could follow


def _order(name: str) -> str:
    """Return a key that ignores case and leading zeros, compact enough for a million names.

    A number is encoded as a null character, its number of digits, and the digits; a text as \\x01 and itself.
    """
    parts = [part for part in _NUMBERS.split(name.casefold()) if part]
    return "".join([f"\0{chr(len(number))}{number}" if (number := _number(part)) else f"\1{part}" for part in parts])


def _number(part: str) -> str:
    return str(int(part)) if part.isdecimal() else ""


def _with_format(entry: Entry) -> Entry:
    """Return the entry with the format of its content, unless its suffix states a format that can be written."""
    if format_of(entry.relative) in writable():
        return entry
    return replace(entry, format=format_of_content(Path(entry.location)) or "")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _count(ignored: Counter[str], reason: str, detail: str) -> None:
    """Count an ignored file by reason and detail, or by reason only if there are very many."""
    full = f"{reason} ({detail})" if detail else reason
    ignored[full if full in ignored or len(ignored) < REASONS else f"{reason} (others)" if detail else reason] += 1
