"""CycleGAN: unpaired translation between two domains, in both directions."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_tasks(register: Any) -> None:
    from img2imgkit_plugins.cyclegan.task import CycleGan

    register(CycleGan)
