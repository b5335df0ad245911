"""Run SavedModels in TensorFlow."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from img2imgkit import backend
from img2imgkit.errors import TranslateError
from img2imgkit.exchange import ENCODER, argument
from img2imgkit.formats.saved_model import read_signature
from img2imgkit.inference.engines.devices import PROBE, WORKSPACE, peak
from img2imgkit.inference.engines.engine import Arrays, OutOfMemory
from img2imgkit.inference.engines.network import MEMORY_WORDS
from img2imgkit.inference.exported.exported_model import TRANSLATE, Run, Runtime
from img2imgkit.inference.engines.interface import Interface
from img2imgkit.inference.tiles.grid import padded


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
            signature = read_signature(path, TRANSLATE)
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
            signature = read_signature(path, program)
        return partial(_run, path.name, signature, name)


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
