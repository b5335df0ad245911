"""FUNIT: few-shot translation to classes given by a few pictures, also to unseen ones."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_tasks(register: Any) -> None:
    from img2imgkit_plugins.funit.task import Funit

    register(Funit)
