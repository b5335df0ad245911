"""Folders of pictures: headers, matching by file name, and checks that pictures can be decoded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from img2imgkit.data.picture_files import (
    Header,
    contents_of,
    find_pictures,
    header,
    list_pictures,
    raise_problems,
    read_levels,
)
from img2imgkit.data_kind import Arrays, Contents
from img2imgkit.errors import DataError

Found = TypeVar("Found")


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

    @cached_property
    def by_name(self) -> dict[str, Path]:
        """The pictures by their path relative to the folder, without suffix."""
        return {name_in(self.root, path): path for path in self.paths}

    def namesakes(self) -> list[str]:
        """Return a problem for each pair of pictures with the same name."""
        return [
            f"{path}: has the same name as {self.by_name[name_in(self.root, path)].name}; keep one of them"
            for path in self.paths
            if self.by_name[name_in(self.root, path)] != path
        ]


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


def match_by_name(folders: Sequence[PictureFolder], problems: list[str]) -> list[tuple[str, tuple[Path, ...]]]:
    """Match the pictures of several folders by name.

    Names that a folder lacks, and sizes that differ, are added to ``problems``.

    Returns:
        name and paths, one of each folder, of every complete match
    """
    problems += [problem for folder in folders for problem in folder.namesakes()]
    names = dict.fromkeys(name for folder in folders for name in folder.by_name)
    found = []
    for name in sorted(names):
        there = {folder.title: folder.by_name[name] for folder in folders if name in folder.by_name}
        missing = [folder for folder in folders if folder.title not in there and folder.paths]
        some = next(iter(there.values()))
        problems += [f"{some}: no {folder.title} found; expected {folder.root / name}.*" for folder in missing]
        paths = tuple(there.values())
        if len(paths) == len(folders) and all(
            path in folder.headers for path, folder in zip(paths, folders, strict=True)
        ):
            headers = [folder.headers[path] for path, folder in zip(paths, folders, strict=True)]
            if problem := _size_mismatch(paths, headers):
                problems.append(problem)
            else:
                found.append((name, paths))
    return found


def _size_mismatch(paths: Sequence[Path], headers: Sequence[Header]) -> str:
    first = headers[0]
    for path, other in zip(paths[1:], headers[1:], strict=True):
        if (other.width, other.height) != (first.width, first.height):
            return f"{path}: is {other.width}x{other.height}, but {paths[0]} is {first.width}x{first.height}"
    return ""


def by_role(folder: Path, roles: Sequence[str]) -> list[tuple[str, dict[str, Path]]]:
    """List a probe folder: the name of each entry, and its pictures by role.

    If the folder has a subfolder named after the first role, every role may have one, and pictures are matched by
    name. Otherwise all pictures have the first role.

    Raises:
        DataError: the folder does not exist, or contains no picture of the first role.
    """
    if not (folder / roles[0]).is_dir():
        return [(name_in(folder, path), {roles[0]: path}) for path in list_pictures([folder])]
    there = [role for role in roles if (folder / role).is_dir()]
    names = {role: {name_in(folder / role, path): path for path in list_pictures([folder / role])} for role in there}
    return [(name, {role: names[role][name] for role in there if name in names[role]}) for name in names[roles[0]]]


def probe_batches(found: Iterable[tuple[str, Found]], make: Callable[[Found], Arrays]) -> list[tuple[str, Arrays]]:
    """Create the batch of each entry of a probe folder, with its name.

    Raises:
        DataError: lists all entries for which ``make`` raises one.
    """
    batches, problems = [], []
    for name, each in found:
        try:
            batches.append((name, make(each)))
        except DataError as error:
            problems.append(str(error))
    raise_problems(problems)
    return batches


def undecodable(paths: Iterable[Path], channels: int) -> list[str]:
    """Return a problem for each picture that cannot be decoded."""
    return problems_in(paths, lambda path: read_levels(path, channels))


def problems_in(paths: Iterable[Path], read: Callable[[Path], Any]) -> list[str]:
    """Return the DataErrors that ``read`` raises, in the order of the pictures. Several threads call it."""

    def attempt(path: Path) -> str | None:
        try:
            read(path)
        except DataError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for problem in pool.map(attempt, paths) if problem is not None]
