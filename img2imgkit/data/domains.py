"""Pictures by domain: one subfolder each, or an attribute file as CelebA has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from img2imgkit.config import suggestion
from img2imgkit.data.folders import PictureFolder, scan
from img2imgkit.errors import DataError
from img2imgkit.images import is_image

_VALUES: Mapping[str, float] = {"1": 1.0, "0": 0.0, "-1": 0.0}
_MOST_UNKNOWN = 5  # a file that names another folder's pictures is told by a few of them


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures whose labels say the same things of them.

    Attributes:
        names: of the domains, or attributes, that labels hold
        folders: where the pictures lie
        labels: of each picture, a number for each name
    """

    names: tuple[str, ...]
    folders: Sequence[PictureFolder]
    labels: Mapping[Path, tuple[float, ...]]

    def size(self, path: Path) -> tuple[int, int]:
        """A picture's width and height."""
        width, height, _ = next(folder.headers[path] for folder in self.folders if path in folder.headers)
        return width, height


def labelled_pictures(
    folder: Path, attributes: Path | None, selected: Sequence[str], problems: list[str], notes: list[str]
) -> LabelledPictures:
    """The pictures of a folder with the labels that its subfolders give, or an attribute file.

    What keeps pictures from being used is added to ``problems``, what is odd to ``notes``.
    """
    if attributes is not None:
        pictures = scan("source", folder, problems)
        return LabelledPictures(
            tuple(selected), [pictures], attributed(attributes, selected, pictures, problems, notes)
        )
    domains = domains_in(folder, selected, problems, notes)
    rows = [tuple(float(other is domain) for other in domains) for domain in domains]
    labels = {path: row for domain, row in zip(domains, rows, strict=True) for path in domain.usable}
    return LabelledPictures(tuple(domain.title for domain in domains), domains, labels)


def domains_in(folder: Path, selected: Sequence[str], problems: list[str], notes: list[str]) -> list[PictureFolder]:
    """The subfolders of a folder in the order of their names, or those that are ``selected``, in that order."""
    if not folder.is_dir():
        problems.append(f"{folder}: no such folder")
        return []
    there = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(there) < 2:
        problems.append(f"{folder}: has {len(there)} subfolders; expected one for each of at least two domains")
    unknown = [name for name in selected if name not in there]
    problems += [f"{folder}: has no subfolder {name!r}{suggestion(name, there)}" for name in unknown]
    beside = sum(path.is_file() and is_image(path) for path in folder.iterdir())
    if beside:
        notes.append(f"{folder}: {beside} pictures lie beside the subfolders, and are left alone")
    found = [scan(name, folder / name, problems) for name in selected or there if name in there]
    notes += [f"{domain.root}: holds one picture" for domain in found if len(domain.paths) == 1]
    return found


@dataclass(frozen=True)
class Attributes:
    """An attribute file: which pictures have which attributes.

    Attributes:
        names: of the attributes
        lines: for each picture's name, the line it stands in and its values in the order of ``names``, 0 or 1
    """

    names: tuple[str, ...]
    lines: Mapping[str, tuple[int, tuple[float, ...]]]


def read_attributes(path: Path) -> Attributes:
    """Read CelebA's ``list_attr_celeba.txt`` or a file like it: names in one line, then a picture's values per line.

    Words are separated by spaces or commas; a first line with nothing but the count is passed over.

    Raises:
        DataError: it cannot be read, a line is none of these, or a name stands there twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets begin theirs with a mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise DataError(f"{path}: cannot be read: {reason}") from error
    rows = [(number, line.replace(",", " ").split()) for number, line in enumerate(text.splitlines(), 1)]
    rows = [(number, words) for number, words in rows if words]
    if rows and len(rows[0][1]) == 1 and rows[0][1][0].isdecimal():
        del rows[0]
    if len(rows) < 2:
        raise DataError(f"{path}: expected a line with names of attributes, and one for each picture")
    (_, names), *rows = rows
    if all(len(names) == len(words) for _, words in rows):  # the column of pictures has a name, too
        names = names[1:]
    if twice := next((name for number, name in enumerate(names) if name in names[:number]), None):
        raise DataError(f"{path}: has two attributes {twice!r}")
    lines: dict[str, tuple[int, tuple[float, ...]]] = {}
    for number, words in rows:
        if words[0] in lines:
            raise DataError(f"{path}:{number}: {words[0]} stands in line {lines[words[0]][0]} already")
        lines[words[0]] = (number, _values(path, number, words, names))
    return Attributes(tuple(names), lines)


def _values(path: Path, number: int, words: list[str], names: list[str]) -> tuple[float, ...]:
    if len(words) != len(names) + 1:
        raise DataError(f"{path}:{number}: expected a picture and {len(names)} values, got {len(words)} words")
    wrong = next((word for word in words[1:] if word not in _VALUES), None)
    if wrong is not None:
        raise DataError(f"{path}:{number}: a value is 1, 0 or -1, got {wrong!r}")
    return tuple(_VALUES[word] for word in words[1:])


def attributed(
    path: Path, selected: Sequence[str], folder: PictureFolder, problems: list[str], notes: list[str]
) -> dict[Path, tuple[float, ...]]:
    """The values of the selected attributes for each picture of a folder that an attribute file names."""
    try:
        stated = read_attributes(path)
    except DataError as error:
        problems.append(str(error))
        return {}
    unknown = [name for name in selected if name not in stated.names]
    problems += [f"{path}: has no attribute {name!r}{suggestion(name, stated.names)}" for name in unknown]
    if unknown:
        return {}
    columns = [stated.names.index(name) for name in selected]
    there = {picture.relative_to(folder.root).as_posix(): picture for picture in folder.paths}
    absent = [(number, name) for name, (number, _) in stated.lines.items() if name not in there]
    problems += [f"{path}:{number}: {name} is not in {folder.root}" for number, name in absent[:_MOST_UNKNOWN]]
    if len(absent) > _MOST_UNKNOWN:
        problems.append(f"{path}: {len(absent) - _MOST_UNKNOWN} more pictures are not in {folder.root}")
    if more := len(there.keys() - stated.lines.keys()):
        notes.append(f"{folder.root}: {more} pictures are not in {path.name}, and are left alone")
    found = {
        there[name]: tuple(values[column] for column in columns)
        for name, (_, values) in stated.lines.items()
        if there.get(name) in folder.headers
    }
    _count(path, selected, found, problems, notes)
    return found


def _count(
    path: Path, selected: Sequence[str], found: Mapping[Path, tuple[float, ...]], problems: list[str], notes: list[str]
) -> None:
    for name, values in zip(selected, zip(*found.values(), strict=True), strict=False):
        if not any(values):
            problems.append(f"{path}: no picture has the attribute {name!r}")
        elif sum(values) == 1:
            notes.append(f"{path}: one picture has the attribute {name!r}")
