"""Options that users state on the command line, and the table that shows a model's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from img2imgkit.cli.console import show_table
from img2imgkit.config import parse_yaml
from img2imgkit.errors import ConfigError


def show_options(rows: Iterable[dict[str, Any]]) -> None:
    """Print what ``option_rows`` gave."""
    show_table(
        ("option", "type", "default", "description"),
        [
            (r["name"], r["type"], "(required)" if r["required"] else json.dumps(r["default"]), r["description"])
            for r in rows
        ],
    )


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
