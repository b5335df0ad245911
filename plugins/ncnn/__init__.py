"""Importer of ncnn's model files, ``.param`` and ``.bin``, the format of portable releases of Real-ESRGAN and more."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_importers(register: Any) -> None:
    from img2imgkit_plugins.ncnn.importer import Ncnn

    register(Ncnn)
