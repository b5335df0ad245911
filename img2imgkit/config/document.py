"""A YAML file as plain data that still knows where each part of it was written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from img2imgkit.config.names import KeyPath, dotted
from img2imgkit.config.yaml12 import plain
from img2imgkit.errors import ConfigError, Problem


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data, and where each of its nodes stands."""

    data: Any
    file: str = ""
    marks: Mapping[KeyPath, tuple[int, int]] = field(default_factory=dict)
    overridden: frozenset[KeyPath] = frozenset()

    def problem(self, key: KeyPath, message: str) -> Problem:
        """A problem at ``key``, or at its nearest ancestor that the file states."""
        if self._is_overridden(key):
            return Problem(message, dotted(key), "--set")
        at = key
        while at and at not in self.marks:
            at = at[:-1]
        line, column = self.marks.get(at, (0, 0))
        return Problem(message, dotted(key), self.file, line, column)

    def base(self, key: KeyPath) -> Path:
        """The folder that a relative path at ``key`` starts from: the file's, or the current one for ``--set``."""
        if self._is_overridden(key) or not self.file:
            return Path.cwd()
        return Path(self.file).absolute().parent

    def _is_overridden(self, key: KeyPath) -> bool:
        return any(key[:length] in self.overridden for length in range(1, len(key) + 1))

    def with_overrides(self, assignments: Iterable[str]) -> Document:
        """Apply ``a.0.b=value`` assignments; each value is read as YAML.

        Raises:
            ConfigError: an assignment has no ``=``, leads through something that is no mapping or list, or its value is
                no YAML.
        """
        data = json.loads(json.dumps(self.data))
        done = set(self.overridden)
        for text in assignments:
            dots, equals, value = text.partition("=")
            if not equals or not dots:
                raise ConfigError(f"--set {text}: expected KEY=VALUE, such as steps.1.with.tile=256")
            key = tuple(int(part) if part.isdecimal() else part for part in dots.split("."))
            _assign(data, key, _value(text, value), text)
            done.add(key)
        return Document(data, self.file, self.marks, frozenset(done))


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


def _value(assignment: str, text: str) -> Any:
    """The value of one ``--set``."""
    try:
        return plain(text)[0]
    except (yaml.YAMLError, RecursionError) as error:
        reason = getattr(error, "problem", None) or error
        raise ConfigError(f"--set {assignment}: no valid YAML: {reason}") from error


def _assign(data: Any, key: KeyPath, value: Any, text: str) -> None:
    for depth, part in enumerate(key):
        last = depth == len(key) - 1
        if isinstance(data, list) and isinstance(part, int):
            if part >= len(data):
                raise ConfigError(f"--set {text}: {dotted(key[:depth])} has {len(data)} entries, none is number {part}")
        elif isinstance(data, dict) and isinstance(part, str):
            if not last and data.get(part) is None:
                data[part] = {}
        else:
            raise ConfigError(f"--set {text}: nothing can be set at {dotted(key[: depth + 1])!r}")
        if last:
            data[part] = value
        else:
            data = data[part]
