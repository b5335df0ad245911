"""ONNX files as graphs: read without running them, refused where they are not whole or reach beyond their folder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from img2imgkit.errors import BundleError

# Of the operators' names; other ones are code that no ONNX file brings along.
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc")
LARGEST = 8 << 30  # bytes of one tensor, at sizes that the file itself states
_SMALL = 4096  # numbers of constants that shapes may be made of
_EXTERNAL = 1  # TensorProto.EXTERNAL
_MOST_NODES = 1_000_000  # with functions written out, as whatever reads a graph does: they may double, and double again


def read_graph(path: Path) -> Any:
    """The file as an ``onnx.ModelProto``; numbers that lie in other files stay there.

    Raises:
        BundleError: it is no whole ONNX file; it names files outside its folder, or through links; it needs operators
            that are no part of ONNX; or it states sizes that nothing has.
    """
    import onnx

    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except OSError as error:
        raise BundleError(f"{path}: cannot read it: {error.strerror or error}") from None
    except Exception as error:  # protobuf's errors have no common base but this
        raise BundleError(f"{path}: no ONNX file, or not all of one: {error}") from None
    if not model.graph.node or not model.graph.output:
        raise BundleError(f"{path}: no ONNX file, or not all of one: it holds no graph")
    for tensor in _tensors(model):
        _prove_tensor(path, tensor)
    _prove_domains(path, model)
    _prove_length(path, model)
    _prove_sizes(path, inferred(path, model, {}))
    return model


def files_of(path: Path, model: Any) -> list[Path]:
    """The file, and those beside it that hold some of its numbers."""
    return [path, *sorted({path.parent / _stated(t)["location"] for t in _tensors(model) if _is_external(t)})]


def metadata_of(model: Any) -> dict[str, str]:
    """What its makers wrote into it."""
    return {each.key: each.value for each in model.metadata_props}


def inputs_of(model: Any) -> list[Any]:
    """The inputs that have no value of their own."""
    own = {tensor.name for tensor in model.graph.initializer}
    return [each for each in model.graph.input if each.name not in own]


def shape_of(value: Any) -> tuple[int | None, ...] | None:
    """Of a ``ValueInfoProto``; None for axes, or all of it, that are not known. Some exporters write -1 for those."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    stated = (axis.dim_value if axis.HasField("dim_value") else -1 for axis in kind.shape.dim)
    return tuple(None if length < 0 else length for length in stated)


def dtype_of(value: Any) -> str:
    """Of a ``ValueInfoProto``, as numpy calls it; "" where numpy has no such."""
    from onnx import helper

    try:
        return str(helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
    except (KeyError, ValueError):
        return ""


def inferred(path: Path, model: Any, sizes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """What is known of every tensor, as ``ValueInfoProto`` by name, where inputs have these sizes.

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
    """Most bytes alive at once, where a tensor lives from its node to its last reader; weights are not counted.

    What is not known of a tensor is taken to be as large as the largest one.
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
    """Of a tensor; None where its shape is not known."""
    shape, dtype = shape_of(value), dtype_of(value)
    if shape is None or not dtype or any(length is None for length in shape):
        return None
    return math.prod(length or 0 for length in shape) * np.dtype(dtype).itemsize


def _or(size: int | None, otherwise: int) -> int:
    return otherwise if size is None else size


def _without_weights(model: Any) -> Any:
    """The same with only the shapes of large constants, so that nothing large is copied and sent around."""
    import onnx
    from onnx import helper

    graph = onnx.GraphProto()
    graph.node.extend(model.graph.node)
    graph.output.extend(model.graph.output)
    inputs = {value.name for value in model.graph.input}
    graph.input.extend(model.graph.input)
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= _SMALL and not _is_external(tensor):
            graph.initializer.append(tensor)
        elif tensor.name not in inputs:
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    light = onnx.ModelProto(ir_version=model.ir_version, graph=graph)
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    return light


def _tensors(model: Any) -> Iterator[Any]:
    yield from _graph_tensors(model.graph)
    for function in model.functions:
        yield from _attribute_tensors(function.attribute_proto)
        yield from _node_tensors(function.node)


def _graph_tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        yield from _attribute_tensors(node.attribute)


def _attribute_tensors(attributes: Any) -> Iterator[Any]:
    for attribute in attributes:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        if attribute.HasField("sparse_tensor"):
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)
        for sparse in attribute.sparse_tensors:
            yield from (sparse.values, sparse.indices)
        for graph in [attribute.g, *attribute.graphs]:
            yield from _graph_tensors(graph)


def _nodes(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in [attribute.g, *attribute.graphs]:
                yield from _nodes(graph.node)


def _is_external(tensor: Any) -> bool:
    return tensor.data_location == _EXTERNAL or bool(tensor.external_data)


def _stated(tensor: Any) -> dict[str, str]:
    return {each.key: each.value for each in tensor.external_data}


def _prove_tensor(path: Path, tensor: Any) -> None:
    """Raises BundleError: it has not the numbers that it states, or has them where they must not be."""
    claimed = _claimed(path, tensor)
    if _is_external(tensor):
        _prove_external(path, tensor, claimed)
        return
    held = len(tensor.raw_data)
    if not held:
        listed = (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data)
        held = 8 * max(*map(len, listed), len(tensor.string_data))  # 8 bytes a number at most
    if claimed > held:
        raise BundleError(
            f"{path}: constant {tensor.name!r} states {claimed} bytes, {list(tensor.dims)}, and holds {held}: "
            "the file is damaged"
        )


def _claimed(path: Path, tensor: Any) -> int:
    """Bytes that a constant must have, in types of half a byte at least."""
    if any(length < 0 for length in tensor.dims):
        raise BundleError(f"{path}: constant {tensor.name!r} has the shape {list(tensor.dims)}")
    bits = {1: 32, 6: 32, 12: 32, 7: 64, 11: 64, 13: 64, 14: 64, 15: 128, 4: 16, 5: 16, 10: 16, 16: 16, 8: 8}
    small = {21, 22, 23, 25, 26}  # uint4, int4, float4e2m1, uint2, int2
    return math.prod(tensor.dims) * bits.get(tensor.data_type, 2 if tensor.data_type in small else 8) // 8


def _prove_external(path: Path, tensor: Any, claimed: int) -> None:
    stated = _stated(tensor)
    location = stated.get("location", "")
    name = f"{path}: constant {tensor.name!r} lies in {location!r}"
    parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    if not location or absolute or ".." in parts:
        raise BundleError(f"{name}, outside the model's folder: refused; put the file beside the model")
    place = path.parent
    for part in PurePosixPath(location).parts:
        place /= part
        if place.is_symlink():
            raise BundleError(f"{name}, which is reached through a link, {place}: refused; put the file itself there")
    try:
        there = place.stat().st_size if place.is_file() else -1
        offset = int(stated.get("offset", 0))
        length = int(stated.get("length", claimed))
    except (OSError, ValueError) as error:
        raise BundleError(f"{name}: {error}") from None
    if there < 0:
        raise BundleError(f"{name}: there is no such file beside the model")
    if offset < 0 or length < claimed or offset + length > there:
        raise BundleError(f"{name}, bytes {offset} to {offset + max(length, claimed)}, and that file has {there}")


def _prove_domains(path: Path, model: Any) -> None:
    own = {(function.domain, function.name) for function in model.functions}
    lists = [model.graph.node, *(function.node for function in model.functions)]
    for node in (node for nodes in lists for node in _nodes(nodes)):
        if node.domain not in DOMAINS and (node.domain, node.op_type) not in own:
            raise BundleError(
                f"{path}: its operator {node.op_type!r} is of the domain {node.domain!r}, which needs code beside the "
                "file: refused; export the model with the operators of ONNX alone"
            )


def _prove_length(path: Path, model: Any) -> None:
    """Raises BundleError: a few functions that call each other make more of a graph than can be read."""
    functions = {(function.domain, function.name): function.node for function in model.functions}
    lengths: dict[tuple[str, str], int] = {}

    def length(nodes: Any, callers: frozenset[tuple[str, str]]) -> int:
        found = 0
        for node in _nodes(nodes):
            key = (node.domain, node.op_type)
            if key in callers:
                raise BundleError(f"{path}: its function {node.op_type!r} calls itself: refused")
            if key in functions and key not in lengths:
                lengths[key] = 1 + length(functions[key], callers | {key})
            found += lengths.get(key, 1)
        return found

    whole = length(model.graph.node, frozenset())
    if whole > _MOST_NODES:
        raise BundleError(f"{path}: has {whole} operators once its functions are written out: refused")


def _prove_sizes(path: Path, known: Mapping[str, Any]) -> None:
    for name, value in known.items():
        size = bytes_of(value)
        if size is not None and size > LARGEST:
            raise BundleError(f"{path}: tensor {name!r} would have {size} bytes, {shape_of(value)}: refused")
