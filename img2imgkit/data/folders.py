"""Folders of pictures: their headers, and what decoding every picture shows."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from img2imgkit.data.headers import Header, header
from img2imgkit.data.picture_files import contents_of, find_pictures, left_out
from img2imgkit.data_kind import Contents, Findings
from img2imgkit.errors import DataError


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a folder and its subfolders.

    Attributes:
        title: the reader's name for them, such as "source"
        root: the folder
        paths: all picture files
        headers: the headers of those that could be read
    """

    title: str
    root: Path
    paths: Sequence[Path]
    headers: Mapping[Path, Header]

    @property
    def usable(self) -> list[Path]:
        """The pictures whose headers could be read."""
        return list(self.headers)

    @property
    def contents(self) -> Contents:
        """A summary of the headers."""
        sizes = [(each.width, each.height) for each in self.headers.values()]
        return contents_of(self.title, sizes, (each.mode for each in self.headers.values()))


def name_in(root: Path, path: Path) -> str:
    """Return a picture's path relative to a folder, without suffix."""
    return path.relative_to(root).with_suffix("").as_posix()


def scan(title: str, root: Path, problems: list[str]) -> PictureFolder:
    """Scan a folder for pictures. A missing folder and unreadable headers are added to ``problems``."""
    paths = find_pictures([root], problems)
    return PictureFolder(title, root, paths, headers_of(paths, problems))


def headers_of(paths: Iterable[Path], problems: list[str]) -> dict[Path, Header]:
    """Read the headers of pictures. Those that cannot be read are added to ``problems``."""
    found = {}
    for path in paths:
        try:
            found[path] = header(path)
        except DataError as error:
            problems.append(str(error))
    return found


def overlapping(folders: Mapping[str, Path], patterns: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Return a problem for each two folders, by option, if one is, or contains, the other.

    Folders are searched recursively, so pictures of the inner one would belong to both. Two options can share a folder
    if their ``patterns`` of names differ.
    """
    found = []
    for (one, first), (other, second) in itertools.permutations(folders.items(), 2):
        inner, outer = first.resolve(), second.resolve()
        if outer in inner.parents:
            found.append(
                f"{first} ({one}) is inside {second} ({other}), which is searched recursively, so its pictures belong "
                "to both; move it out"
            )
        elif inner == outer and one < other and patterns.get(one) == patterns.get(other):
            found.append(f"{first}: is both {one} and {other}; state two folders")
    return found


def examine(paths: Sequence[Path], channels: int, depth: int = 16) -> Findings:
    """Decode pictures; find what cannot be used, and what reading them with these channels and bits leaves out."""
    return findings_in(paths, lambda path: left_out(path, channels, depth))


def findings_in(paths: Sequence[Path], read: Callable[[Path], Sequence[str]]) -> Findings:
    """Read pictures: the DataErrors that ``read`` raises, and the notes that it returns. Several threads call it."""

    def attempt(path: Path) -> tuple[str, Sequence[str]]:
        try:
            return "", read(path)
        except DataError as error:
            return str(error), ()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(attempt, paths))
    noted = ((path, note) for path, (_, notes) in zip(paths, found, strict=True) for note in notes)
    return Findings([problem for problem, _ in found if problem], summarised(noted))


def summarised(noted: Iterable[tuple[Path, str]]) -> list[str]:
    """Return one line for each kind of note, with the first picture and the number of others; numbers may differ."""
    kinds: dict[str, list[tuple[Path, str]]] = {}
    for path, note in noted:
        kinds.setdefault(re.sub(r"\d+", "0", note.partition(":")[0]), []).append((path, note))
    return [
        f"{found[0][0]}: {found[0][1]}" + (f" (and {len(found) - 1} more pictures like it)" if found[1:] else "")
        for found in kinds.values()
    ]
