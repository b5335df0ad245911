"""Proofs that an ONNX file is whole, needs no code of others, and reaches no file outside its folder."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from img2imgkit.errors import BundleError

# Of the operators' names; other ones are code that no ONNX file brings along.
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc")
_EXTERNAL = 1  # TensorProto.EXTERNAL
_MOST_NODES = 1_000_000  # with functions written out, as whatever reads a graph does: they may double, and double again


def prove(path: Path, model: Any) -> None:
    """Look at a graph without running it.

    Args:
        model: an ``onnx.ModelProto``; numbers that lie in other files need not be in it

    Raises:
        BundleError: its constants are not whole; they lie outside its folder, or behind links; it needs operators that
            are no part of ONNX; or its functions make more of it than can be read.
    """
    for tensor in tensors_of(model):
        _prove_tensor(path, tensor)
    _prove_domains(path, model)
    _prove_length(path, model)


def tensors_of(model: Any) -> Iterator[Any]:
    """All constants, wherever they stand in the graph or its functions, as ``TensorProto``."""
    yield from _graph_tensors(model.graph)
    for function in model.functions:
        yield from _attribute_tensors(function.attribute_proto)
        yield from _node_tensors(function.node)


def is_external(tensor: Any) -> bool:
    """Whether a constant's numbers lie in another file."""
    return tensor.data_location == _EXTERNAL or bool(tensor.external_data)


def place_of(tensor: Any) -> str:
    """That file, as stated: a path from the model's folder; "" where there is none."""
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
    """Raises BundleError: it has not the numbers that it states, or has them where they must not be."""
    claimed = _claimed(path, tensor)
    if is_external(tensor):
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
    location = place_of(tensor)
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
