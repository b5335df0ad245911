"""Engines run models on tiles: the built-in ones, the choice between them, and what is the same for all.

runner              tiles on the sessions of an engine: several devices, NaN, fixed sizes and batches
selection           the rule that chooses an engine
loaded_bundle       a bundle's networks as a model that engines open
interface           the representation of pictures in a model's inputs and outputs
image_arrays        batches of images as arrays: axes, sizes, luma
tensorflow_engine   bundles in TensorFlow
onnxruntime_engine  ONNX files in ONNX Runtime
openvino_engine     ONNX files in OpenVINO
devices             devices, their free memory, and what a network needs of it per pixel
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from img2imgkit.engine import Engine
from img2imgkit.inference.engines.onnxruntime_engine import OnnxRuntime
from img2imgkit.inference.engines.openvino_engine import OpenVino
from img2imgkit.inference.engines.tensorflow_engine import TensorFlow

__all__ = ["BUILT_IN", "OnnxRuntime", "OpenVino", "TensorFlow"]

BUILT_IN: Mapping[str, type[Engine]] = MappingProxyType(
    {each.name: each for each in (OnnxRuntime, OpenVino, TensorFlow)}
)
"""The built-in engines by name."""
