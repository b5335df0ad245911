"""Bundles as files that other software runs: ONNX, SavedModel, TensorFlow Lite and Keras, each proved equal.

``programs_of`` says what a bundle can do; ``export_bundle`` writes it through an exporter, opens what was written and
compares it with the networks, and leaves nothing where they differ. Nothing is loaded before it is used.

bundle_export       from a bundle to a proved file
exporters           the formats that are written
export_options      what of a bundle is written, and how
programs            what a bundle can do, as functions of named arrays
network_programs    its networks as programs
image_io            sizes, numbers and axes of pictures at a model's edge
proof               what was written does what the networks do
calibration         real pictures, for int8
"""

from __future__ import annotations

from collections.abc import Callable

from img2imgkit.exchange import Exporter
from img2imgkit.exporting.bundle_export import ExportedFile, export_bundle
from img2imgkit.exporting.export_options import ExportOptions
from img2imgkit.exporting.exporters import KerasExporter, OnnxExporter, SavedModelExporter, TfliteExporter
from img2imgkit.exporting.programs import programs_of
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
