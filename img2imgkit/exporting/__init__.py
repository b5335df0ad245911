"""Export bundles to ONNX, SavedModel, TensorFlow Lite and Keras files, and verify that they compute the same.

``programs_of`` lists the programs of a bundle, and ``onnx_model`` makes an ONNX graph of one, which exporters of other
formats can start from; ``export_bundle`` writes them with an exporter, opens the written file,
compares its outputs with those of the networks, and deletes it if they differ. Libraries are imported on first use.

bundle_export       from a bundle to a verified file
exporters           the file formats
export_options      options of an export, among them size, value range and axis order of a model's pictures
programs            a bundle's programs: functions of named arrays
network_programs    the single networks as programs
network_conversion  networks of other software as ONNX files
export_paths        where exports are written: beside their place until they are complete
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
from img2imgkit.exporting.network_conversion import ConvertedNetwork, convert_network
from img2imgkit.exporting.programs import programs_of
from img2imgkit.formats.onnx_writer import onnx_model
from img2imgkit.hooks import hookimpl

__all__ = [
    "ConvertedNetwork",
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
    "convert_network",
    "export_bundle",
    "onnx_model",
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
