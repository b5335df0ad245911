"""CUT: unpaired translation in one direction, by patchwise contrastive learning."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_tasks(register: Any) -> None:
    from img2imgkit_plugins.cut.task import Cut

    register(Cut)
