"""A YAML file as plain data, with the line and column of each node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from img2imgkit.config.names import KeyPath, dotted, key_path
from img2imgkit.config.yaml12 import MAX_BYTES, plain
from img2imgkit.errors import ConfigError, Problem
from img2imgkit.files import read_text


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data, with the line and column of each node.

    Attributes:
        marks: line and column of each node
        overridden: keys whose values override the file's, with the source of the override as messages name it
    """

    data: Any
    file: str = ""
    marks: Mapping[KeyPath, tuple[int, int]] = field(default_factory=dict)
    overridden: Mapping[KeyPath, str] = field(default_factory=dict)

    def problem(self, key: KeyPath, message: str, model_file: Path | None = None) -> Problem:
        """A problem located at ``key``, or at its nearest ancestor in the file."""
        if source := self._override_of(key):
            return Problem(message, dotted(key), source, model_file=model_file)
        at = key
        while at and at not in self.marks:
            at = at[:-1]
        line, column = self.marks.get(at, (0, 0))
        return Problem(message, dotted(key), self.file, line, column, model_file)

    def base(self, key: KeyPath) -> Path:
        """The base folder of relative paths at ``key``: the file's folder, or the current one for overrides."""
        if self._override_of(key) or not self.file:
            return Path.cwd()
        return Path(self.file).absolute().parent

    def _override_of(self, key: KeyPath) -> str:
        """The source of an override at ``key``; "" if the value is the file's."""
        sources = (self.overridden.get(key[:length], "") for length in range(1, len(key) + 1))
        return next(filter(None, sources), "")

    def with_values(self, values: Mapping[str, Any], source: str = "overrides") -> Document:
        """Return a copy with other values at dotted keys such as ``steps.1.with.tile``; later ones win.

        Args:
            values: plain data by dotted key
            source: the name of these overrides in messages

        Raises:
            ConfigError: a key passes through a value that is neither a mapping nor a list.
        """
        data = deepcopy(self.data)
        keys = {dots: key_path(dots) for dots in values}
        for dots, value in values.items():
            if problem := _assign(data, keys[dots], deepcopy(value)):
                raise ConfigError(Problem(problem, dots, source))
        return Document(data, self.file, self.marks, {**self.overridden, **dict.fromkeys(keys.values(), source)})

    def with_overrides(self, stated: Iterable[str], source: str = "overrides") -> Document:
        """Return a copy with the values of assignments such as ``steps.1.with.tile=256``.

        Raises:
            ConfigError: see ``assignments`` and ``with_values``.
        """
        return self.with_values(assignments(stated, source, "steps.1.with.tile=256"), source)


def assignments(stated: Iterable[str], source: str, example: str) -> dict[str, Any]:
    """Parse ``KEY=VALUE`` texts; values are YAML, and the last value of a key wins.

    Args:
        source: the name of the source in messages, such as a command-line option
        example: an example assignment, for messages

    Raises:
        ConfigError: a text is not an assignment, or its value is not valid YAML.
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
        ConfigError: it cannot be read, is not a regular file, has more than 1 MiB, is not valid YAML, or repeats a key.
    """
    try:
        text = read_text(path, MAX_BYTES)
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
        raise ConfigError(Problem(f"invalid YAML: {error.problem}", "", file, line, column)) from error
    except (yaml.YAMLError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError(Problem(f"invalid YAML: {reason}", file=file)) from error
    return Document(data, file, marks)


def _assign(data: Any, key: KeyPath, value: Any) -> str:
    """Set one value in place. Return the problem with its key, or ""."""
    for depth, step in enumerate(key):
        last = depth == len(key) - 1
        if isinstance(data, list) and isinstance(step, int):
            if step >= len(data):
                return f"{dotted(key[:depth])} has {len(data)} entries; entry {step} does not exist (the first is 0)"
        elif isinstance(data, dict) and isinstance(step, str):
            if not last and data.get(step) is None:
                data[step] = {}
        else:
            return f"cannot set a value at {dotted(key[: depth + 1])!r}"
        if last:
            data[step] = value
        else:
            data = data[step]
    return ""
