"""A YAML file as plain data that still knows where each part of it was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from img2imgkit.config.names import KeyPath, dotted, key_path
from img2imgkit.config.yaml12 import plain
from img2imgkit.errors import ConfigError, Problem


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data, and where each of its nodes is written.

    Attributes:
        marks: line and column of each node
        overridden: the keys whose values replace those of the file, and what messages call the place of those values
    """

    data: Any
    file: str = ""
    marks: Mapping[KeyPath, tuple[int, int]] = field(default_factory=dict)
    overridden: Mapping[KeyPath, str] = field(default_factory=dict)

    def problem(self, key: KeyPath, message: str) -> Problem:
        """A problem at ``key``, or at its nearest ancestor that the file states."""
        if source := self._override_of(key):
            return Problem(message, dotted(key), source)
        at = key
        while at and at not in self.marks:
            at = at[:-1]
        line, column = self.marks.get(at, (0, 0))
        return Problem(message, dotted(key), self.file, line, column)

    def base(self, key: KeyPath) -> Path:
        """The folder that a relative path at ``key`` starts from: the file's, or the current one for overrides."""
        if self._override_of(key) or not self.file:
            return Path.cwd()
        return Path(self.file).absolute().parent

    def _override_of(self, key: KeyPath) -> str:
        """Where the value at ``key`` was stated, if not in the file."""
        places = (self.overridden.get(key[:length], "") for length in range(1, len(key) + 1))
        return next(filter(None, places), "")

    def with_values(self, values: Mapping[str, Any], source: str = "overrides") -> Document:
        """A copy in which other values stand at dotted keys such as ``steps.1.with.tile``; later ones win.

        Args:
            values: plain data, by dotted key
            source: what messages call the place where the values were stated

        Raises:
            ConfigError: a key leads through something that is neither a mapping nor a list.
        """
        data = deepcopy(self.data)
        keys = {dots: key_path(dots) for dots in values}
        for dots, value in values.items():
            if problem := _assign(data, keys[dots], deepcopy(value)):
                raise ConfigError(Problem(problem, dots, source))
        return Document(data, self.file, self.marks, {**self.overridden, **dict.fromkeys(keys.values(), source)})

    def with_overrides(self, stated: Iterable[str], source: str = "overrides") -> Document:
        """A copy with the values of assignments such as ``steps.1.with.tile=256``.

        Raises:
            ConfigError: as ``assignments`` and ``with_values`` do.
        """
        return self.with_values(assignments(stated, source, "steps.1.with.tile=256"), source)


def assignments(stated: Iterable[str], source: str, example: str) -> dict[str, Any]:
    """The values that ``KEY=VALUE`` texts state, by key; each value is read as YAML, and the last one of a key holds.

    Args:
        source: what messages call the place where they were stated, such as a command-line option
        example: an assignment that could stand there

    Raises:
        ConfigError: a text is no assignment, or its value is no YAML.
    """
    found: dict[str, Any] = {}
    for text in stated:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise ConfigError(f"{source} {text}: expected KEY=VALUE, such as {example}")
        found.pop(key, None)
        try:
            found[key] = parse_yaml(value).data
        except ConfigError as error:
            raise ConfigError(f"{source} {text}: {error.problems[0].message}") from None
    return found


def load_yaml(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        ConfigError: it cannot be read, is no YAML, or repeats a key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(Problem(f"cannot read it: {reason}", file=str(path))) from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, file: str = "") -> Document:
    """Read YAML text; ``file`` names it in errors."""
    try:
        data, marks = plain(text)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        line, column = (at.line + 1, at.column + 1) if at else (0, 0)
        raise ConfigError(Problem(f"no valid YAML: {error.problem}", "", file, line, column)) from error
    except (yaml.YAMLError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError(Problem(f"no valid YAML: {reason}", file=file)) from error
    return Document(data, file, marks)


def _assign(data: Any, key: KeyPath, value: Any) -> str:
    """Set one value in place; what is wrong with its key, if anything is."""
    for depth, part in enumerate(key):
        last = depth == len(key) - 1
        if isinstance(data, list) and isinstance(part, int):
            if part >= len(data):
                return f"{dotted(key[:depth])} has {len(data)} entries, none is number {part}"
        elif isinstance(data, dict) and isinstance(part, str):
            if not last and data.get(part) is None:
                data[part] = {}
        else:
            return f"nothing can be set at {dotted(key[: depth + 1])!r}"
        if last:
            data[part] = value
        else:
            data = data[part]
    return ""
