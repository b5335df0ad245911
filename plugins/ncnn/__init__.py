"""ncnn's model files, a ``.param`` with the ``.bin`` beside it: the form in which Real-ESRGAN's models are packed."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_importers(register: Any) -> None:
    from img2imgkit_plugins.ncnn.importer import Ncnn

    register(Ncnn)
