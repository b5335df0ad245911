"""A network of other software, rebuilt from its file, as an ONNX file that computes the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from img2imgkit.exchange import Port, Statistics
from img2imgkit.exporting.export_paths import beside, put_in_place, refuse_place
from img2imgkit.exporting.network_programs import network_program
from img2imgkit.exporting.proof import prove
from img2imgkit.formats.onnx_writer import onnx_model, runner
from img2imgkit.importing import importer_of

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog

SUFFIX = ".onnx"
OPSET = 18


@dataclass(frozen=True)
class ConvertedNetwork:
    """An ONNX file on disk.

    Attributes:
        size: its bytes
        inputs, outputs: as the file has them
        multiple: heights and widths must be multiples of this
        difference: the largest difference from the network, relative to the range of its output
    """

    path: Path
    size: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    multiple: int
    difference: float


def convert_network(
    source: Path,
    path: Path,
    catalog: Catalog,
    statistics: Statistics = "running",
    importer: str | None = None,
    replacing: bool = False,
) -> ConvertedNetwork:
    """Rebuild the network that a file describes from plain layers, and write it as an ONNX file.

    Args:
        statistics: those that batch normalization uses: the running ones, as in inference, or those of each image
        importer: the name of the importer that reads the file; None: the one that claims it

    Raises:
        ConfigError: the path does not end in ".onnx".
        InteropError: the file is refused, or describes no network of plain layers.
        ExportError: the network cannot be written, or the written file computes something else.
    """
    import onnx

    refuse_place(path, SUFFIX, "onnx", replacing)
    program = network_program(importer_of(source, catalog, importer).network(source, statistics))
    model = onnx_model(program, OPSET)
    model.producer_name = "img2imgkit"
    with beside(path) as fresh:
        onnx.save(model, fresh)
        run = runner(fresh)
        difference = prove(program, "float32", lambda _, arrays: run(arrays))
        size = fresh.stat().st_size
        put_in_place(fresh, path)
    return ConvertedNetwork(path, size, program.inputs, program.outputs, program.multiple, difference)
