"""ONNX models in 8 bits: static quantisation with ranges from real pictures, and what it costs.

Weights and activations of convolutions and matrix products become int8 with QuantizeLinear and DequantizeLinear around
them (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html); the rest stays float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit.errors import ExportError
from img2imgkit.exchange import Arrays
from img2imgkit.formats.converter_output import quietly
from img2imgkit.formats.onnx_writer import first_line

if TYPE_CHECKING:
    import onnx

QUANTISED = ("Conv", "ConvTranspose", "MatMul", "Gemm")


def quantised(model: onnx.ModelProto, samples: Sequence[Arrays], name: str) -> onnx.ModelProto:
    """The same model with int8 inside.

    Args:
        samples: what it is given as a rule, one picture each

    Raises:
        ExportError: it cannot be quantised.
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
    """Mean PSNR in dB between two models' outputs, over their range: 2, or 255 levels; at most 100 each.

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
