"""Attribute files: which pictures have which attributes, as CelebA lists them or as a spreadsheet exports them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from img2imgkit.errors import DataError
from img2imgkit.files import read_text

_VALUES: Mapping[str, float] = {"1": 1.0, "0": 0.0, "-1": 0.0}
MAX_BYTES = 256 << 20  # of an attribute file; CelebA's, of 200,000 pictures, has 27 MB
_SEPARATORS = ("\t", ";", ",")
Row = tuple[int, list[str]]  # line number and cells


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
    """Read an attribute file: a line of names, then one line per picture.

    Cells are separated by tabs, semicolons or commas by the rules of CSV (RFC 4180), or by white space as in CelebA's
    ``list_attr_celeba.txt``; cells with a separator in them are quoted. A first line that contains only the number of
    pictures is skipped, and the column of pictures may have a name.

    Raises:
        DataError: the file cannot be read, a line is malformed, or a name occurs twice.
    """
    rows = _rows(path, _text(path))
    if len(rows) < 2:
        raise DataError(f"{path}: expected a line with the names of the attributes, then a line per picture")
    (_, names), *rows = rows
    widths = [len(cells) for _, cells in rows]
    if widths.count(len(names)) > widths.count(len(names) + 1):  # the column of pictures has a name as well
        names = names[1:]
    if twice := next((name for number, name in enumerate(names) if name in names[:number]), None):
        raise DataError(f"{path}: the attribute {twice!r} occurs twice")
    lines: dict[str, tuple[int, tuple[float, ...]]] = {}
    for number, cells in rows:
        if cells[0] in lines:
            raise DataError(f"{path}:{number}: {cells[0]} is already listed in line {lines[cells[0]][0]}")
        lines[cells[0]] = (number, _values(path, number, cells, names))
    return Attributes(tuple(names), lines)


def _text(path: Path) -> str:
    try:
        return read_text(path, MAX_BYTES).removeprefix("\ufeff")  # spreadsheets write a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise DataError(f"{path}: cannot be read: {reason}") from error


def _rows(path: Path, text: str) -> list[Row]:
    """Split a file into rows by the first separator that gives all of them a fitting number of cells."""
    for separator in _SEPARATORS:
        try:
            rows = _counted(_separated(text, separator))
        except csv.Error:
            continue
        widths = {len(cells) for _, cells in rows[1:]}
        if len(widths) == 1 and min(widths) > 1 and len(rows[0][1]) in (min(widths), min(widths) - 1):
            return rows
    if most := _commonest(text):
        try:
            return _counted(_separated(text, most))
        except csv.Error as error:
            raise DataError(f"{path}: is no valid CSV: {error}") from error
    return _spaced(path, text)


def _commonest(text: str) -> str:
    """The separator that a file without white space between its cells seems to have; "" if there is none."""
    lines = [line for line in text.splitlines() if line.strip()]
    return next((each for each in _SEPARATORS if lines and all(each in line for line in lines[1:])), "")


def _separated(text: str, separator: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    for row in reader:
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            del cells[-1]
        if cells:
            yield reader.line_num, cells


def _spaced(path: Path, text: str) -> list[Row]:
    """Split lines at white space. Names with spaces are quoted, or end where the values begin."""
    words = _counted((n, line.split()) for n, line in enumerate(text.splitlines(), 1) if line.strip())
    if not words:
        return []
    lines = dict(enumerate(text.splitlines(), 1))
    (first, header), *rows = words
    counts = (len(header), len(header) - 1)
    count = max(counts, key=lambda values: sum(all(word in _VALUES for word in w[-values:]) for _, w in rows))
    return [(first, header), *((number, _cells(path, number, lines[number], count)) for number, _ in rows)]


def _cells(path: Path, number: int, line: str, values: int) -> list[str]:
    if line.lstrip().startswith('"'):
        name, closed, rest = line.lstrip()[1:].partition('"')
        if not closed:
            raise DataError(f"{path}:{number}: the quotation mark is not closed")
        return [name, *rest.split()]
    words = line.split()
    if len(words) > values + 1 > 1 and words[-values - 1] not in _VALUES:
        return line.rsplit(maxsplit=values)
    return words


def _counted(rows: Iterator[Row] | Sequence[Row]) -> list[Row]:
    """The rows without a first one that contains only the number of pictures."""
    found = list(rows)
    if found and len(found[0][1]) == 1 and found[0][1][0].isdecimal():
        del found[0]
    return found


def _values(path: Path, number: int, cells: Sequence[str], names: Sequence[str]) -> tuple[float, ...]:
    if len(cells) != len(names) + 1:
        raise DataError(f"{path}:{number}: expected a file name and {len(names)} values, got {len(cells)} words")
    wrong = next((cell for cell in cells[1:] if cell not in _VALUES), None)
    if wrong is not None:
        raise DataError(f"{path}:{number}: expected the values 1, 0 or -1, got {wrong!r}")
    return tuple(_VALUES[cell] for cell in cells[1:])
