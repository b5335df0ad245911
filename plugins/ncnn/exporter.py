"""The exporter of ncnn's models."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from img2imgkit_plugins.ncnn.graph import graph_text
from img2imgkit_plugins.ncnn.importer import GRAPH, WEIGHTS
from img2imgkit_plugins.ncnn.made_layers import INPUT, OUTPUT, finished
from img2imgkit_plugins.ncnn.operators import drawn
from img2imgkit_plugins.ncnn.weights import weights_bytes

import img2imgkit as kit
from img2imgkit.bundle import EXPORTED_FILE
from img2imgkit.exporting import onnx_model

OPSET = 18  # of the ONNX graph that is converted
Arrays = Mapping[str, np.ndarray]


class NcnnExporter(kit.Exporter):
    """A folder with ncnn's text graph and its weights, ``.param`` and ``.bin``, of one convolutional network.

    The picture is RGB in [0, 1] in the blob "data", the result in the blob "output", as the programs of Real-ESRGAN and
    upscayl expect. With float16 only the kernels are stored in this type; ncnn decides in which type it computes.
    """

    name = "ncnn"
    suffix = ""
    precisions: ClassVar[tuple[kit.Precision, ...]] = ("float32", "float16")
    fixed: ClassVar[Mapping[str, str]] = MappingProxyType({"image_io": "unit", "layout": "nchw"})

    def lacks(self) -> str:
        return "" if find_spec("ncnn") else "ncnn (the extra 'ncnn')"

    def write(self, programs: Sequence[kit.Program], path: Path, about: Mapping[str, Any], form: kit.Form) -> None:
        (program,) = programs
        _prove_ports(program)
        made, output = drawn(onnx_model(program, OPSET, one_picture=True), program.inputs[0].shape[1])
        layers, arrays = finished(made, output)
        path.mkdir()
        (path / EXPORTED_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        graph = path / f"{_stem(about['manifest']['name'], program)}{GRAPH}"
        graph.write_text(graph_text(layers), encoding="ascii")
        with graph.with_suffix(WEIGHTS).open("wb") as file:
            file.writelines(weights_bytes(layers, arrays, form.precision == "float16"))

    def open(self, path: Path) -> Callable[[str, Arrays], Arrays]:
        import ncnn

        (graph,) = path.glob(f"*{GRAPH}")
        net = ncnn.Net()
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        net.opt.use_bf16_storage = net.opt.use_vulkan_compute = net.opt.use_winograd_convolution = False
        if net.load_param(str(graph)) or net.load_model(str(graph.with_suffix(WEIGHTS))):
            raise kit.ExportError(f"ncnn cannot open the written model {graph.name}")

        def one(picture: np.ndarray) -> np.ndarray:
            given = np.ascontiguousarray(picture)  # what the Mat below copies, with its channels aligned
            with net.create_extractor() as extractor:
                extractor.input(INPUT, ncnn.Mat(given).clone())
                failed, found = extractor.extract(OUTPUT)
                if failed:
                    raise kit.ExportError(f"ncnn cannot run the written model {graph.name}")
                return np.array(found).copy()  # what numpy makes of it is a view, which ends with the extractor

        def run(_: str, arrays: Arrays) -> Arrays:
            (pictures,) = arrays.values()
            return {OUTPUT: np.stack([one(picture) for picture in pictures])}

        return run

    def about(self, path: Path) -> str:
        with kit.open_regular(path / EXPORTED_FILE) as file:
            return file.read().decode("utf-8")


def _prove_ports(program: kit.Program) -> None:
    """Raises ExportError: the program is no function from one picture to another."""
    if len(program.inputs) != 1:
        names = ", ".join(port.name for port in program.inputs)
        raise kit.ExportError(f"{program.name} reads {names}; a model of ncnn reads one picture")
    for port in (*program.inputs, *program.outputs):
        if len(port.shape) != 4 or port.dtype != "float32" or len(program.outputs) != 1:
            raise kit.ExportError(f"{program.name}: {port.name} is {port.meaning}; a model of ncnn maps pictures")


def _stem(name: str, program: kit.Program) -> str:
    """The name of the files. Programs that run such models read the scale from it, such as "x2"."""
    stem = name if program.name == "translate" else f"{name}-{program.name}"
    scale = program.scale or 1
    known = f"x{scale}" in stem.lower() or f"{scale}x" in stem.lower()
    return stem if known else f"{stem}-x{scale}"
