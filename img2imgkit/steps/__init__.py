"""The steps that come with img2imgkit, registered through the same hook as a stranger's."""

from __future__ import annotations

from collections.abc import Callable

from img2imgkit.hookspecs import hookimpl
from img2imgkit.step import Step
from img2imgkit.steps.read import Read
from img2imgkit.steps.write import Write


@hookimpl
def register_steps(register: Callable[[type[Step]], None]) -> None:
    """Register the built-in steps."""
    for step in (Read, Write):
        register(step)
