"""pix2pixHD: large photographs from label maps or pictures, generated coarse to fine."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_tasks(register: Any) -> None:
    from img2imgkit_plugins.pix2pixhd.task import Pix2PixHd, Pix2PixHdPhoto

    register(Pix2PixHd)
    register(Pix2PixHdPhoto)
