"""Check that an ONNX file is complete, needs no custom operators, and refers to no file outside its folder."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from img2imgkit.errors import BundleError

# Operator domains that runtimes implement; operators of other domains need additional code.
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc")
_EXTERNAL = 1  # TensorProto.EXTERNAL
_MOST_NODES = 1_000_000  # after inlining functions, as every reader does: nested calls can grow exponentially


def prove(path: Path, model: Any) -> None:
    """Check a graph without running it.

    Args:
        model: an ``onnx.ModelProto``; its external data need not be loaded

    Raises:
        BundleError: constants are incomplete, or stored outside the model's folder or behind links; the graph needs
            operators outside ONNX; or its functions expand to too many operators.
    """
    for tensor in tensors_of(model):
        _prove_tensor(path, tensor)
    _prove_domains(path, model)
    _prove_length(path, model)


def tensors_of(model: Any) -> Iterator[Any]:
    """All constants of the graph, its subgraphs and functions, as ``TensorProto``."""
    yield from _graph_tensors(model.graph)
    for function in model.functions:
        yield from _attribute_tensors(function.attribute_proto)
        yield from _node_tensors(function.node)


def is_external(tensor: Any) -> bool:
    """Whether a constant is stored in another file."""
    return tensor.data_location == _EXTERNAL or bool(tensor.external_data)


def place_of(tensor: Any) -> str:
    """The path of that file relative to the model's folder, as stated; "" if there is none."""
    return _stated(tensor).get("location", "")


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


def _stated(tensor: Any) -> dict[str, str]:
    return {each.key: each.value for each in tensor.external_data}


def _prove_tensor(path: Path, tensor: Any) -> None:
    """Raises BundleError: the constant has less data than it states, or is stored in a forbidden place."""
    claimed = _claimed(path, tensor)
    if is_external(tensor):
        _prove_external(path, tensor, claimed)
        return
    held = len(tensor.raw_data)
    if not held:
        listed = (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data)
        held = 8 * max(*map(len, listed), len(tensor.string_data))  # at most 8 bytes per number
    if claimed > held:
        raise BundleError(
            f"{path}: constant {tensor.name!r} of shape {list(tensor.dims)} needs {claimed} bytes but has {held}: "
            "the file is damaged"
        )


def _claimed(path: Path, tensor: Any) -> int:
    """The least number of bytes that a constant of its shape and type needs."""
    if any(length < 0 for length in tensor.dims):
        raise BundleError(f"{path}: constant {tensor.name!r} has the shape {list(tensor.dims)}")
    bits = {1: 32, 6: 32, 12: 32, 7: 64, 11: 64, 13: 64, 14: 64, 15: 128, 4: 16, 5: 16, 10: 16, 16: 16, 8: 8}
    small = {21, 22, 23, 25, 26}  # uint4, int4, float4e2m1, uint2, int2
    return math.prod(tensor.dims) * bits.get(tensor.data_type, 2 if tensor.data_type in small else 8) // 8


def _prove_external(path: Path, tensor: Any, claimed: int) -> None:
    stated = _stated(tensor)
    location = place_of(tensor)
    name = f"{path}: constant {tensor.name!r} is stored in {location!r}"
    parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    if not location or absolute or ".." in parts:
        raise BundleError(f"{name}, outside the model's folder: refused; move the file into that folder")
    place = path.parent
    for part in PurePosixPath(location).parts:
        place /= part
        if place.is_symlink():
            raise BundleError(f"{name}, which is reached through the link {place}: refused; replace it with the file")
    try:
        there = place.stat().st_size if place.is_file() else -1
        offset = int(stated.get("offset", 0))
        length = int(stated.get("length", claimed))
    except (OSError, ValueError) as error:
        raise BundleError(f"{name}: {error}") from None
    if there < 0:
        raise BundleError(f"{name}: no such file in the model's folder")
    if offset < 0 or length < claimed or offset + length > there:
        raise BundleError(f"{name}, bytes {offset} to {offset + max(length, claimed)}, but that file has {there}")


def _prove_domains(path: Path, model: Any) -> None:
    own = {(function.domain, function.name) for function in model.functions}
    lists = [model.graph.node, *(function.node for function in model.functions)]
    for node in (node for nodes in lists for node in _nodes(nodes)):
        if node.domain not in DOMAINS and (node.domain, node.op_type) not in own:
            raise BundleError(
                f"{path}: its operator {node.op_type!r} of domain {node.domain!r} needs custom code: refused; export "
                "the model with standard ONNX operators only"
            )


def _prove_length(path: Path, model: Any) -> None:
    """Raises BundleError: the graph becomes too large once its functions are inlined, or a function is recursive."""
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
        raise BundleError(f"{path}: has {whole} operators once its functions are inlined: refused")
