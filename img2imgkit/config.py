"""Strict options and the YAML they are read from, with the line and column of every key.

YAML is read with the scalars of YAML 1.2: ``no`` is a string, ``1e-4`` a float. Values are then validated by strict
pydantic models, so ``true`` is no number and ``"1"`` neither.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from img2imgkit.errors import ConfigError, Problem

KeyPath = tuple[str | int, ...]
Model = TypeVar("Model", bound="Config")
MAX_NODES = 100_000


class Config(BaseModel):
    """Base of every option model: unknown keys and wrong types are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, ser_json_inf_nan="constants")


@dataclass(frozen=True)
class Location:
    """Marks a path option, ``Annotated[Path, Location()]``: relative to the file that states it.

    With ``or_name`` the option may also be a plain name, which stays as it is unless a file of that name is there.
    """

    or_name: bool = False

    def absolute(self, stated: str, base: Path) -> str:
        """The stated path made absolute."""
        path = base / Path(stated).expanduser()
        if self.or_name and not path.exists() and not re.search(r"[/\\]|^\.", stated):
            return stated
        return os.path.normpath(path)


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
            ConfigError: an assignment has no ``=``, or leads through something that is no mapping or list.
        """
        data = json.loads(json.dumps(self.data))
        done = set(self.overridden)
        for text in assignments:
            dots, equals, value = text.partition("=")
            if not equals or not dots:
                raise ConfigError(f"--set {text}: expected KEY=VALUE, such as steps.1.with.tile=256")
            key = tuple(int(part) if part.isdigit() else part for part in dots.split("."))
            _assign(data, key, _plain(yaml.compose(value, Loader=_Loader), (), {}), text)
            done.add(key)
        return Document(data, self.file, self.marks, frozenset(done))


def dotted(key: KeyPath) -> str:
    """``("steps", 0, "with")`` as users write it: ``steps.0.with``."""
    return ".".join(map(str, key))


def suggestion(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'tile'?"``, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


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
    marks: dict[KeyPath, tuple[int, int]] = {}
    try:
        data = _plain(yaml.compose(text, Loader=_Loader), (), marks)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        line, column = (at.line + 1, at.column + 1) if at else (0, 0)
        raise ConfigError(Problem(f"no valid YAML: {error.problem}", "", file, line, column)) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(Problem(f"no valid YAML: {error}", file=file)) from error
    return Document(data, file, marks)


def validate(model: type[Model], document: Document, at: KeyPath = (), data: Any = None) -> Model:
    """The ``model`` that the document states at ``at`` (or that ``data`` states in its place).

    Raises:
        ConfigError: every problem at once, each with line, column and the nearest known name.
    """
    if data is None:
        data = document.data
        for part in at:
            data = data[part]
    try:
        return model.model_validate_json(json.dumps({} if data is None else data))
    except ValidationError as error:
        problems = [_problem(model, document, at, each) for each in error.errors()]
        raise ConfigError(*sorted(problems, key=lambda problem: (problem.line, problem.column))) from None


def located(model: type[BaseModel], document: Document, at: KeyPath = ()) -> Any:
    """The document's data at ``at``, with every path of ``model`` made absolute. For ``validate``'s ``data``."""
    data = document.data
    for part in at:
        data = data[part]
    return _located_fields(model, data, document, at) if isinstance(data, dict) else data


def _located_fields(model: type[BaseModel], data: Mapping[str, Any], document: Document, at: KeyPath) -> dict[str, Any]:
    found = dict(data)
    for name, info in model.model_fields.items():
        key = info.alias or name
        if key in found:
            found[key] = _located_value(found[key], [info.annotation, *info.metadata], document, (*at, key))
    return found


def _located_value(value: Any, hints: list[Any], document: Document, key: KeyPath) -> Any:
    parts = list(_flat_hints(hints))
    mark = next((part for part in parts if isinstance(part, Location)), None)
    if mark is not None and isinstance(value, str):
        return mark.absolute(value, document.base(key))
    if mark is not None and isinstance(value, list):
        each = (mark.absolute(v, document.base((*key, n))) if isinstance(v, str) else v for n, v in enumerate(value))
        return list(each)
    if isinstance(value, dict):
        for part in parts:
            if isinstance(part, type) and issubclass(part, BaseModel):
                value = _located_fields(part, value, document, key)
    return value


def _flat_hints(hints: Iterable[Any]) -> Iterable[Any]:
    for hint in hints:
        yield hint
        yield from _flat_hints(getattr(hint, "__args__", ()))
        yield from getattr(hint, "__metadata__", ())


def _problem(model: type[BaseModel], document: Document, at: KeyPath, error: Mapping[str, Any]) -> Problem:
    inner: KeyPath = tuple(error["loc"])
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        near = suggestion(str(inner[-1]), _field_names(model, inner[:-1]))
        return document.problem(at + inner, f"unknown option{near}")
    if kind == "missing":
        return document.problem(at + inner, "is required")
    if kind in ("model_type", "model_attributes_type", "dataclass_type"):
        return document.problem(at + inner, f"expected a mapping of options, got {given!r}")
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind in ("literal_error", "enum"):
        options = re.findall(r"'([^']*)'", message)
        return document.problem(
            at + inner, f"{message[0].lower()}{message[1:]}, got {given!r}{suggestion(str(given), options)}"
        )
    got = "" if kind == "value_error" else f", got {given!r}"
    return document.problem(at + inner, f"{message[0].lower()}{message[1:]}{got}")


def _field_names(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Names that the model knows at ``path``, through fields and the entries of lists and mappings."""
    here: list[type[BaseModel]] = [model]
    for part in path:
        if isinstance(part, str):
            fields = [field for each in here for field in _fields(each) if _stated_name(field) == part]
            here = [inner for _, info in fields for inner in _models([info.annotation])]
    return [_stated_name(each) for m in here for each in _fields(m)]


def _fields(model: type[BaseModel]) -> Iterable[tuple[str, FieldInfo]]:
    return model.model_fields.items()


def _stated_name(field: tuple[str, FieldInfo]) -> str:
    return field[1].alias or field[0]


def _models(hints: list[Any]) -> list[type[BaseModel]]:
    return [hint for hint in _flat_hints(hints) if isinstance(hint, type) and issubclass(hint, BaseModel)]


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


class _Loader(yaml.SafeLoader):
    """Safe YAML with the scalar rules of YAML 1.2's core schema."""


_Loader.yaml_implicit_resolvers = {}
_INT, _FLOAT, _BOOL, _NULL = (f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null"))
for _tag, _pattern, _first in (
    (_BOOL, r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (_NULL, r"~|null|Null|NULL|", "~nN\0"),
    (_INT, r"[-+]?[0-9]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        _FLOAT,
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(
        _tag, re.compile(f"^(?:{_pattern})$"), list(_first) if "\0" not in _first else ["~", "n", "N", ""]
    )


def _plain(node: yaml.Node | None, key: KeyPath, marks: dict[KeyPath, tuple[int, int]]) -> Any:
    if node is None:
        return None
    if len(marks) > MAX_NODES:
        raise yaml.YAMLError(f"more than {MAX_NODES} entries")
    marks.setdefault(key, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*key, number), marks) for number, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, key, marks)
    return _scalar(node)


def _mapping(node: yaml.MappingNode, key: KeyPath, marks: dict[KeyPath, tuple[int, int]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name_node, child in node.value:
        name = str(name_node.value)
        if name in found:
            raise yaml.MarkedYAMLError(problem=f"the key {name!r} is given twice", problem_mark=name_node.start_mark)
        marks[(*key, name)] = (name_node.start_mark.line + 1, name_node.start_mark.column + 1)
        found[name] = _plain(child, (*key, name), marks)
    return found


def _scalar(node: yaml.Node) -> Any:
    text = node.value
    if node.tag == _NULL:
        return None
    if node.tag == _BOOL:
        return text.lower() == "true"
    if node.tag == _INT:
        return int(text, 16) if text.startswith("0x") else int(text)
    if node.tag == _FLOAT:
        return float(re.sub(r"\.(inf|nan)$", r"\1", text.lower()))
    if node.tag.startswith("tag:yaml.org,2002:") and not node.tag.endswith(":str"):
        raise yaml.MarkedYAMLError(problem=f"the tag {node.tag!r} is not supported", problem_mark=node.start_mark)
    return text
