"""CycleGAN: translation between two kinds of pictures, in both directions, without pairs."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_tasks(register: Any) -> None:
    from img2imgkit_plugins.cyclegan.task import CycleGan

    register(CycleGan)
