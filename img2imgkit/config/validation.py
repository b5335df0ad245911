"""Validate plain data with strict models, and locate every problem in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from img2imgkit.config.document import Document
from img2imgkit.config.names import KeyPath, suggestion
from img2imgkit.config.options import Config, Location
from img2imgkit.errors import ConfigError

Model = TypeVar("Model", bound=Config)
_PLAIN_TYPES = ("string_type", "int_type", "float_type", "bool_type")
_TAG_ERRORS = ("union_tag_invalid", "union_tag_not_found")


def validate(model: type[Model], document: Document, at: KeyPath = (), data: Any = None) -> Model:
    """Validate the document's data at ``at``, or ``data`` in its place.

    Raises:
        ConfigError: lists every problem, each with line, column and the nearest known name.
    """
    if data is None:
        data = document.data
        for key in at:
            data = data[key]
    data = {} if data is None else data
    try:
        return model.model_validate_json(json.dumps(data))
    except ValidationError as error:
        found: dict[KeyPath, list[Mapping[str, Any]]] = {}
        for each in error.errors():
            found.setdefault(_stated_path(data, each), []).append(each)
        shown = {path: errors for path, errors in found.items() if not _explained_inside(path, errors, found)}
        problems = [document.problem((*at, *path), _message(model, path, errors)) for path, errors in shown.items()]
        raise ConfigError(*sorted(problems, key=lambda problem: (problem.line, problem.column))) from None


def with_absolute_paths(model: type[BaseModel], document: Document, at: KeyPath = ()) -> Any:
    """The document's data at ``at``, with every path option of ``model`` made absolute; for ``validate``."""
    data = document.data
    for key in at:
        data = data[key]
    return absolute_paths_in(model, data, document, at) if isinstance(data, dict) else data


def absolute_paths_in(
    model: type[BaseModel], data: Mapping[str, Any], document: Document, at: KeyPath
) -> dict[str, Any]:
    """As ``with_absolute_paths``, for data that the document states at ``at``."""
    found = dict(data)
    for name, info in model.model_fields.items():
        key = info.alias or name
        if key in found:
            found[key] = _with_absolute_paths(found[key], [info.annotation, *info.metadata], document, (*at, key))
    return found


def _with_absolute_paths(value: Any, hints: list[Any], document: Document, key: KeyPath) -> Any:
    parts = list(_flat_hints(hints))
    mark = next((part for part in parts if isinstance(part, Location)), None)
    if mark is not None and isinstance(value, str):
        return mark.absolute(value, document.base(key))
    if mark is not None and isinstance(value, list):
        each = (mark.absolute(v, document.base((*key, n))) if isinstance(v, str) else v for n, v in enumerate(value))
        return list(each)
    if isinstance(value, list):
        return [_with_absolute_paths(v, hints, document, (*key, n)) for n, v in enumerate(value)]
    if isinstance(value, dict) and any(getattr(part, "__origin__", None) is dict for part in parts):
        inner = [part for part in parts if getattr(part, "__origin__", None) is not dict]
        return {name: _with_absolute_paths(v, inner, document, (*key, name)) for name, v in value.items()}
    if isinstance(value, dict):
        for part in parts:
            if isinstance(part, type) and issubclass(part, BaseModel):
                value = absolute_paths_in(part, value, document, key)
    return value


def _flat_hints(hints: Iterable[Any]) -> Iterable[Any]:
    for hint in hints:
        yield hint
        yield from _flat_hints(getattr(hint, "__args__", ()))
        yield from getattr(hint, "__metadata__", ())


def _stated_path(data: Any, error: Mapping[str, Any]) -> KeyPath:
    """The path of an error in the data, without the union members that pydantic includes."""
    place, kind = error["loc"], error["type"]
    path: list[str | int] = []
    for depth, key in enumerate(place):
        inside = isinstance(data, dict) and key in data
        if inside or (isinstance(data, list) and isinstance(key, int) and key < len(data)):
            data = data[key]
            path.append(key)
        elif kind == "missing" and depth == len(place) - 1:
            path.append(key)
    if kind in _TAG_ERRORS:
        path.append(str(error["ctx"]["discriminator"]).strip("'"))
    return tuple(path)


def _explained_inside(path: KeyPath, errors: list[Mapping[str, Any]], found: Iterable[KeyPath]) -> bool:
    """Whether the value is a mapping in a union with plain types, and errors inside it explain the failure better."""
    inside = any(len(other) > len(path) and other[: len(path)] == path for other in found)
    return inside and all(isinstance(error.get("input"), dict) for error in errors)


def _message(model: type[BaseModel], path: KeyPath, errors: list[Mapping[str, Any]]) -> str:
    """One message for all errors at a path; a union reports one error per member."""
    given = errors[0].get("input")
    if isinstance(given, dict):  # a mapping in a union with plain types
        errors = [error for error in errors if error["type"] not in _PLAIN_TYPES] or errors
    kind = errors[0]["type"]
    if kind == "extra_forbidden":
        return f"unknown option{suggestion(str(path[-1]), _field_names(model, path[:-1]))}"
    if kind in ("missing", "union_tag_not_found"):
        return "is required"
    if kind == "union_tag_invalid":
        tag, tags = errors[0]["ctx"]["tag"], errors[0]["ctx"]["expected_tags"]
        return f"expected one of {tags}, got {tag!r}{suggestion(str(tag), _quoted(tags))}"
    if kind in ("model_type", "model_attributes_type", "dataclass_type"):
        return f"expected a mapping of options, got {given!r}"
    texts = list(dict.fromkeys(str(error["msg"]).removeprefix("Value error, ") for error in errors))
    message = ", or ".join([texts[0], *(text.removeprefix("Input should be ") for text in texts[1:])])
    choices = [word for error in errors if error["type"] in ("literal_error", "enum") for word in _quoted(error["msg"])]
    got = "" if kind == "value_error" else f", got {given!r}"
    return f"{message[0].lower()}{message[1:]}{got}{suggestion(str(given), choices)}"


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


def _field_names(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The field names valid at ``path``, followed through fields, lists and mappings."""
    here: list[type[BaseModel]] = [model]
    for part in path:
        if isinstance(part, str):
            fields = [field for each in here for field in _fields(each) if _stated_name(field) == part]
            if fields:  # else it is a key of a mapping
                here = [inner for _, info in fields for inner in _models([info.annotation])]
    return [_stated_name(each) for m in here for each in _fields(m)]


def _fields(model: type[BaseModel]) -> Iterable[tuple[str, FieldInfo]]:
    return model.model_fields.items()


def _stated_name(field: tuple[str, FieldInfo]) -> str:
    return field[1].alias or field[0]


def _models(hints: list[Any]) -> list[type[BaseModel]]:
    return [hint for hint in _flat_hints(hints) if isinstance(hint, type) and issubclass(hint, BaseModel)]
