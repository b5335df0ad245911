"""Building blocks of contract tests: assertions that state what was expected and what happened."""

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
    """Raise AssertionError with ``claim`` unless ``holds``. Unlike ``assert``, it also runs under ``python -O``."""
    if not holds:
        raise AssertionError(claim)


@contextmanager
def must_work(what: str) -> Iterator[None]:
    """Convert the toolkit's own errors to AssertionError."""
    try:
        yield
    except ToolkitError as error:
        raise AssertionError(f"{what}: {error}") from error


def check_name(thing: type) -> None:
    """It has a name that is safe in YAML, file names and shells."""
    name = getattr(thing, "name", None)
    good = isinstance(name, str) and NAME.fullmatch(name)
    expect(
        good, f"{thing.__name__}.name is {name!r}; use lower case letters, digits and dashes, such as 'sharpen-edges'"
    )


def check_docstring(thing: type) -> None:
    """It has its own docstring; an inherited one describes the base class."""
    expect(
        (vars(thing).get("__doc__") or "").strip(),
        f"{thing.__name__} has no docstring; its first line is shown to users",
    )


def check_source(thing: type) -> None:
    """Its docstring cites a source."""
    source = SOURCE.search(thing.__doc__ or "")
    claim = f"{thing.__name__}'s docstring cites no source"
    expect(source, f"{claim}; add the URL of its paper or code, or an arXiv number")


def check_options(options: Config) -> None:
    """Options derive from ``Config`` and survive a round trip through JSON."""
    kind = type(options)
    expect(
        isinstance(options, Config),
        f"{kind.__qualname__} does not derive from img2imgkit.Config, so misspelt options would be accepted",
    )
    text = json.dumps(options.model_dump(mode="json", by_alias=True))
    try:
        again = kind.model_validate_json(text)
    except ValidationError as error:
        raise AssertionError(f"{kind.__qualname__} cannot read its own JSON, {text}: {error}") from error
    expect(again == options, f"{kind.__qualname__} changes in a round trip through JSON: {options!r} became {again!r}")


def check_component(component: Component) -> None:
    """It has a name, a docstring, and options with descriptions that survive a round trip through JSON."""
    kind = type(component)
    check_name(kind)
    check_docstring(kind)
    check_descriptions(kind)
    check_options(component)


def check_descriptions(options: type[BaseModel]) -> None:
    """Every option, also in nested models, has a description, shown by `img2img steps NAME` and editors."""
    for model in _models(options, set()):
        undescribed = [name for name, field in model.model_fields.items() if not (field.description or "").strip()]
        expect(
            not undescribed,
            f"{model.__qualname__}: no description of {', '.join(undescribed)}; use pydantic.Field(description=...)",
        )


def _models(annotation: Any, seen: set[Any]) -> Iterator[type[BaseModel]]:
    """The model and all models nested in its fields."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models(field.annotation, seen)
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner, seen)
