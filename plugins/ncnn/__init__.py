"""Importer and exporter of ncnn's models, ``.param`` and ``.bin``, the format of Real-ESRGAN's and others' releases."""

from __future__ import annotations

from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_importers(register: Any) -> None:
    from img2imgkit_plugins.ncnn.importer import Ncnn

    register(Ncnn)


@kit.hookimpl
def register_exporters(register: Any) -> None:
    from img2imgkit_plugins.ncnn.exporter import NcnnExporter

    register(NcnnExporter)
