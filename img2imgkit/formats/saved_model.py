"""Folders in TensorFlow's SavedModel format, which TensorFlow Serving serves without this toolkit.

A SavedModel is a program whose operations may read and write files. Only models made of network operations are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from img2imgkit.errors import BundleError, ExportError
from img2imgkit.exchange import Arrays, Program, argument
from img2imgkit.files import read_bytes
from img2imgkit.formats.converting import quietly, traced

GRAPH = "saved_model.pb"
_OTHER_FORMS = ("saved_model.pbtxt", "saved_model.cpb")  # TensorFlow would load these as well
# Operations of networks: nothing that uses files, tables, queues or the host's code.
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
SERVED = "serving_default"  # the signature that TensorFlow Serving uses by default


def write_saved_model(programs: Sequence[Program], path: Path) -> None:
    """Write programs as a SavedModel, without a description. Raises ExportError: a program cannot be written."""
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
    """The program with inputs renamed so that their names are valid keyword arguments."""
    inputs = tuple(replace(port, name=argument(port.name)) for port in program.inputs)

    def call(given: Mapping[str, Any]) -> Mapping[str, Any]:
        return program.call({port.name: given[argument(port.name)] for port in program.inputs})

    return replace(program, inputs=inputs, call=call)


def run_written(path: Path) -> Callable[[str, Arrays], Arrays]:
    """A folder just written by ``write_saved_model``, as a function of a program's name and its inputs."""
    import tensorflow as tf

    with quietly():
        loaded = tf.saved_model.load(str(path))

    def run(name: str, arrays: Arrays) -> Arrays:
        found = loaded.signatures[name](**{argument(each): tf.constant(array) for each, array in arrays.items()})
        return {each: tensor.numpy() for each, tensor in found.items()}

    return run


def read_signature(path: Path, program: str) -> Any:
    """Load a program of a SavedModel after checking that it is harmless.

    Raises:
        BundleError: the folder is refused, cannot be opened, or has no such program.
    """
    import tensorflow as tf

    prove_harmless(path)
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # a damaged folder can make the loader raise anything
        raise BundleError(f"{path}: TensorFlow cannot open it: {error}") from None
    if program not in loaded.signatures:
        known = ", ".join(sorted(loaded.signatures)) or "none"
        raise BundleError(f"{path}: has no signature {program!r}; it has {known}: export the bundle again")
    signature = loaded.signatures[program]
    signature.kept = loaded  # keeps the variables of the signature alive
    return signature


def prove_harmless(path: Path) -> None:
    """Check the graph without running it.

    Every SavedModel contains functions that save and restore weights, which are never called here: TensorFlow reads
    the weights itself. So only callable functions are checked, with the functions that they call.

    Raises:
        BundleError: the folder is not a SavedModel of TensorFlow 2, is damaged, or contains an operation that networks
            do not use.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    files_of(path)
    stored = SavedModel()
    try:
        stored.ParseFromString(read_bytes(path / GRAPH))
    except Exception as error:  # protobuf's errors have no common base but this
        raise BundleError(f"{path / GRAPH}: not a SavedModel, or incomplete: {error}") from None
    if len(stored.meta_graphs) != 1 or not stored.meta_graphs[0].object_graph_def.nodes:
        raise BundleError(f"{path}: not a SavedModel of TensorFlow 2")
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
                raise BundleError(f"{path}: its operation {node.op!r} is not one that networks use: refused")
            waiting += _called(node.attr)


def files_of(path: Path) -> list[Path]:
    """All files of the folder.

    Raises:
        BundleError: an entry is a link or not a regular file, or the folder contains a second form of the graph.
    """
    found = []
    for each in sorted(path.rglob("*")):
        if each.is_symlink() or not (each.is_file() or each.is_dir()):
            raise BundleError(f"{each}: a link, or not a regular file: refused")
        if each.is_file():
            found.append(each)
    for name in _OTHER_FORMS:
        if (path / name).exists():
            raise BundleError(f"{path / name}: a second form of the graph in addition to {GRAPH}: refused")
    return found


def _called(attributes: Mapping[str, Any]) -> Iterator[str]:
    """Names of the functions that a node refers to."""
    for value in attributes.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (each.name for each in value.list.func)
