"""The folders that were opened: what the page reads or writes lies below one of them, with all links followed.

The page names a file by its root and a reference, the percent-encoded bytes of its path below the root, so that every
name that a file system allows can be asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from img2imgkit.errors import RequestError
from img2imgkit.images import is_hidden, is_image

MAX_REFERENCE = 12_000  # characters
MAX_LISTED = 100_000  # entries of one folder
INBOX, SAMPLES = "inbox", "samples"  # which are only read
SAMPLE_PICTURES = Path(__file__).with_name("samples")


@dataclass(frozen=True)
class Root:
    """A folder that was opened.

    Attributes:
        id: its name in requests
        folder: its path, with all links followed
    """

    id: str
    folder: Path

    @property
    def title(self) -> str:
        """Its name for people."""
        return shown(self.folder.name or str(self.folder))


@dataclass(frozen=True)
class Listing:
    """What a folder holds, each in natural order: names of subfolders and of pictures, and the count of other files."""

    folders: tuple[str, ...]
    pictures: tuple[str, ...]
    others: int


class Roots:
    """The opened folders by their ids.

    Args:
        folders: what the user opened
        inbox: the folder of uploads, which only the page's own requests name

    Raises:
        RequestError: one of them is no folder.
    """

    def __init__(self, folders: Iterable[Path], inbox: Path) -> None:
        unique = dict.fromkeys(map(_existing, folders))
        self.opened = tuple(Root(str(number), folder) for number, folder in enumerate(unique))
        read = (Root(INBOX, inbox.resolve()), Root(SAMPLES, SAMPLE_PICTURES.resolve()))
        self._known: Mapping[str, Root] = {root.id: root for root in (*self.opened, *read)}

    def path(self, root: Any, reference: Any) -> Path:
        """The path of what exists below a root, with all links followed.

        Raises:
            RequestError: there is no such root or path, or it leads out of the root.
        """
        folder = self._root(root).folder
        return self._inside(folder, folder / self._relative(reference), strict=True)

    def new_path(self, root: Any, reference: Any) -> Path:
        """The path of a folder that may be written, and may not exist yet.

        Raises:
            RequestError: it leads out of the root, or is a file; or the root is only read.
        """
        if root in (INBOX, SAMPLES):
            raise RequestError("nothing is kept there: choose a folder that you opened for the outputs", 409)
        folder = self._root(root).folder
        path = self._inside(folder, folder / self._relative(reference), strict=False)
        if path.exists() and not path.is_dir():
            raise RequestError(f"{shown(path)}: is a file, not a folder", 409)
        return path

    def holds(self, path: Path) -> bool:
        """Whether a path, with all links followed, lies below a root."""
        try:
            resolved = path.resolve()
        except (OSError, RuntimeError):
            return False
        return any(resolved.is_relative_to(root.folder) for root in self._known.values())

    def root_of(self, root: Any) -> Root:
        """The opened folder of that id. Raises RequestError: there is none."""
        return self._root(root)

    def _root(self, root: Any) -> Root:
        if not isinstance(root, str) or root not in self._known:
            raise RequestError("this folder is not open", 404)
        return self._known[root]

    @staticmethod
    def _relative(reference: Any) -> str:
        if not isinstance(reference, str) or len(reference) > MAX_REFERENCE:
            raise RequestError("a path is a text", 400)
        relative = os.fsdecode(unquote_to_bytes(reference))
        if "\0" in relative or relative.startswith(("/", "\\")) or Path(relative).is_absolute():
            raise RequestError("a path is stated below an opened folder", 400)
        return relative

    @staticmethod
    def _inside(root: Path, path: Path, strict: bool) -> Path:
        try:
            resolved = path.resolve(strict=strict)
        except (OSError, RuntimeError, ValueError):  # RuntimeError: a circle of links
            raise RequestError("no such file or folder", 404) from None
        if not resolved.is_relative_to(root):
            raise RequestError("this path leads out of the opened folder", 403)
        return resolved


def reference_of(path: Path, root: Path) -> str:
    """The reference of a path below a root."""
    return quote(os.fsencode(path.relative_to(root)).replace(os.fsencode(os.sep), b"/"))


def name_reference(name: str) -> str:
    """The reference of a name in a folder."""
    return quote(os.fsencode(name))


def shown(text: object) -> str:
    """A text that JSON can carry: bytes of names that are not UTF-8 are written as escapes."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def listing(folder: Path) -> Listing:
    """What a folder holds; hidden files are left out. Raises RequestError: it cannot be read, or holds too much."""
    folders, pictures, others = [], [], 0
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                if count >= MAX_LISTED:
                    raise RequestError(f"{shown(folder)}: holds more than {MAX_LISTED:,} files", 413)
                if is_hidden(entry.name):
                    continue
                if _is_folder(entry):
                    folders.append(entry.name)
                elif is_image(entry.name):
                    pictures.append(entry.name)
                else:
                    others += 1
    except OSError as error:
        raise RequestError(f"{shown(folder)}: {error.strerror}", 403) from None
    return Listing(tuple(sorted(folders, key=_natural)), tuple(sorted(pictures, key=_natural)), others)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _natural(name: str) -> tuple[Any, ...]:
    """A key that sorts 2.png before 10.png."""
    parts: list[tuple[int, Any]] = []
    digits = ""
    for character in f"{name.casefold()}\0":
        if character.isascii() and character.isdigit():
            digits += character
            continue
        if digits:
            parts.append((0, int(digits)))
            digits = ""
        parts.append((1, character))
    return (*parts, (1, name))


def _existing(folder: Path) -> Path:
    try:
        resolved = folder.resolve(strict=True)
    except (OSError, RuntimeError):
        raise RequestError(f"{shown(folder)}: no such folder", 404) from None
    if not resolved.is_dir():
        raise RequestError(f"{shown(folder)}: is not a folder", 404)
    return resolved
