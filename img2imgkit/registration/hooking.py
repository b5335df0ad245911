"""The hooks of a plugin, and what they register: both are proved before anything uses them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pluggy
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from img2imgkit import hookspecs
from img2imgkit.config import Config, suggestion
from img2imgkit.hooks import GROUP, STATES_CONTRACT
from img2imgkit.plugin_kinds import HOOKS, Kind
from img2imgkit.registration.contract import contract_in_source, contract_problem
from img2imgkit.registration.faults import Fault
from img2imgkit.registration.plugin import Plugin


def hooked(plugin: Plugin) -> pluggy.PluginManager:
    """Import a plugin and find its hooks.

    Raises:
        Fault: it was written for another contract, or one of its hooks cannot be called.
        Exception, SystemExit: whatever its module raises.
    """
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    module = _loaded(plugin)
    for name in dir(module):
        marked = manager.parse_hookimpl_opts(module, name) is not None
        if marked or name in HOOKS:
            _prove_hook(name, getattr(module, name), marked)
    manager.register(module, name=plugin.name)
    return manager


def _loaded(plugin: Plugin) -> Any:
    """The plugin's module. A wrong contract is told even if it is the reason why the module cannot be imported."""
    try:
        module = plugin.load()
    except (Exception, SystemExit) as error:
        if problem := contract_problem(contract_in_source(plugin)):
            raise Fault(problem) from error
        raise
    if problem := contract_problem(getattr(module, STATES_CONTRACT, None)):
        raise Fault(problem)
    return module


def _prove_hook(name: str, function: Any, marked: bool) -> None:
    if name not in HOOKS:
        raise Fault(f"unknown hook {name!r}{suggestion(name, HOOKS)}", function)
    if not marked:
        raise Fault(f"{name} has the name of a hook but lacks the decorator @img2imgkit.hookimpl", function)
    takes = inspect.signature(function).parameters
    if takes.keys() - {"register"}:
        raise Fault(
            f"{name} takes {', '.join(map(repr, takes))}, but a hook takes 'register' and nothing else", function
        )


def registrar(kind: Kind, mine: dict[str, Any], taken: Mapping[str, str]) -> Callable[[Any], None]:
    """The function that a hook receives. Things go to ``mine`` by name; ``taken`` maps names to their plugins."""

    def register(thing: Any) -> None:
        try:
            kind.check(thing)
        except TypeError as error:
            raise Fault(str(error), thing) from None
        name = getattr(thing, "name", None)
        if not isinstance(name, str) or not name:
            raise Fault(f'{_title(thing)} has no name: state name = "..." in the class', thing)
        if name in taken:
            raise Fault(f"{kind.singular} {name!r} is already registered by plugin {taken[name]!r}", thing)
        if name in mine:
            raise Fault(f"{kind.singular} {name!r} is registered twice", thing)
        mine[name] = thing

    return register


def _title(thing: Any) -> str:
    return thing.__qualname__ if isinstance(thing, type) else repr(thing)


def prove_options(things: Iterable[Any]) -> None:
    """Build the option models of a plugin's classes, with their schema and defaults, which otherwise happens on use.

    Raises:
        Fault: an option has no schema, or a default that is not of its type.
    """
    for thing in things:
        inside = vars(thing).values() if isinstance(thing, type) else ()
        for each in (thing, *inside):
            if isinstance(each, type) and issubclass(each, Config):
                each.model_rebuild()
                _prove(each)


def _prove(options: type[Config]) -> None:
    for name, about in options.model_fields.items():
        option = f"option {options.__qualname__}.{name}"
        kind = _adapter(about.rebuild_annotation())
        try:
            kind.json_schema()
        except PydanticInvalidForJsonSchema:
            raise Fault(f"{option} has the type {about.annotation!r}, which no file can state", options) from None
        if not about.is_required():
            try:
                kind.validate_python(about.get_default(call_default_factory=True), strict=True)
            except ValidationError as error:
                reason = error.errors()[0]["msg"]
                raise Fault(f"{option}: its default is not of its type: {reason}", options) from None


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation)
    except PydanticUserError:  # a class that pydantic does not know, which the model allows
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
