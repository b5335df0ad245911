"""ONNX models in float16, or in int8 with the measured loss. Inputs and outputs keep their types.

float16: half the size, and faster on devices with float16 arithmetic. Convolutions and matrix products compute in
float16, and so do operators that only move or combine their results. Statistics of normalizations stay in float32, as
do all operators after the last convolution, so that the output is not rounded to 11 bits.

int8: static quantisation, calibrated with real pictures. Weights and activations of convolutions and matrix products
become int8, enclosed in QuantizeLinear and DequantizeLinear
(https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html); the rest stays in float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit.errors import ExportError
from img2imgkit.exchange import Arrays
from img2imgkit.formats.converting import quietly
from img2imgkit.formats.onnx_writer import first_line, runner

if TYPE_CHECKING:
    import onnx

QUANTISED = ("Conv", "ConvTranspose", "MatMul", "Gemm")
PRODUCTS = frozenset(("Conv", "ConvTranspose", "Gemm", "MatMul"))
FOLLOWING = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Neg", "Where", "AveragePool", "MaxPool", "GlobalAveragePool"),
        *("Elu", "Gelu", "HardSigmoid", "LeakyRelu", "PRelu", "Relu", "Sigmoid", "Tanh"),
        *("Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "Identity", "Pad", "Reshape", "Slice"),
        *("SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"),
    )
)
"""Operators that compute in float16 if one of their inputs is float16; squares are excluded."""


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert a model to float16, except for its inputs and outputs."""
    import onnx

    typed = onnx.shape_inference.infer_shapes(model, data_prop=False)
    return _Halving(model, _floats(typed.graph)).model()


def _floats(graph: Any) -> set[str]:
    """Names of the float32 tensors."""
    import onnx

    values = [*graph.input, *graph.output, *graph.value_info]
    names = {each.name for each in values if each.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    return names | {each.name for each in graph.initializer if each.data_type == onnx.TensorProto.FLOAT}


class _Halving:
    """Converts a graph in one pass from its inputs to its outputs."""

    def __init__(self, model: onnx.ModelProto, floats: set[str]) -> None:
        self.old, self.floats = model, floats
        self.weights = {each.name: each for each in model.graph.initializer}
        self.pinned = {each.name for each in model.graph.output} | set(_captured(model.graph))
        self.leading = self._leading()
        self.half: dict[str, str] = {}  # from a tensor's name to the name of its float16 version
        self.single = {name: name for name in floats - {*_made(model.graph)}}  # likewise for its float32 version
        self.kept: set[str] = set()  # weights that some node reads as float32
        self.nodes: list[Any] = []

    def model(self) -> onnx.ModelProto:
        """The new model."""
        import onnx

        for number, node in enumerate(self.old.graph.node):
            self._take(node, self._computes_in_half(node, number in self.leading))
        made = onnx.ModelProto()
        made.CopyFrom(self.old)
        del made.graph.node[:], made.graph.initializer[:], made.graph.value_info[:]
        made.graph.node.extend(self.nodes)
        for name, weight in self.weights.items():
            if name not in self.floats or name in self.kept or name in self.pinned:
                made.graph.initializer.append(weight)
            if name in self.half:
                array = onnx.numpy_helper.to_array(weight).astype(np.float16)
                made.graph.initializer.append(onnx.numpy_helper.from_array(array, self.half[name]))
        return made

    def _take(self, node: Any, in_half: bool) -> None:
        import onnx

        own = onnx.NodeProto()
        own.CopyFrom(node)
        for place, name in enumerate(node.input):
            if name in self.floats:
                own.input[place] = self._in_half(name) if in_half else self._in_single(name)
        self.nodes.append(own)
        for place, name in enumerate(node.output):
            if name not in self.floats:
                continue
            if not in_half:
                self.single[name] = name
                continue
            own.output[place] = self.half[name] = f"{name}/half"
            if name in self.pinned:
                self._in_single(name)

    def _computes_in_half(self, node: Any, leads: bool) -> bool:
        if not any(name in self.floats for name in node.output):
            return False
        if node.op_type in PRODUCTS:
            return True
        square = node.op_type == "Mul" and node.input[0] == node.input[1]
        if node.op_type not in FOLLOWING or square or not leads:
            return False
        return any(name in self.half and name not in self.weights for name in node.input)

    def _in_half(self, name: str) -> str:
        if name not in self.half:
            self.half[name] = f"{name}/half"
            if name not in self.weights:
                self._cast(name, self.half[name], "FLOAT16")
        return self.half[name]

    def _in_single(self, name: str) -> str:
        if name in self.weights:
            self.kept.add(name)
        if name not in self.single:
            self.single[name] = name
            self._cast(self.half[name], name, "FLOAT")
        return self.single[name]

    def _cast(self, given: str, made: str, dtype: str) -> None:
        import onnx

        to = getattr(onnx.TensorProto, dtype)
        self.nodes.append(onnx.helper.make_node("Cast", [given], [made], f"{made}/cast", to=to))

    def _leading(self) -> set[int]:
        """Indices of the nodes whose results reach a convolution or matrix product."""
        wanted: set[str] = set()
        found = set()
        for number, node in reversed([*enumerate(self.old.graph.node)]):
            if wanted.intersection(node.output):
                found.add(number)
            if node.op_type in PRODUCTS or number in found:
                wanted.update(node.input)
        return found


def _made(graph: Any) -> Iterator[str]:
    for node in graph.node:
        yield from node.output


def _captured(graph: Any) -> Iterator[str]:
    """Names that branches and loops read from outside."""
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                for inner in attribute.g.node:
                    yield from inner.input
                yield from (each.name for each in attribute.g.output)
                yield from _captured(attribute.g)


def quantised_with_loss(
    model: onnx.ModelProto, samples: Sequence[Arrays], name: str
) -> tuple[onnx.ModelProto, dict[str, float]]:
    """The quantised model and its loss, measured on pictures held out from calibration if there are several."""
    fitted, others = samples[::2], samples[1::2] or samples
    made = quantised(model, fitted, name)
    before, after = (runner(each.SerializeToString()) for each in (model, made))
    return made, {"pictures": len(others), "psnr": round(loss(after, before, others), 2)}


def quantised(model: onnx.ModelProto, samples: Sequence[Arrays], name: str) -> onnx.ModelProto:
    """Quantise a model to int8, except for its inputs and outputs.

    Args:
        samples: typical inputs to calibrate with, one picture each

    Raises:
        ExportError: the model cannot be quantised.
    """
    import onnx
    from onnxruntime import quantization as q

    with tempfile.TemporaryDirectory() as folder, quietly():
        made, before = Path(folder) / "int8.onnx", Path(folder) / "float.onnx"
        onnx.save(model, before)
        try:
            q.quant_pre_process(before, before, skip_symbolic_shape=True)
            q.quantize_static(
                before,
                made,
                _reader(samples),
                quant_format=q.QuantFormat.QDQ,
                op_types_to_quantize=[*QUANTISED],
                per_channel=True,
                activation_type=q.QuantType.QUInt8,
                weight_type=q.QuantType.QInt8,
                calibrate_method=q.CalibrationMethod.MinMax,
            )
        except Exception as error:
            raise ExportError(f"{name} cannot be quantised to int8: {first_line(error)}") from error
        return onnx.load(made)


def loss(run: Any, original: Any, samples: Sequence[Arrays]) -> float:
    """Mean PSNR in dB between two models' outputs, relative to their range (2 or 255); capped at 100 per sample.

    Args:
        run, original: functions from arrays to arrays
    """
    found = []
    for arrays in samples:
        pairs = [(run(arrays)[name], expected) for name, expected in original(arrays).items()]
        found.append(float(np.mean([_psnr(made, expected) for made, expected in pairs])))
    return float(np.mean(found))


def _psnr(made: np.ndarray, expected: np.ndarray) -> float:
    whole = 255.0 if expected.dtype == np.uint8 else max(2.0, float(np.ptp(expected)))
    error = float(np.mean(np.square(made.astype(np.float64) - expected)))
    return min(100.0, 10 * np.log10(whole**2 / max(error, 1e-12)))


def _reader(samples: Sequence[Arrays]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Samples(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(samples)

        def get_next(self) -> Any:
            return next(self.rest, None)

    return Samples()
