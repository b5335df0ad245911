"""A source and a sink: pictures as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable

import img2imgkit as kit
from img2img_npy.steps import ReadNpy, WriteNpy


@kit.hookimpl
def register_steps(register: Callable[[type[kit.Step]], None]) -> None:
    """Add both steps."""
    register(ReadNpy)
    register(WriteNpy)
