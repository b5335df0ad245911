"""SPADE, also known as GauGAN: pictures from label maps."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_tasks(register: Any) -> None:
    from img2imgkit_plugins.spade.task import Spade

    register(Spade)
