"""FUNIT: translation to classes that a few pictures show, also such as no training saw."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_tasks(register: Any) -> None:
    from img2imgkit_plugins.funit.task import Funit

    register(Funit)
