"""Export bundles to ONNX, SavedModel, TensorFlow Lite and Keras files, and verify that they compute the same.

``programs_of`` lists the programs of a bundle; ``export_bundle`` writes them with an exporter, opens the written file,
compares its outputs with those of the networks, and deletes it if they differ. Libraries are imported on first use.

bundle_export       from a bundle to a verified file
exporters           the file formats
export_options      options of an export, among them size, value range and axis order of a model's pictures
programs            a bundle's programs: functions of named arrays
network_programs    the single networks as programs
proof               compares the written file with the networks
engine_form         the form of a bundle for engines: ONNX files in its folder, proved in ONNX Runtime and OpenVINO
form_cache          the forms that bundles lack, in the user's cache folder
calibration         real pictures to calibrate int8 with
"""

from __future__ import annotations

from collections.abc import Callable

from img2imgkit.exchange import Exporter
from img2imgkit.exporting.bundle_export import ExportedFile, export_bundle
from img2imgkit.exporting.engine_form import add_engine_form, write_engine_form
from img2imgkit.exporting.export_options import ExportOptions
from img2imgkit.exporting.exporters import KerasExporter, OnnxExporter, SavedModelExporter, TfliteExporter
from img2imgkit.exporting.form_cache import (
    FormSource,
    FoundForm,
    cache_size,
    clear_cache,
    pixels_that_pay,
    seconds_to_make,
)
from img2imgkit.exporting.programs import programs_of
from img2imgkit.hooks import hookimpl

__all__ = [
    "ExportOptions",
    "ExportedFile",
    "FormSource",
    "FoundForm",
    "KerasExporter",
    "OnnxExporter",
    "SavedModelExporter",
    "TfliteExporter",
    "add_engine_form",
    "cache_size",
    "clear_cache",
    "export_bundle",
    "pixels_that_pay",
    "programs_of",
    "seconds_to_make",
    "write_engine_form",
]


@hookimpl
def register_exporters(register: Callable[[type[Exporter]], None]) -> None:
    """Register the built-in formats."""
    for exporter in (OnnxExporter, SavedModelExporter, TfliteExporter, KerasExporter):
        register(exporter)
