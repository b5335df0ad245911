"""ONNX files as graphs, read without running them: inputs, shapes, types and memory use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit.errors import BundleError
from img2imgkit.files import open_regular
from img2imgkit.formats.onnx_safety import is_external, place_of, prove, tensors_of

LARGEST = 8 << 30  # bytes of one tensor, at the sizes stated in the file
_SMALL = 4096  # elements; smaller constants may determine shapes


def read_graph(path: Path) -> Any:
    """Read a file as an ``onnx.ModelProto``; external data is not loaded.

    Raises:
        BundleError: the file is not a complete ONNX file, refers to files outside its folder or through links, needs
            operators outside ONNX, or states absurd sizes.
    """
    import onnx

    try:
        with open_regular(path) as file:
            model = onnx.load_model(file, load_external_data=False)
    except OSError as error:
        raise BundleError(f"{path}: cannot read it: {error.strerror or error}") from None
    except Exception as error:  # protobuf's errors have no common base but this
        raise BundleError(f"{path}: not an ONNX file, or incomplete: {error}") from None
    if not model.graph.node or not model.graph.output:
        raise BundleError(f"{path}: not an ONNX file, or incomplete: it contains no graph")
    prove(path, model)
    _prove_sizes(path, inferred(path, model, {}))
    return model


def files_of(path: Path, model: Any) -> list[Path]:
    """The file itself and the files of its external data."""
    return [path, *sorted({path.parent / place_of(t) for t in tensors_of(model) if is_external(t)})]


def metadata_of(model: Any) -> dict[str, str]:
    """The model's metadata properties."""
    return {each.key: each.value for each in model.metadata_props}


def inputs_of(model: Any) -> list[Any]:
    """The inputs without an initializer."""
    own = {tensor.name for tensor in model.graph.initializer}
    return [each for each in model.graph.input if each.name not in own]


def shape_of(value: Any) -> tuple[int | None, ...] | None:
    """The shape of a ``ValueInfoProto``; None for unknown axes (-1 from some exporters) or an unknown shape."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    stated = (axis.dim_value if axis.HasField("dim_value") else -1 for axis in kind.shape.dim)
    return tuple(None if length < 0 else length for length in stated)


def dtype_of(value: Any) -> str:
    """The numpy name of the type of a ``ValueInfoProto``; "" if numpy does not have the type."""
    from onnx import helper

    try:
        return str(helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
    except (KeyError, ValueError):
        return ""


def inferred(path: Path, model: Any, sizes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Infer shape and type of every tensor, as ``ValueInfoProto`` by name, for inputs of these sizes.

    Raises:
        BundleError: the graph contradicts itself.
    """
    import onnx

    light = onnx.ModelProto()
    light.CopyFrom(_without_weights(model))
    for value in light.graph.input:
        if value.name in sizes:
            value.type.tensor_type.shape.CopyFrom(onnx.TensorShapeProto())
            for length in sizes[value.name]:
                value.type.tensor_type.shape.dim.add().dim_value = length
    for value in light.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        known = onnx.shape_inference.infer_shapes(light, data_prop=True).graph
    except Exception as error:  # the library raises errors of several unrelated kinds
        raise BundleError(f"{path}: its graph contradicts itself: {error}") from None
    return {value.name: value for value in [*known.value_info, *known.input, *known.output]}


def peak_bytes(model: Any, known: Mapping[str, Any]) -> int:
    """Peak memory of activations in bytes: a tensor is alive from its node to its last reader.

    A tensor of unknown size counts as the largest known one.
    """
    nodes = [node for node in model.graph.node if node.op_type != "Constant"]
    sizes = {name: bytes_of(value) for name, value in known.items()}
    largest = max((size for size in sizes.values() if size is not None), default=0)
    held = {tensor.name for tensor in model.graph.initializer}
    last = {name: number for number, node in enumerate(nodes) for name in node.input if name not in held}
    alive = peak = 0
    for number, node in enumerate(nodes):
        alive += sum(_or(sizes.get(name), largest) for name in node.output if name in last)
        peak = max(peak, alive)
        alive -= sum(_or(sizes.get(name), largest) for name in set(node.input) if last.get(name) == number)
    return max(peak, largest, 1)


def bytes_of(value: Any) -> int | None:
    """The size of a tensor in bytes; None if its shape or type is unknown."""
    shape, dtype = shape_of(value), dtype_of(value)
    if shape is None or not dtype or any(length is None for length in shape):
        return None
    return math.prod(length or 0 for length in shape) * np.dtype(dtype).itemsize


def _or(size: int | None, otherwise: int) -> int:
    return otherwise if size is None else size


def _without_weights(model: Any) -> Any:
    """The model with large constants replaced by their shapes, so that copying it is cheap."""
    import onnx
    from onnx import helper

    graph = onnx.GraphProto()
    graph.node.extend(model.graph.node)
    graph.output.extend(model.graph.output)
    inputs = {value.name for value in model.graph.input}
    graph.input.extend(model.graph.input)
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= _SMALL and not is_external(tensor):
            graph.initializer.append(tensor)
        elif tensor.name not in inputs:
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    light = onnx.ModelProto(ir_version=model.ir_version, graph=graph)
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    return light


def _prove_sizes(path: Path, known: Mapping[str, Any]) -> None:
    for name, value in known.items():
        size = bytes_of(value)
        if size is not None and size > LARGEST:
            raise BundleError(f"{path}: tensor {name!r} of shape {shape_of(value)} would take {size} bytes: refused")
