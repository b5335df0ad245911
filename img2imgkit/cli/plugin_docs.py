"""What plugins provide, as documentation: the docstring of each thing, its options and their schema."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from img2imgkit.catalog import Catalog
from img2imgkit.cli import say
from img2imgkit.cli.console import show_options
from img2imgkit.plugin_kinds import KINDS
from img2imgkit.schema import option_rows

_MODELS = ("Options", "Weights", "Choices")  # the option models that a class can have


def docs_of(catalog: Catalog, plugins: Collection[str]) -> list[dict[str, Any]]:
    """Each thing that the plugins registered: its kind, name, docstring, and the models of its options."""
    return [
        {"plugin": owner, "kind": kind, "name": name, "about": _about(thing), "options": list(_options(thing))}
        for kind in KINDS
        for name, thing in getattr(catalog, kind).items()
        if (owner := catalog.owner(kind, name).name) in plugins
    ]


def show_docs(things: Sequence[Mapping[str, Any]]) -> None:
    """Print them, one after the other."""
    for number, thing in enumerate(things):
        title = f"{KINDS[thing['kind']].singular} {thing['name']}"
        say(f"{'' if number == 0 else chr(10)}{title}\n{'=' * len(title)}\n{thing['about']}")
        for model in thing["options"]:
            say(f"\n{model['of']}")
            show_options(model["rows"])
    if not things:
        say("It provides nothing.")


def _about(thing: Any) -> str:
    if isinstance(thing, type):
        return inspect.cleandoc(vars(thing).get("__doc__") or "") or "No description."
    return str(getattr(thing, "about", thing))


def _options(thing: Any) -> Iterator[dict[str, Any]]:
    models = {name: getattr(thing, name, None) for name in _MODELS}
    if isinstance(thing, type) and issubclass(thing, BaseModel):  # a component, whose fields are its options
        models = {"Options": thing}
    for name, model in models.items():
        if isinstance(model, type) and issubclass(model, BaseModel) and (rows := option_rows(model)):
            yield {"of": name.lower(), "rows": rows, "schema": model.model_json_schema()}
