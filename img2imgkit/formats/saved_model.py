"""Folders of TensorFlow's SavedModel format, which TensorFlow Serving serves without this toolkit.

A SavedModel is a program: its operations may read and write files. Only what networks are made of is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from img2imgkit.errors import BundleError, ExportError
from img2imgkit.exchange import Arrays, Program, argument
from img2imgkit.formats.converter_output import quietly
from img2imgkit.formats.tracing import traced

GRAPH = "saved_model.pb"
_OTHER_FORMS = ("saved_model.pbtxt", "saved_model.cpb")  # which TensorFlow would take as well
# What networks are made of: no files, no tables, no queues, no code of the host's.
_OPERATIONS = """
    Abs Add AddN AddV2 All Any ArgMax ArgMin Asinh Assert Atan2 Atan AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3
    BatchToSpaceND BiasAdd BroadcastArgs BroadcastTo Bucketize Case Cast Ceil CheckNumerics ClipByValue Concat ConcatV2
    Const Conv2D Conv2DBackpropInput Cos Cumsum DepthToSpace DepthwiseConv2dNative DepthwiseConv2dNativeBackpropInput
    DisableCopyOnRead DivNoNan Einsum Elu EnsureShape Equal Erf Erfc Exp ExpandDims Expm1 Fill Floor FloorDiv FloorMod
    FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Greater GreaterEqual Identity IdentityN If
    InvertPermutation IsFinite IsInf IsNan L2Loss LeakyRelu Less LessEqual LinSpace Log Log1p LogSoftmax LogicalAnd
    LogicalNot LogicalOr MatMul Max MaxPool MaxPoolV2 Maximum Mean Min Minimum MirrorPad Mod Mul MulNoNan Neg NoOp
    NotEqual OneHot OnesLike Pack Pad PadV2 PartitionedCall Placeholder PlaceholderWithDefault Pow PreventGradient Prod
    RandomStandardNormal RandomUniform Range Rank ReadVariableOp RealDiv Reciprocal Relu Relu6 Reshape
    ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor ResourceGather Reverse ReverseV2 Rint Roll Round Rsqrt
    ScatterNd Select SelectV2 Selu Shape ShapeN Sigmoid Sign Sin Size Slice Softmax Softplus Softsign SpaceToBatchND
    SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall StatelessIf StatelessCase
    StatelessRandomGetKeyCounter StatelessRandomNormalV2 StatelessRandomUniformV2 StatelessWhile StopGradient
    StridedSlice Sub Sum Switch Merge Tanh TensorScatterUpdate Tile TopK TopKV2 Transpose TruncateDiv TruncateMod Unpack
    UnsortedSegmentSum VarHandleOp VarIsInitializedOp AssignVariableOp Where While Xdivy Xlogy ZerosLike
"""
_NETWORK_OPS = frozenset(_OPERATIONS.split())
SERVED = "serving_default"  # the signature that TensorFlow Serving takes where a request names none


def write_saved_model(programs: Sequence[Program], path: Path) -> None:
    """Write the folder, without a description. Raises ExportError: a program cannot be written."""
    import tensorflow as tf

    graphs = [traced(as_arguments(program)) for program in programs]
    module = tf.Module()
    module.held = [variable for graph in graphs for variable in graph.graph.variables]
    signatures = {program.name: graph for program, graph in zip(programs, graphs, strict=True)}
    with quietly():
        try:
            tf.saved_model.save(module, str(path), {**signatures, SERVED: graphs[0]})
        except Exception as error:
            raise ExportError(f"TensorFlow cannot save it: {' '.join(str(error).split())[:500]}") from error


def as_arguments(program: Program) -> Program:
    """The same with inputs whose names can be arguments'."""
    inputs = tuple(replace(port, name=argument(port.name)) for port in program.inputs)

    def call(given: Mapping[str, Any]) -> Mapping[str, Any]:
        return program.call({port.name: given[argument(port.name)] for port in program.inputs})

    return replace(program, inputs=inputs, call=call)


def run_written(path: Path) -> Callable[[str, Arrays], Arrays]:
    """A folder that ``write_saved_model`` has just written, as a function of a program's name and its inputs."""
    import tensorflow as tf

    with quietly():
        loaded = tf.saved_model.load(str(path))

    def run(name: str, arrays: Arrays) -> Arrays:
        found = loaded.signatures[name](**{argument(each): tf.constant(array) for each, array in arrays.items()})
        return {each: tensor.numpy() for each, tensor in found.items()}

    return run


def read_signature(path: Path, program: str) -> Any:
    """A program of a SavedModel as TensorFlow loads it, once it is proved harmless. Raises BundleError."""
    import tensorflow as tf

    prove_harmless(path)
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # whatever a damaged folder makes of the loader
        raise BundleError(f"{path}: TensorFlow cannot open it: {error}") from None
    if program not in loaded.signatures:
        known = ", ".join(sorted(loaded.signatures)) or "none"
        raise BundleError(f"{path}: has no signature {program!r}; it has {known}: export the bundle again")
    signature = loaded.signatures[program]
    signature.kept = loaded  # what a signature computes with lives as long as this
    return signature


def prove_harmless(path: Path) -> None:
    """Read the graph without running it.

    Functions that save and restore weights are in every SavedModel, and beyond reach of what is called here: TensorFlow
    reads the weights itself. So only functions that can be called are looked at, and what those call.

    Raises:
        BundleError: it is no SavedModel of TensorFlow 2, is damaged, or can do what no network does.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    files_of(path)
    stored = SavedModel()
    try:
        stored.ParseFromString((path / GRAPH).read_bytes())
    except Exception as error:  # protobuf's errors have no common base but this
        raise BundleError(f"{path / GRAPH}: no SavedModel, or not all of one: {error}") from None
    if len(stored.meta_graphs) != 1 or not stored.meta_graphs[0].object_graph_def.nodes:
        raise BundleError(f"{path}: no SavedModel of TensorFlow 2")
    graph = stored.meta_graphs[0]
    functions = {function.signature.name: function.node_def for function in graph.graph_def.library.function}
    waiting, seen = list(graph.object_graph_def.concrete_functions), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in functions:
            raise BundleError(f"{path}: its function {name!r} is missing")
        for node in functions[name]:
            if node.op in functions:
                waiting.append(node.op)
            elif node.op not in _NETWORK_OPS:
                raise BundleError(f"{path}: its operation {node.op!r} is nothing that networks do: refused")
            waiting += _called(node.attr)


def files_of(path: Path) -> list[Path]:
    """All files of the folder.

    Raises:
        BundleError: one is a link or no plain file, or the graph stands there twice.
    """
    found = []
    for each in sorted(path.rglob("*")):
        if each.is_symlink() or not (each.is_file() or each.is_dir()):
            raise BundleError(f"{each}: a link, or no plain file: refused")
        if each.is_file():
            found.append(each)
    for name in _OTHER_FORMS:
        if (path / name).exists():
            raise BundleError(f"{path / name}: another form of the graph beside {GRAPH}: refused")
    return found


def _called(attributes: Mapping[str, Any]) -> Iterator[str]:
    """Functions that a node names."""
    for value in attributes.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (each.name for each in value.list.func)
