"""Pictures by domain: one subfolder per domain, or an attribute file in the format of CelebA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from img2imgkit.config import suggestion
from img2imgkit.data.folders import PictureFolder, scan
from img2imgkit.errors import DataError
from img2imgkit.files import read_text
from img2imgkit.images import is_image

_VALUES: Mapping[str, float] = {"1": 1.0, "0": 0.0, "-1": 0.0}
MAX_BYTES = 256 << 20  # of an attribute file; CelebA's, of 200,000 pictures, has 27 MB
_MAX_UNKNOWN = 5  # a few are enough to recognise an attribute file of another folder


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures that share one set of domains or attributes.

    Attributes:
        names: the domains or attributes, in the order of the labels
        folders: the folders of the pictures
        labels: for each picture, one number per name
    """

    names: tuple[str, ...]
    folders: Sequence[PictureFolder]
    labels: Mapping[Path, tuple[float, ...]]

    def size(self, path: Path) -> tuple[int, int]:
        """Return a picture's width and height."""
        width, height, _ = next(folder.headers[path] for folder in self.folders if path in folder.headers)
        return width, height


def labelled_pictures(
    folder: Path, attributes: Path | None, selected: Sequence[str], problems: list[str], notes: list[str]
) -> LabelledPictures:
    """Read the pictures of a folder, labelled by its subfolders or by an attribute file.

    Errors are added to ``problems``, suspicious findings to ``notes``.
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
    """Scan the subfolders of a folder in the order of their names, or the ``selected`` ones in that order."""
    if not folder.is_dir():
        problems.append(f"{folder}: no such folder")
        return []
    there = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(there) < 2:
        problems.append(f"{folder}: contains {len(there)} subfolders; expected at least two, one per domain")
    unknown = [name for name in selected if name not in there]
    problems += [f"{folder}: no subfolder {name!r}{suggestion(name, there)}" for name in unknown]
    loose = sum(path.is_file() and is_image(path) for path in folder.iterdir())
    if loose:
        notes.append(f"{folder}: {loose} pictures outside of the subfolders are ignored")
    found = [scan(name, folder / name, problems) for name in selected or there if name in there]
    notes += [f"{domain.root}: contains only one picture" for domain in found if len(domain.paths) == 1]
    return found


@dataclass(frozen=True)
class Attributes:
    """The content of an attribute file.

    Attributes:
        names: the attributes
        lines: by picture name, its line number and its values, 0 or 1, in the order of ``names``
    """

    names: tuple[str, ...]
    lines: Mapping[str, tuple[int, tuple[float, ...]]]


def read_attributes(path: Path) -> Attributes:
    """Read an attribute file such as CelebA's ``list_attr_celeba.txt``: a line of names, then one line per picture.

    Words are separated by spaces or commas. A first line that contains only the number of pictures is skipped.

    Raises:
        DataError: the file cannot be read, a line is malformed, or a name occurs twice.
    """
    try:
        text = read_text(path, MAX_BYTES).removeprefix("\ufeff")  # spreadsheets write a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise DataError(f"{path}: cannot be read: {reason}") from error
    rows = [(number, line.replace(",", " ").split()) for number, line in enumerate(text.splitlines(), 1)]
    rows = [(number, words) for number, words in rows if words]
    if rows and len(rows[0][1]) == 1 and rows[0][1][0].isdecimal():
        del rows[0]
    if len(rows) < 2:
        raise DataError(f"{path}: expected a line with the names of the attributes, then a line per picture")
    (_, names), *rows = rows
    if all(len(names) == len(words) for _, words in rows):  # the column of pictures has a name as well
        names = names[1:]
    if twice := next((name for number, name in enumerate(names) if name in names[:number]), None):
        raise DataError(f"{path}: the attribute {twice!r} occurs twice")
    lines: dict[str, tuple[int, tuple[float, ...]]] = {}
    for number, words in rows:
        if words[0] in lines:
            raise DataError(f"{path}:{number}: {words[0]} is already listed in line {lines[words[0]][0]}")
        lines[words[0]] = (number, _values(path, number, words, names))
    return Attributes(tuple(names), lines)


def _values(path: Path, number: int, words: list[str], names: list[str]) -> tuple[float, ...]:
    if len(words) != len(names) + 1:
        raise DataError(f"{path}:{number}: expected a file name and {len(names)} values, got {len(words)} words")
    wrong = next((word for word in words[1:] if word not in _VALUES), None)
    if wrong is not None:
        raise DataError(f"{path}:{number}: expected the values 1, 0 or -1, got {wrong!r}")
    return tuple(_VALUES[word] for word in words[1:])


def attributed(
    path: Path, selected: Sequence[str], folder: PictureFolder, problems: list[str], notes: list[str]
) -> dict[Path, tuple[float, ...]]:
    """Return the selected attributes of each picture of a folder that the attribute file lists."""
    try:
        stated = read_attributes(path)
    except DataError as error:
        problems.append(str(error))
        return {}
    unknown = [name for name in selected if name not in stated.names]
    problems += [f"{path}: no attribute {name!r}{suggestion(name, stated.names)}" for name in unknown]
    if unknown:
        return {}
    columns = [stated.names.index(name) for name in selected]
    there = {picture.relative_to(folder.root).as_posix(): picture for picture in folder.paths}
    absent = [(number, name) for name, (number, _) in stated.lines.items() if name not in there]
    problems += [f"{path}:{number}: {name} is not in {folder.root}" for number, name in absent[:_MAX_UNKNOWN]]
    if len(absent) > _MAX_UNKNOWN:
        problems.append(f"{path}: {len(absent) - _MAX_UNKNOWN} more pictures are not in {folder.root}")
    if more := len(there.keys() - stated.lines.keys()):
        notes.append(f"{folder.root}: {more} pictures that are not listed in {path.name} are ignored")
    found = {
        there[name]: tuple(values[column] for column in columns)
        for name, (_, values) in stated.lines.items()
        if there.get(name) in folder.headers
    }
    _check_counts(path, selected, found, problems, notes)
    return found


def _check_counts(
    path: Path, selected: Sequence[str], found: Mapping[Path, tuple[float, ...]], problems: list[str], notes: list[str]
) -> None:
    for name, values in zip(selected, zip(*found.values(), strict=True), strict=False):
        if not any(values):
            problems.append(f"{path}: no picture has the attribute {name!r}")
        elif sum(values) == 1:
            notes.append(f"{path}: only one picture has the attribute {name!r}")
