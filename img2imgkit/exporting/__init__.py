"""Bundles as files that other software runs: ONNX, SavedModel, TensorFlow Lite and Keras, each proved equal.

``programs_of`` says what a bundle can do; ``export_bundle`` writes it through an exporter, opens what was written and
compares it with the networks, and leaves nothing where they differ. Nothing is loaded before it is used.
"""

from __future__ import annotations

from collections.abc import Callable

from img2imgkit.exchange import Exporter
from img2imgkit.exporting.bundle_export import ExportedFile, export_bundle
from img2imgkit.exporting.export_options import ExportOptions
from img2imgkit.exporting.exporters import OnnxExporter
from img2imgkit.exporting.keras_file import KerasExporter
from img2imgkit.exporting.programs import programs_of
from img2imgkit.formats.saved_model import SavedModelExporter
from img2imgkit.formats.tflite_file import TfliteExporter
from img2imgkit.hooks import hookimpl

__all__ = [
    "ExportOptions",
    "ExportedFile",
    "KerasExporter",
    "OnnxExporter",
    "SavedModelExporter",
    "TfliteExporter",
    "export_bundle",
    "programs_of",
]


@hookimpl
def register_exporters(register: Callable[[type[Exporter]], None]) -> None:
    """Register the formats that come along."""
    for exporter in (OnnxExporter, SavedModelExporter, TfliteExporter, KerasExporter):
        register(exporter)
