"""The folder of a probe: which pictures have which role."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from img2imgkit.config import suggestion
from img2imgkit.data.folders import name_in
from img2imgkit.data.matching import EQUAL_NAMES, NameRule, shortened
from img2imgkit.data.picture_files import list_pictures, raise_problems
from img2imgkit.data_kind import Arrays
from img2imgkit.errors import DataError
from img2imgkit.images import is_picture

Found = TypeVar("Found")


def by_role(folder: Path, roles: Sequence[str], rule: NameRule = EQUAL_NAMES) -> list[tuple[str, dict[str, Path]]]:
    """List a probe folder: the name of each entry, and its pictures by role.

    If the folder has subfolders named after roles, the first role must have one, and pictures are matched by name.
    Otherwise all pictures have the first role.

    Raises:
        DataError: the folder does not exist, or contains no picture of the first role; it has subfolders or pictures
            besides those of the roles; or pictures of another role have none of the first one.
    """
    there = [role for role in roles if (folder / role).is_dir()]
    raise_problems(_misplaced(folder, roles, there))
    if not there:
        return [(name_in(folder, path), {roles[0]: path}) for path in list_pictures([folder])]
    keyed = {role: _keyed(folder / role, role, rule) for role in there}
    raise_problems([line for role in there[1:] for line in _unmatched(folder, roles[0], role, keyed, rule)])
    return [(key, {role: keyed[role][key] for role in there if key in keyed[role]}) for key in keyed[roles[0]]]


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


def _misplaced(folder: Path, roles: Sequence[str], there: Sequence[str]) -> list[str]:
    """Subfolders that are no roles, or probably misspelt ones, and pictures beside the subfolders."""
    if not folder.is_dir():
        return []  # reported when it is searched
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    others = [path.name for path in inside if path.is_dir() and path.name not in roles]
    known = f"expected {', '.join(roles)}"
    if not there:
        meant = {name: suggestion(name, roles) for name in others}
        return [f"probe {folder}: unknown subfolder {name!r}{near}; {known}" for name, near in meant.items() if near]
    problems = [f"probe {folder}: unknown subfolder {name!r}{suggestion(name, roles)}; {known}" for name in others]
    if roles[0] not in there:
        problems.append(f"probe {folder}: has a subfolder {there[0]!r}, but none {roles[0]!r} with the inputs")
    if loose := [path.name for path in inside if path.is_file() and is_picture(path)]:
        problems.append(f"probe {folder}: pictures outside of the subfolders, such as {loose[0]}; {known}")
    return problems


def _keyed(folder: Path, role: str, rule: NameRule) -> dict[str, Path]:
    found: dict[str, Path] = {}
    problems = []
    for path in list_pictures([folder]):
        key = rule.key(role, name_in(folder, path))
        if key is None:
            problems.append(f"{path}: does not fit {rule.patterns[role]!r}, the name of a {role}")
        elif key in found:
            problems.append(f"{path}: has the same name as {found[key].name}; keep one of them")
        else:
            found[key] = path
    raise_problems(shortened(problems, "pictures with such names"))
    return found


def _unmatched(
    folder: Path, first: str, role: str, keyed: Mapping[str, Mapping[str, Path]], rule: NameRule
) -> list[str]:
    """Pictures of a role that have none of the first role; the other way round, the truth may be unknown."""
    lines = [
        f"probe: {path}: no {first} found; expected {folder / first / rule.expected(first, key)}.*"
        for key, path in keyed[role].items()
        if key not in keyed[first]
    ]
    return shortened(lines, f"pictures of the probe without a {first}")
