"""The standard streams of a command: whole from the start, and stdout for the command alone."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, TextIO

import click

_KEY = "img2imgkit.output"  # of the command's stream, in the context of click


def output() -> TextIO:
    """The stream of what the command prints."""
    context = click.get_current_context(silent=True)
    own: TextIO | None = None if context is None else context.meta.get(_KEY)
    return own or sys.stdout


def repair_streams() -> None:
    """Make standard streams exist and accept every character. A file opened later could reuse a missing descriptor."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - lasts as the process
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def stop_on_broken_pipe() -> Iterator[None]:
    """Stop only the writing to stdout when its reader, such as ``head``, closes the pipe."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output().fileno())


def alone_on_stdout(command: click.Command) -> None:
    """Let only the command itself print to stdout.

    What plugins, libraries and the programs that they start print goes to stderr, so that JSON stays JSON.
    """
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        alone_on_stdout(each)
    if (callback := command.callback) is not None:
        command.callback = _alone(callback)


def _alone(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def called(*arguments: Any, **options: Any) -> Any:
        with _own_output():
            return callback(*arguments, **options)

    return called


@contextmanager
def _own_output() -> Iterator[None]:
    meta = click.get_current_context().meta
    if _KEY in meta:
        yield
        return
    before, sys.stdout = sys.stdout, sys.stderr
    meta[_KEY], descriptor = before, _descriptor(before)
    kept = None if descriptor is None else os.dup(descriptor)
    try:
        if kept is not None and descriptor is not None:
            before.flush()
            os.dup2(_descriptor(sys.stderr) or descriptor, descriptor)  # also for programs that are started
            meta[_KEY] = open(kept, "w", encoding=before.encoding, errors=before.errors)  # noqa: PTH123, SIM115
        yield
        meta[_KEY].flush()
    finally:
        sys.stdout, ours = before, meta.pop(_KEY)
        if kept is not None and descriptor is not None:
            os.dup2(kept, descriptor)
            with suppress(OSError):  # its reader is gone
                ours.close()


def _descriptor(stream: TextIO) -> int | None:
    """The descriptor of a standard stream; None if something else stands for it."""
    try:
        return stream.fileno()
    except (AttributeError, OSError, io.UnsupportedOperation):
        return None
