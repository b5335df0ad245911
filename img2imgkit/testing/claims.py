"""What every battery is made of: a claim that holds, or an AssertionError that says what was promised and what came."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ValidationError

from img2imgkit.components import Component
from img2imgkit.config import Config
from img2imgkit.errors import ToolkitError

SOURCE = re.compile(r"https?://\S+|arXiv:\s?\d{4}\.\d{4,5}", re.IGNORECASE)
NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")


def expect(holds: Any, claim: str) -> None:
    """Raise AssertionError with ``claim`` unless it holds. Unlike ``assert`` it survives ``python -O``."""
    if not holds:
        raise AssertionError(claim)


@contextmanager
def must_work(what: str) -> Iterator[None]:
    """Turn the toolkit's own refusals into failed claims."""
    try:
        yield
    except ToolkitError as error:
        raise AssertionError(f"{what}: {error}") from error


def check_name(thing: type) -> None:
    """It has a name that can stand in YAML, in a file name and in a shell."""
    name = getattr(thing, "name", None)
    good = isinstance(name, str) and NAME.fullmatch(name)
    expect(
        good, f"{thing.__name__}.name is {name!r}; use lower case letters, digits and dashes, such as 'sharpen-edges'"
    )


def check_docstring(thing: type) -> None:
    """It says what it is, itself: an inherited docstring says what its base is."""
    expect(
        (vars(thing).get("__doc__") or "").strip(),
        f"{thing.__name__} has no docstring; its first line is shown to users",
    )


def check_source(thing: type) -> None:
    """Its docstring says where it is published."""
    source = SOURCE.search(thing.__doc__ or "")
    claim = f"{thing.__name__}'s docstring names no source"
    expect(source, f"{claim}; give the https address of its paper or code, or an arXiv number")


def check_options(options: Config) -> None:
    """Options are a ``Config``, and come back from JSON as they were."""
    kind = type(options)
    expect(isinstance(options, Config), f"{kind.__qualname__} is no img2imgkit.Config, so a misspelt option would pass")
    text = json.dumps(options.model_dump(mode="json", by_alias=True))
    try:
        again = kind.model_validate_json(text)
    except ValidationError as error:
        raise AssertionError(f"{kind.__qualname__} does not take back what it writes, {text}: {error}") from error
    expect(again == options, f"{kind.__qualname__} changes on its way through JSON: {options!r} became {again!r}")


def check_component(component: Component) -> None:
    """It has a name, a docstring, and options with descriptions, which come back from JSON as they were."""
    kind = type(component)
    check_name(kind)
    check_docstring(kind)
    check_descriptions(kind)
    check_options(component)


def check_descriptions(options: type[BaseModel]) -> None:
    """Every option, also in nested models, has a description: `img2img steps NAME` and editors show it."""
    for model in _models(options, set()):
        silent = [name for name, field in model.model_fields.items() if not (field.description or "").strip()]
        expect(
            not silent,
            f"{model.__qualname__}: no description of {', '.join(silent)}; use pydantic.Field(description=...)",
        )


def _models(annotation: Any, seen: set[Any]) -> Iterator[type[BaseModel]]:
    """The model, and the models that its fields may hold."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models(field.annotation, seen)
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part, seen)
