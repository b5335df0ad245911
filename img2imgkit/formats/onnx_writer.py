"""One program as an ONNX model that says what it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from img2imgkit.bundle import EXPORTED_KEY
from img2imgkit.errors import ExportError
from img2imgkit.exchange import Port, Program
from img2imgkit.exporting.onnx_weights import put_back, taken_out
from img2imgkit.formats.converter_output import quietly
from img2imgkit.formats.tracing import traced

if TYPE_CHECKING:
    import onnx

LARGEST = 2 << 30  # bytes of a protobuf


def onnx_model(program: Program, opset: int) -> onnx.ModelProto:
    """The program in ONNX's operators, checked, with the ports' names and those of axes that vary.

    Raises:
        ExportError: it holds an operator that ONNX lacks, or is too large, or no valid graph came out.
    """
    with quietly() as told, _without_copies():
        try:
            model = _converted(program, opset)
        except Exception as error:
            reason = told[0] if told else first_line(error)
            raise ExportError(f"{program.name} cannot be converted to ONNX, opset {opset}: {reason}") from error
    if lacking := sorted(set(_unknown(model.graph.node, opset))):
        names = ", ".join(lacking)
        raise ExportError(f"{program.name} cannot be converted to ONNX, opset {opset}: it has no operator for {names}")
    if told:
        raise ExportError(f"{program.name} cannot be converted to ONNX, opset {opset}: {told[0]}")
    _name_ports(model, program)
    check(model, program.name)
    return model


def _converted(program: Program, opset: int) -> onnx.ModelProto:
    """The program as the converter leaves it, but for the ports' order and axes."""
    import tf2onnx
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(traced(program), lower_control_flow=False, aggressive_inlining=True)
    inputs, outputs = _named(frozen.inputs, program.inputs), _named(frozen.outputs, program.outputs)
    graph = frozen.graph.as_graph_def(add_shapes=True)
    weights = taken_out(graph)
    model: onnx.ModelProto
    model, _ = tf2onnx.convert.from_graph_def(
        graph,
        input_names=[*inputs, *(f"{name}:0" for name in weights)],
        output_names=[*outputs],
        opset=opset,
        tensors_to_rename={**inputs, **outputs},
    )
    put_back(model, weights)
    return model


def _named(tensors: Sequence[Any], ports: Sequence[Port]) -> dict[str, str]:
    """The ports' names by those of TensorFlow's tensors, which are in the order of the ports' names."""
    return {tensor.name: name for tensor, name in zip(tensors, sorted(port.name for port in ports), strict=True)}


@contextmanager
def _without_copies() -> Iterator[None]:
    """Let the converter's optimizers raise their errors, and work in place rather than on copies of the graph."""
    name = "TF2ONNX_CATCH_ERRORS"
    before = os.environ.get(name)
    os.environ[name] = "FALSE"
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


def check(model: onnx.ModelProto, name: str) -> None:
    """Raises ExportError: the model is too large for a file, or no valid one."""
    import onnx

    if model.ByteSize() >= LARGEST:
        raise ExportError(f"{name}: {model.ByteSize() >> 20} MiB, and an ONNX file holds less than {LARGEST >> 20}")
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        raise ExportError(f"{name}: no valid ONNX graph came out: {first_line(error)}") from error


def describe(model: onnx.ModelProto, about: Mapping[str, Any]) -> None:
    """Put the description in: whole under our key, and what strangers want to know under plain ones."""
    import onnx

    onnx.helper.set_model_props(model, {EXPORTED_KEY: json.dumps(about), **plain(about)})
    model.producer_name, model.doc_string = "img2imgkit", about["manifest"]["description"]


def plain(about: Mapping[str, Any]) -> dict[str, str]:
    """What a stranger wants to know of the first program, as texts."""
    manifest, program = about["manifest"], about["programs"][0]
    contract = manifest["contract"]
    ids = contract["ids"] is not None and program["name"] == "translate"
    return {
        "name": manifest["name"],
        "task": manifest["task"],
        "program": program["name"],
        "description": manifest["description"],
        "licence": manifest["licence"],
        "attribution": "\n".join(manifest["attribution"]),
        "scale": str(program["scale"] or ""),
        "value_range": {"signed": "[-1, 1]", "unit": "[0, 1]", "uint8": "[0, 255]"}[about["image_io"]],
        "channel_order": "ids" if ids else "RGB" if contract["channels"] == 3 else "grey",
        "layout": about["layout"].upper(),
        "size_multiple": str(program["multiple"]),
        "size_minimum": str(program["minimum"]),
        "inputs": "\n".join(f"{port['name']}: {port['meaning']}" for port in program["inputs"]),
        "outputs": "\n".join(f"{port['name']}: {port['meaning']}" for port in program["outputs"]),
    }


def _name_ports(model: onnx.ModelProto, program: Program) -> None:
    """The order of ports, and names of axes in the place of numbers that the converter made up."""
    for fields, ports in ((model.graph.input, program.inputs), (model.graph.output, program.outputs)):
        known = {each.name: each for each in fields}
        if missing := [port.name for port in ports if port.name not in known]:
            raise ExportError(f"{program.name}: the converter has lost {', '.join(missing)}")
        ordered = [known[port.name] for port in ports]
        for each, port in zip(ordered, ports, strict=True):
            _name_axes(each.type.tensor_type.shape, port)
        copies = [type(each).FromString(each.SerializeToString()) for each in ordered]
        del fields[:]
        fields.extend(copies)
    del model.graph.value_info[:]  # it speaks of the old names


def _name_axes(shape: Any, port: Port) -> None:
    del shape.dim[:]
    for size, axis in zip(port.shape, port.axes, strict=True):
        dim = shape.dim.add()
        if size is None:
            dim.dim_param = axis.replace("*", "_times_").replace("/", "_over_")
        else:
            dim.dim_value = size


def _unknown(nodes: Iterable[Any], opset: int) -> Iterator[str]:
    """Operators that are none of ONNX's, in branches and loops too."""
    import onnx

    for node in nodes:
        if not onnx.defs.has(node.op_type, node.domain) or node.domain:
            yield node.op_type
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _unknown(attribute.g.node, opset)


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
