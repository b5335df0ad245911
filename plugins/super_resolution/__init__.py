"""Super-resolution: upscaling of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_tasks(register: Any) -> None:
    from img2imgkit_plugins.super_resolution.task import SuperResolution

    register(SuperResolution)


@kit.hookimpl
def register_bundles(register: Any) -> None:
    for folder in sorted((Path(__file__).parent / "bundles").glob("*/bundle.json")):
        register(folder.parent)
