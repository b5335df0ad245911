"""Match the pictures of several folders by name: equal names, patterns of names, and what to say about the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from img2imgkit.config import Config, suggestion
from img2imgkit.data.folders import PictureFolder, name_in
from img2imgkit.data.headers import Header
from img2imgkit.data_kind import OptionProblems

_SHOWN = 3  # pictures of one kind of problem that are named; the others are counted
Matches = list[tuple[str, tuple[Path, ...]]]


@dataclass(frozen=True)
class NameRule:
    """Which pictures belong together: those whose relative paths without suffix have the same key.

    Attributes:
        patterns: by role, a pattern of the file name without suffix; "*" is the part that is the key
        ignore_case: whether upper and lower case are equal
    """

    patterns: Mapping[str, str] = field(default_factory=dict)
    ignore_case: bool = False

    def key(self, role: str, name: str) -> str | None:
        """Return the key of a picture; None if its name does not fit the role's pattern.

        >>> NameRule({"source": "*_A"}).key("source", "street/1_A")
        'street/1'
        """
        folder, slash, last = name.rpartition("/")
        start, _, end = self.patterns.get(role, "*").partition("*")
        name, start, end = (each.casefold() if self.ignore_case else each for each in (last, start, end))
        if len(name) <= len(start) + len(end) or not (name.startswith(start) and name.endswith(end)):
            return None
        folder = folder.casefold() if self.ignore_case else folder
        return f"{folder}{slash}{name[len(start) : len(name) - len(end)]}"

    def expected(self, role: str, key: str) -> str:
        """The name without suffix of the picture of a role that has this key."""
        folder, slash, last = key.rpartition("/")
        return f"{folder}{slash}{self.patterns.get(role, '*').replace('*', last)}"


EQUAL_NAMES = NameRule()


class MatchedOptions(Config):
    """Options of data kinds that match the pictures of several folders."""

    matched: ClassVar[tuple[str, ...]] = ()  # the roles of the folders

    names: dict[str, str] = Field(
        default_factory=dict,
        description="patterns of file names without suffix by role, for names that differ, such as "
        '{source: "*_A", target: "*_B"}; "*" is what matching names have in common',
    )
    ignore_case: bool = Field(default=False, description="match names without regard to upper and lower case")

    @property
    def rule(self) -> NameRule:
        """Which pictures belong together."""
        return NameRule(self.names, self.ignore_case)

    def name_problems(self) -> OptionProblems:
        """Patterns that are malformed, or are of no role."""
        found: OptionProblems = []
        for role, pattern in self.names.items():
            if role not in self.matched:
                near = suggestion(role, self.matched)
                found.append((f"names.{role}", f"no such pictures{near}; expected one of {', '.join(self.matched)}"))
            elif pattern.count("*") != 1 or "/" in pattern:
                found.append((f"names.{role}", f"expected a file name with one '*', such as '*_A', got {pattern!r}"))
        return found


def fitting(
    folders: Sequence[PictureFolder], rule: NameRule, problems: list[str], notes: list[str]
) -> list[PictureFolder]:
    """Return the folders with the pictures that fit the pattern of their title.

    The others are added to ``notes``, a folder in which none fits to ``problems``. A title without a pattern gets those
    pictures of its folder that fit no pattern of the titles that share the folder.
    """
    if not rule.patterns:
        return list(folders)
    found = [_fitting(folder, [each.title for each in folders if each.root == folder.root], rule) for folder in folders]
    for folder, rest in zip(folders, found, strict=True):
        if folder.paths and not rest.paths:
            pattern = rule.patterns.get(folder.title, "*")
            problems.append(f"{folder.root}: contains no {folder.title}; expected names like {pattern!r}")
    for root in dict.fromkeys(folder.root for folder in folders):
        pictures = {path for folder in folders if folder.root == root for path in folder.paths}
        if ignored := sorted(pictures - {path for folder in found for path in folder.paths}):
            notes.append(f"{root}: pictures that fit no pattern of 'names' are ignored: {_named(ignored)}")
    return found


def _fitting(folder: PictureFolder, titles: Sequence[str], rule: NameRule) -> PictureFolder:
    def fits(path: Path) -> bool:
        name = name_in(folder.root, path)
        if folder.title in rule.patterns:
            return rule.key(folder.title, name) is not None
        return all(rule.key(title, name) is None for title in titles if title in rule.patterns)

    paths = [path for path in folder.paths if fits(path)]
    headers = {path: folder.headers[path] for path in paths if path in folder.headers}
    return replace(folder, paths=paths, headers=headers)


def match_by_name(folders: Sequence[PictureFolder], problems: list[str], rule: NameRule = EQUAL_NAMES) -> Matches:
    """Match the pictures of several folders by name; their titles are the roles of the rule.

    Names that a folder lacks, and sizes that differ, are added to ``problems``: a few of each kind, and the number of
    the others.

    Returns:
        key and paths, one of each folder, of every complete match
    """
    keyed = [_keyed(folder, rule, problems) for folder in folders]
    keys = sorted({key for each in keyed for key in each})
    for folder, each in zip(folders, keyed, strict=True):
        if folder.paths:
            lacking = [next(other[key] for other in keyed if key in other) for key in keys if key not in each]
            expected = [rule.expected(folder.title, key) for key in keys if key not in each]
            problems += _missing(folder, lacking, expected)
    if any(key not in each for each in keyed for key in keys):
        problems += _way_out([(f, e) for f, e in zip(folders, keyed, strict=True) if f.paths], rule)
    found = [(key, tuple(each[key] for each in keyed)) for key in keys if all(key in each for each in keyed)]
    return _of_one_size(folders, found, problems)


def _keyed(folder: PictureFolder, rule: NameRule, problems: list[str]) -> dict[str, Path]:
    """Return the pictures of a folder by key. Two pictures with the same key are a problem."""
    found: dict[str, Path] = {}
    twice = []
    for path in folder.paths:
        key = rule.key(folder.title, name_in(folder.root, path))
        if key in found:
            twice.append(f"{found[key]}: has the same name as {path.name}; keep one of them")
        if key is not None:
            found[key] = path
    problems += shortened(twice, "pictures with the name of another one")
    return found


def _missing(folder: PictureFolder, lacking: Sequence[Path], expected: Sequence[str]) -> list[str]:
    each = [
        f"{path}: no {folder.title} found; expected {folder.root / name}.*"
        for path, name in zip(lacking, expected, strict=True)
    ]
    return shortened(each, f"pictures without a {folder.title} in {folder.root}")


def _way_out(keyed: Sequence[tuple[PictureFolder, Mapping[str, Path]]], rule: NameRule) -> list[str]:
    """Return a line on how most names could match, if a simple rule would do."""
    names = {folder.title: {name_in(folder.root, path) for path in each.values()} for folder, each in keyed}
    if len(names) < 2 or _matching(names, rule) > 0.5:
        return []
    if not rule.ignore_case and _matching(names, replace(rule, ignore_case=True)) > 0.5:
        return ["data.ignore_case: the names differ only in upper and lower case; set it to true"]
    patterns = {title: _pattern(each) for title, each in names.items()}
    if not rule.patterns and _matching(names, NameRule(patterns, rule.ignore_case)) > 0.5:
        stated = ", ".join(f'{title}: "{pattern}"' for title, pattern in patterns.items())
        return [f"data.names: these patterns would match most names: {{{stated}}}"]
    return []


def _matching(names: Mapping[str, set[str]], rule: NameRule) -> float:
    """The share of the names of all folders that match under a rule."""
    keys = [{rule.key(title, name) for name in each} for title, each in names.items()]
    return len(set.intersection(*keys)) / max(1, len(set.union(*keys)))


def _pattern(names: set[str]) -> str:
    """The pattern of the file names that end in the same way after "_" or "-"; "*" if they do not."""
    ends = _common_end([name.rpartition("/")[2] for name in names])
    cut = min((place for mark in "_-" if (place := ends.find(mark)) >= 0), default=len(ends))
    return f"*{ends[cut:]}"


def _common_end(names: Sequence[str]) -> str:
    least, most = min(reversed_names := [name[::-1] for name in names]), max(reversed_names)
    length = next((n for n, (one, other) in enumerate(zip(least, most, strict=False)) if one != other), len(least))
    return least[:length][::-1]


def _of_one_size(folders: Sequence[PictureFolder], found: Matches, problems: list[str]) -> Matches:
    """Return the matches whose headers could be read and state the same size; other sizes are problems."""
    good, different = [], []
    for key, paths in found:
        if all(path in folder.headers for path, folder in zip(paths, folders, strict=True)):
            problem = _size_mismatch(paths, [folder.headers[path] for path, folder in zip(paths, folders, strict=True)])
            if problem:
                different.append(problem)
            else:
                good.append((key, paths))
    problems += shortened(different, "pictures of another size than their counterparts")
    return good


def _size_mismatch(paths: Sequence[Path], headers: Sequence[Header]) -> str:
    first = headers[0]
    for path, other in zip(paths[1:], headers[1:], strict=True):
        if (other.width, other.height) != (first.width, first.height):
            return f"{path}: is {other.width}x{other.height}, but {paths[0]} is {first.width}x{first.height}"
    return ""


def shortened(lines: Sequence[str], what: str) -> list[str]:
    """Return the first few lines, and one with the number of the others."""
    if len(lines) <= _SHOWN + 1:
        return list(lines)
    return [*lines[:_SHOWN], f"... and {len(lines) - _SHOWN} more {what}"]


def _named(paths: Sequence[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_SHOWN])
    return f"{names} and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else names
