"""Options as tables, read off the option models, and options that users state on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic_core import to_jsonable_python

from img2imgkit.catalog import KINDS
from img2imgkit.cli.console import show_table
from img2imgkit.components import Choice
from img2imgkit.config import parse_yaml
from img2imgkit.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

_PLAIN = {
    int: "integer",
    float: "number",
    str: "text",
    bool: "true or false",
    NoneType: "null",
    Path: "path",
    dict: "mapping",
}


def option_rows(options: type[BaseModel]) -> list[dict[str, Any]]:
    """Each option of a model as plain data: name, type, default, description."""
    return [
        {
            "name": info.alias or name,
            "type": type_text(info.annotation),
            "required": info.is_required(),
            "default": None if info.is_required() else to_jsonable_python(info.get_default(call_default_factory=True)),
            "description": info.description or "",
        }
        for name, info in options.model_fields.items()
    ]


def show_options(rows: Iterable[dict[str, Any]]) -> None:
    """Print what ``option_rows`` gave."""
    show_table(
        ("option", "type", "default", "description"),
        [
            (r["name"], r["type"], "(required)" if r["required"] else json.dumps(r["default"]), r["description"])
            for r in rows
        ],
    )


def type_text(annotation: Any) -> str:
    """A type as a user writes values of it: ``integer``, ``"a" or "b"``, ``text or null``."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(inner[0])
    if origin is Literal:
        return " or ".join(f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in inner)
    if origin in (Union, UnionType):
        return " or ".join(type_text(part) for part in inner)
    if origin in (tuple, list, set, frozenset):
        return "list of " + " or ".join(dict.fromkeys(type_text(part) for part in inner if part is not Ellipsis))
    if isinstance(annotation, type) and issubclass(annotation, Choice):
        return KINDS[annotation.catalog_kind].singular
    return _PLAIN.get(origin or annotation, getattr(annotation, "__name__", str(annotation)))


def assignments(option: str, stated: Iterable[str], example: str) -> dict[str, Any]:
    """What ``--set KEY=VALUE`` and its like state; values are YAML.

    Args:
        option: such as "--set"
        example: an assignment that could stand there

    Raises:
        ConfigError: one is no assignment, or its value no YAML.
    """
    found = {}
    for text in stated:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise ConfigError(f"{option} {text}: expected KEY=VALUE, such as {example}")
        try:
            found[key] = parse_yaml(value).data
        except ConfigError as error:
            raise ConfigError(f"{option} {text}: {error}") from None
    return found
