"""pix2pix: paired image translation."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_tasks(register: Any) -> None:
    from img2imgkit_plugins.pix2pix.task import Pix2Pix

    register(Pix2Pix)
