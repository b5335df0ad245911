"""One plugin's registration: called under watch, proved, and why it failed."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pluggy
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from img2imgkit import backend, hookspecs
from img2imgkit.config import Config, suggestion
from img2imgkit.hooks import GROUP
from img2imgkit.plugin_kinds import HOOKS, Kind

OWN = "img2imgkit"
PATIENCE = 2.0  # seconds until a plugin that is still loading is named
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugin:
    """One entry point of the group: its name, its distribution, its module, and how to import it."""

    name: str
    load: Callable[[], Any]
    distribution: str = OWN
    version: str = ""
    module: str = ""

    @property
    def own(self) -> bool:
        """Whether it ships with img2imgkit."""
        return self.distribution == OWN

    @property
    def built_in(self) -> bool:
        """Whether it is a module of the toolkit itself; ``IMG2IMG_PLUGINS`` cannot exclude it."""
        return self.own and self.module.startswith(f"{OWN}.")


@contextlib.contextmanager
def calling(plugin: Plugin) -> Iterator[None]:
    """Within it, code of a plugin runs: quietly, and named if it takes longer than ``PATIENCE`` or is interrupted.

    The loading of TensorFlow and Keras does not count.
    """
    with backend.quiet_imports() as imports:
        if plugin.own:
            yield
            return
        done = threading.Event()
        threading.Thread(target=_watch, args=(plugin, imports, done), daemon=True, name="patience").start()
        try:
            yield
        except KeyboardInterrupt:
            _LOG.warning("interrupted in plugin %r%s", plugin.name, _without(plugin))
            raise
        finally:
            done.set()


def _watch(plugin: Plugin, imports: backend.QuietImports, done: threading.Event) -> None:
    left, step = PATIENCE, PATIENCE / 20
    while not done.wait(step):
        left -= 0 if imports.depth else step
        if left <= 0:
            _LOG.warning("plugin %r has been loading for %g s%s", plugin.name, PATIENCE, _without(plugin))
            return


def _without(plugin: Plugin) -> str:
    whose = f" of {plugin.distribution} {plugin.version}".rstrip()
    return f"{whose}; to go on without it, list the plugins to load in the variable IMG2IMG_PLUGINS, which may be empty"


def hooked(plugin: Plugin) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    module = plugin.load()
    for name in dir(module):
        marked = manager.parse_hookimpl_opts(module, name) is not None
        if marked and name not in HOOKS:
            raise ValueError(f"unknown hook {name!r}{suggestion(name, HOOKS)}")
        if not marked and name in HOOKS:
            raise ValueError(f"{name} has the name of a hook but lacks the decorator @img2imgkit.hookimpl")
    manager.register(module, name=plugin.name)
    return manager


def registrar(kind: Kind, mine: dict[str, Any], taken: Mapping[str, str]) -> Callable[[Any], None]:
    def register(thing: Any) -> None:
        kind.check(thing)
        name = thing.name
        if not isinstance(name, str) or not name:
            raise ValueError(f"{thing!r} has no name")
        if name in taken:
            raise ValueError(f"{kind.singular} {name!r} is already registered by plugin {taken[name]!r}")
        if name in mine:
            raise ValueError(f"{kind.singular} {name!r} is registered twice")
        mine[name] = thing

    return register


def prove_options(things: Iterable[Any]) -> None:
    """Build the option models of a plugin's classes, with their schema and defaults, which otherwise happens on use.

    Raises:
        TypeError: an option has no schema, or a default that is not of its type.
    """
    for thing in things:
        inside = vars(thing).values() if isinstance(thing, type) else ()
        for each in (thing, *inside):
            if isinstance(each, type) and issubclass(each, Config):
                each.model_rebuild()
                _prove(each)


def _prove(options: type[Config]) -> None:
    for name, about in options.model_fields.items():
        option = f"{options.__qualname__}.{name}"
        kind = _adapter(about.rebuild_annotation())
        try:
            kind.json_schema()
        except PydanticInvalidForJsonSchema:
            raise TypeError(f"option {option} has the type {about.annotation!r}, which no file can state") from None
        if not about.is_required():
            try:
                kind.validate_python(about.get_default(call_default_factory=True), strict=True)
            except ValidationError as error:
                reason = error.errors()[0]["msg"]
                raise TypeError(f"option {option}: its default is not of its type: {reason}") from None


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation)
    except PydanticUserError:  # a class that pydantic does not know, which the model allows
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))


def reason_of(error: BaseException) -> str:
    if isinstance(error, ValidationError):  # its own text has a line for each problem, and an address
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        return f"{type(error).__name__}: {error.title}: {'; '.join(problems)}"
    return f"{type(error).__name__}: {error}".strip().removesuffix(":")
