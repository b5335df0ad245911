"""Folders of TensorFlow's SavedModel format, as ``img2img export`` writes them.

A SavedModel is a program: its operations may read and write files. Only what networks are made of is let through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from img2imgkit import backend
from img2imgkit.errors import BundleError, TranslateError
from img2imgkit.exchange import ENCODER, argument
from img2imgkit.inference.engines.engine import Arrays, OutOfMemory
from img2imgkit.inference.engines.footprint import PROBE, WORKSPACE, peak
from img2imgkit.inference.engines.network import MEMORY_WORDS
from img2imgkit.inference.exported.exported_model import TRANSLATE, Run, Runtime
from img2imgkit.inference.exported.interface import Interface
from img2imgkit.inference.tiles.grid import padded

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


class SavedModelRuntime(Runtime):
    """Runs in TensorFlow, on any of its devices."""

    def devices(self, device: str) -> tuple[str, ...]:
        return backend.devices(device)

    def open(self, path: Path, name: str) -> Run:
        return self._opened(path, TRANSLATE, name)

    def encoder(self, path: Path, condition: str, name: str) -> Run:
        return self._opened(path, f"{ENCODER}{condition}", name)

    def bytes_per_pixel(self, path: Path, interface: Interface) -> float:
        import tensorflow as tf
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        with tf.device("/device:CPU:0"):
            signature = _signature(path, TRANSLATE)
            frozen = convert_variables_to_constants_v2(signature, lower_control_flow=False).graph
        height, width = interface.size or (padded(PROBE, interface.geometry),) * 2
        graph = tf.Graph()
        with graph.as_default():
            fixed = {}
            for tensor in frozen.inputs:
                shape = [length or 1 for length in tensor.shape]
                if len(shape) == 4:
                    first = 2 if tensor.op.name.endswith(interface.image) and interface.layout == "nchw" else 1
                    shape[first : first + 2] = height, width
                fixed[tensor.name] = tf.compat.v1.placeholder(tensor.dtype, shape)
            tf.graph_util.import_graph_def(frozen.as_graph_def(), input_map=fixed, name="")
        return WORKSPACE * peak(graph) / (height * width)

    def _opened(self, path: Path, program: str, name: str) -> Run:
        import tensorflow as tf

        with tf.device(name):
            signature = _signature(path, program)
        return partial(_run, path.name, signature, name)


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


def _signature(path: Path, program: str) -> Any:
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


def _run(name: str, signature: Any, device: str, inputs: Arrays) -> Arrays:
    import tensorflow as tf

    try:
        with tf.device(device):
            made = signature(**{argument(key): tf.convert_to_tensor(array) for key, array in inputs.items()})
            return {key: tensor.numpy() for key, tensor in made.items()}
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise OutOfMemory(str(error)) from error
    except (tf.errors.OpError, TypeError, ValueError) as error:
        if any(word in str(error).lower() for word in MEMORY_WORDS):
            raise OutOfMemory(str(error)) from error
        shapes = ", ".join(f"{key} {array.shape}" for key, array in inputs.items())
        raise TranslateError(f"{name}: TensorFlow failed on {shapes}: {error}") from error
