"""Folders of pictures by name: their headers, which of them belong together, and whether each can be decoded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from img2imgkit.data.headers import Header, header
from img2imgkit.data.picture_files import contents_of, find_pictures, list_pictures, read_levels, raise_problems
from img2imgkit.data_kind import Arrays, Contents
from img2imgkit.errors import DataError

Found = TypeVar("Found")


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of one folder and below.

    Attributes:
        title: what they are to the reader, such as "source"
        root: the folder
        paths: every picture file
        headers: of those that could be read
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
        """What the headers say."""
        sizes = [(each.width, each.height) for each in self.headers.values()]
        return contents_of(self.title, sizes, (each.mode for each in self.headers.values()))

    @cached_property
    def by_name(self) -> dict[str, Path]:
        """Each picture by its path below the folder, without its suffix."""
        return {name_in(self.root, path): path for path in self.paths}

    def namesakes(self) -> list[str]:
        """A problem for each two pictures of one name."""
        return [
            f"{path}: has the same name as {self.by_name[name_in(self.root, path)].name}; keep one of them"
            for path in self.paths
            if self.by_name[name_in(self.root, path)] != path
        ]


def name_in(root: Path, path: Path) -> str:
    """A picture's path below a folder, without its suffix."""
    return path.relative_to(root).with_suffix("").as_posix()


def scan(title: str, root: Path, problems: list[str]) -> PictureFolder:
    """The pictures of a folder; what is wrong with it or with a header is added to ``problems``."""
    paths = find_pictures([root], problems)
    return PictureFolder(title, root, paths, headers_of(paths, problems))


def headers_of(paths: Iterable[Path], problems: list[str]) -> dict[Path, Header]:
    """The headers of pictures, without those that cannot be read, which are added to ``problems``."""
    found = {}
    for path in paths:
        try:
            found[path] = header(path)
        except DataError as error:
            problems.append(str(error))
    return found


def match_by_name(folders: Sequence[PictureFolder], problems: list[str]) -> list[tuple[str, tuple[Path, ...]]]:
    """Name and one picture of each folder, for each name that all folders have, where sizes are the same.

    Names that a folder lacks and sizes that differ are added to ``problems``.
    """
    problems += [problem for folder in folders for problem in folder.namesakes()]
    names = dict.fromkeys(name for folder in folders for name in folder.by_name)
    found = []
    for name in sorted(names):
        there = {folder.title: folder.by_name[name] for folder in folders if name in folder.by_name}
        lacking = [folder for folder in folders if folder.title not in there and folder.paths]
        some = next(iter(there.values()))
        problems += [f"{some}: has no {folder.title}; expected {folder.root / name}.*" for folder in lacking]
        paths = tuple(there.values())
        if len(paths) == len(folders) and all(
            path in folder.headers for path, folder in zip(paths, folders, strict=True)
        ):
            headers = [folder.headers[path] for path, folder in zip(paths, folders, strict=True)]
            if unlike := _unlike(paths, headers):
                problems.append(unlike)
            else:
                found.append((name, paths))
    return found


def _unlike(paths: Sequence[Path], headers: Sequence[Header]) -> str:
    first = headers[0]
    for path, other in zip(paths[1:], headers[1:], strict=True):
        if (other.width, other.height) != (first.width, first.height):
            return f"{path}: is {other.width}x{other.height}, but {paths[0]} is {first.width}x{first.height}"
    return ""


def by_role(folder: Path, roles: Sequence[str]) -> list[tuple[str, dict[str, Path]]]:
    """Name and pictures by role of everything in a probe folder.

    Where the folder has a subfolder named as the first role, each role has such a subfolder or none, and pictures
    belong together by name; otherwise every picture is one of the first role.

    Raises:
        DataError: the folder is not there, or there is no picture of the first role.
    """
    if not (folder / roles[0]).is_dir():
        return [(name_in(folder, path), {roles[0]: path}) for path in list_pictures([folder])]
    there = [role for role in roles if (folder / role).is_dir()]
    names = {role: {name_in(folder / role, path): path for path in list_pictures([folder / role])} for role in there}
    return [(name, {role: names[role][name] for role in there if name in names[role]}) for name in names[roles[0]]]


def probe_batches(found: Iterable[tuple[str, Found]], make: Callable[[Found], Arrays]) -> list[tuple[str, Arrays]]:
    """Name and batch of everything in a probe folder.

    Raises:
        DataError: all that ``make`` refuses.
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
    """A problem for each picture that cannot be decoded."""

    return problems_in(paths, lambda path: read_levels(path, channels))


def problems_in(paths: Iterable[Path], read: Callable[[Path], Any]) -> list[str]:
    """What ``read`` refuses, picture by picture in their order; several threads call it."""

    def attempt(path: Path) -> str | None:
        try:
            read(path)
        except DataError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for problem in pool.map(attempt, paths) if problem is not None]
