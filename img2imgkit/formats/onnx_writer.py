"""Convert one program to an ONNX model, validate it, and open it with ONNX Runtime.

Large weights are kept out of the graph during the conversion, because the converter copies the graph many times.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit import backend
from img2imgkit.errors import ExportError
from img2imgkit.exchange import Arrays, Port, Program
from img2imgkit.formats.converting import quietly, traced
from img2imgkit.formats.onnx_operators import handlers
from img2imgkit.formats.onnx_rewriting import rewritten

if TYPE_CHECKING:
    import onnx
    import onnxruntime

LAST_WRITTEN = 18  # the last opset that tf2onnx writes correctly
LARGEST = 2 << 30  # bytes of a protobuf
LARGE = 1 << 18  # bytes of a constant; the converter may need the values of smaller ones, such as sizes


def onnx_model(program: Program, opset: int, one_picture: bool = False) -> onnx.ModelProto:
    """The program as a validated ONNX model, with the names of ports and dynamic axes.

    ``tf2onnx`` writes up to ``LAST_WRITTEN``; ONNX's own converter makes later versions of that.

    Args:
        one_picture: for software without an axis of pictures: see ``backend.portable``

    Raises:
        ExportError: the program uses an operator that ONNX lacks, is too large, or the converted graph is invalid.
    """
    with quietly() as errors, _without_copies():
        try:
            model = _converted(program, min(opset, LAST_WRITTEN), one_picture)
        except Exception as error:
            reason = errors[0] if errors else first_line(error)
            raise ExportError(f"{program.name} cannot be converted to ONNX, opset {opset}: {reason}") from error
    if lacking := sorted(set(_unknown(model.graph.node, opset))):
        names = ", ".join(lacking)
        raise ExportError(f"{program.name} cannot be converted to ONNX, opset {opset}: it has no operator for {names}")
    if errors:
        raise ExportError(f"{program.name} cannot be converted to ONNX, opset {opset}: {errors[0]}")
    rewritten(model)
    _name_ports(model, program)
    if opset > LAST_WRITTEN:
        model = upgraded(model, opset)
    check(model, program.name)
    return model


def upgraded(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """The model in a later version of the operators. Raises ExportError: an operator cannot be converted."""
    from onnx import helper, version_converter

    try:
        later = version_converter.convert_version(model, opset)
    except Exception as error:
        raise ExportError(f"the graph cannot be converted to opset {opset}: {first_line(error)}") from error
    later.ir_version = helper.find_min_ir_version_for(later.opset_import)
    return later


def _converted(program: Program, opset: int, one_picture: bool) -> onnx.ModelProto:
    """The converted program, before ports are ordered and axes named."""
    import tf2onnx
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    with backend.portable(one_picture):
        function = traced(program)
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False, aggressive_inlining=True)
    inputs, outputs = _named(frozen.inputs, program.inputs), _named(frozen.outputs, program.outputs)
    graph = frozen.graph.as_graph_def(add_shapes=True)
    handled = handlers(graph)
    weights = taken_out(graph)
    model: onnx.ModelProto
    model, _ = tf2onnx.convert.from_graph_def(
        graph,
        input_names=[*inputs, *(f"{name}:0" for name in weights)],
        output_names=[*outputs],
        opset=opset,
        custom_op_handlers=handled,
        tensors_to_rename={**inputs, **outputs},
    )
    put_back(model, weights)
    return model


def taken_out(graph: Any) -> dict[str, np.ndarray]:
    """Turn each large constant of a GraphDef into an input, in place; returns the arrays by the inputs' names."""
    import tensorflow as tf

    found = {}
    for node in graph.node:
        if node.op == "Const" and len(node.attr["value"].tensor.tensor_content) >= LARGE:
            array = tf.make_ndarray(node.attr["value"].tensor)
            kind = node.attr["value"].tensor.dtype
            for key in list(node.attr):
                del node.attr[key]
            node.op = "Placeholder"
            node.attr["dtype"].type = kind
            node.attr["shape"].shape.CopyFrom(tf.TensorShape(array.shape).as_proto())
            found[node.name] = array
    return found


def put_back(model: onnx.ModelProto, arrays: Mapping[str, np.ndarray]) -> None:
    """Turn those inputs of a converted model into initializers; a transpose that is the only reader is folded in."""
    import onnx

    graph, weights = model.graph, {f"{name}:0": array for name, array in arrays.items()}
    readers = Counter(name for node in graph.node for name in node.input)
    for node in list(graph.node):
        if node.op_type == "Transpose" and node.input[0] in weights and readers[node.input[0]] == 1:
            array = weights.pop(node.input[0])
            weights[node.output[0]] = np.ascontiguousarray(array.transpose(node.attribute[0].ints))
            graph.node.remove(node)
    ports = [port for port in graph.input if port.name.removesuffix(":0") not in arrays]
    copies = [type(port).FromString(port.SerializeToString()) for port in ports]
    del graph.input[:]
    graph.input.extend(copies)
    graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())


def _named(tensors: Sequence[Any], ports: Sequence[Port]) -> dict[str, str]:
    """Map the names of TensorFlow's tensors, which are sorted by port name, to the ports' names."""
    return {tensor.name: name for tensor, name in zip(tensors, sorted(port.name for port in ports), strict=True)}


@contextmanager
def _without_copies() -> Iterator[None]:
    """Make the converter's optimizers raise their errors and work in place instead of on copies of the graph."""
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
    """Raises ExportError: the model is too large for a file, or invalid."""
    import onnx

    if model.ByteSize() >= LARGEST:
        raise ExportError(f"{name}: {model.ByteSize() >> 20} MiB, but an ONNX file must be below {LARGEST >> 20} MiB")
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        raise ExportError(f"{name}: the converted ONNX graph is invalid: {first_line(error)}") from error


def opened(model: Path | bytes) -> onnxruntime.InferenceSession:
    """A session on the CPU. Raises ExportError: ONNX Runtime rejects the model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads free their cores
    with quietly():
        try:
            given = model if isinstance(model, bytes) else str(model)
            return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ExportError(f"ONNX Runtime cannot open the written model: {str(error).strip()}") from error


def runner(model: Path | bytes) -> Callable[[Arrays], Arrays]:
    """A model as a function of its inputs. Raises ExportError: ONNX Runtime rejects it."""
    session = opened(model)
    names = [each.name for each in session.get_outputs()]
    return lambda arrays: dict(zip(names, session.run(names, dict(arrays)), strict=True))


def _name_ports(model: onnx.ModelProto, program: Program) -> None:
    """Order the ports, and replace the converter's generated axis names."""
    for fields, ports in ((model.graph.input, program.inputs), (model.graph.output, program.outputs)):
        known = {each.name: each for each in fields}
        if missing := [port.name for port in ports if port.name not in known]:
            raise ExportError(f"{program.name}: the converter dropped {', '.join(missing)}")
        ordered = [known[port.name] for port in ports]
        for each, port in zip(ordered, ports, strict=True):
            _name_axes(each.type.tensor_type.shape, port)
        copies = [type(each).FromString(each.SerializeToString()) for each in ordered]
        del fields[:]
        fields.extend(copies)
    del model.graph.value_info[:]  # refers to the old names


def _name_axes(shape: Any, port: Port) -> None:
    del shape.dim[:]
    for size, axis in zip(port.shape, port.axes, strict=True):
        dim = shape.dim.add()
        if size is None:
            dim.dim_param = axis.replace("*", "_times_").replace("/", "_over_")
        else:
            dim.dim_value = size


def _unknown(nodes: Iterable[Any], opset: int) -> Iterator[str]:
    """Operators that are not in ONNX, including those in branches and loops."""
    import onnx

    for node in nodes:
        if not onnx.defs.has(node.op_type, node.domain) or node.domain:
            yield node.op_type
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _unknown(attribute.g.node, opset)


def first_line(error: Exception) -> str:
    """An error's type and the first line of its message."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
