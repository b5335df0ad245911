"""Colourise grey photographs."""

from __future__ import annotations

from collections.abc import Callable

import img2imgkit as kit


@kit.hookimpl
def register_tasks(register: Callable[[type[kit.Task]], None]) -> None:
    """Add the task; its module is imported only where tasks are asked for."""
    from img2img_colourise.task import Colourise

    register(Colourise)
