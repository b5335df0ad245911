"""Pictures by domain: one subfolder per domain, or an attribute file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from img2imgkit.config import suggestion
from img2imgkit.data.attribute_files import read_attributes
from img2imgkit.data.folders import PictureFolder, scan
from img2imgkit.errors import DataError
from img2imgkit.images import is_picture

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
    loose = sum(path.is_file() and is_picture(path) for path in folder.iterdir())
    if loose:
        notes.append(f"{folder}: {loose} pictures outside of the subfolders are ignored")
    found = [scan(name, folder / name, problems) for name in selected or there if name in there]
    notes += [f"{domain.root}: contains only one picture" for domain in found if len(domain.paths) == 1]
    return found


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
