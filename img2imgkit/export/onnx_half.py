"""ONNX models in float16: half the size, and faster where the device computes in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img2imgkit.errors import ExportError
from img2imgkit.export.noise import quietly
from img2imgkit.export.onnx_graph import first_line

if TYPE_CHECKING:
    import onnx

STATISTICS = ("ReduceMean", "ReduceSum", "ReduceSumSquare", "Sqrt", "Reciprocal", "Pow", "CumSum", "TopK", "Range")
"""Operators that stay in float32: sums over thousands of pixels need more than 11 bits, and squares a wider range."""


def halved(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The same model with float16 inside; inputs and outputs keep their types.

    Raises:
        ExportError: it cannot be converted.
    """
    from onnxruntime.transformers import float16

    with quietly():
        try:
            return float16.convert_float_to_float16(
                model,
                keep_io_types=True,
                op_block_list=[*float16.DEFAULT_OP_BLOCK_LIST, *STATISTICS],
                node_block_list=[node.name for node in model.graph.node if node.op_type == "Mul" and _squares(node)],
            )
        except Exception as error:
            raise ExportError(f"{name} cannot be converted to float16: {first_line(error)}") from error


def _squares(node: onnx.NodeProto) -> bool:
    return node.input[0] == node.input[1]
