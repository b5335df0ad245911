"""SRMD: upscaling of pictures whose blur and noise are stated."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_tasks(register: Any) -> None:
    from img2imgkit_plugins.srmd.task import Srmd

    register(Srmd)
