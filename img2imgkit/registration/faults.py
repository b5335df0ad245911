"""Why and where a plugin failed."""

from __future__ import annotations

import inspect
import traceback
from dataclasses import dataclass, field
from types import FunctionType, TracebackType
from typing import Any

from pydantic import ValidationError

from img2imgkit.registration.plugin import Plugin


@dataclass(frozen=True)
class Broken:
    """A plugin that failed to load, or failed to register one kind.

    Attributes:
        reason: what is wrong
        kind: the kind that it failed to register; "" if it failed to load
        place: file and line of the plugin's code that the reason is about; "" if they are not known
        traceback: Python's own account of the failure
    """

    plugin: str
    reason: str
    kind: str = ""
    place: str = field(default="", compare=False)
    traceback: str = field(default="", repr=False, compare=False)

    @property
    def sentence(self) -> str:
        """The reason and its place, in one line."""
        return " ".join(f"{self.reason}{f' ({self.place})' if self.place else ''}".split())


class Fault(Exception):
    """Something that a plugin's author has to change.

    Attributes:
        about: the class or function that is wrong, which tells the place
    """

    def __init__(self, text: str, about: Any = None) -> None:
        super().__init__(text)
        self.about = about


def broken(plugin: Plugin, error: BaseException, kind: str = "") -> Broken:
    """The record of a failure."""
    account = "".join(traceback.format_exception(error))
    return Broken(plugin.name, reason_of(error), kind, _place(plugin, error), account)


def reason_of(error: BaseException) -> str:
    """What is wrong, as one sentence; Python's own errors with their kind."""
    if isinstance(error, Fault):
        return str(error)
    if isinstance(error, ValidationError):  # its own text has a line for each problem, and an address
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        return f"{type(error).__name__}: {error.title}: {'; '.join(problems)}"
    text = error.msg if isinstance(error, SyntaxError) else str(error)  # the place of a SyntaxError is stated apart
    return f"{type(error).__name__}: {text}".strip().removesuffix(":")


def _place(plugin: Plugin, error: BaseException) -> str:
    """File and line of the plugin's code: of the class or function at fault, or of the last call in it."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    return _definition(getattr(error, "about", None)) or _last_call(plugin, error.__traceback__)


def _definition(thing: Any) -> str:
    if not isinstance(thing, type | FunctionType):
        return ""
    try:
        return f"{inspect.getsourcefile(thing)}:{inspect.getsourcelines(thing)[1]}"
    except (OSError, TypeError):  # it was made without a file
        return ""


def _last_call(plugin: Plugin, trace: TracebackType | None) -> str:
    found, package = "", plugin.module.partition(".")[0]
    while trace is not None and package and not plugin.own:
        name = trace.tb_frame.f_globals.get("__name__", "")
        if name.partition(".")[0] == package:
            found = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
