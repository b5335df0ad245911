"""The folders of SavedModels, with a signature for each program."""

from __future__ import annotations

from pathlib import Path

from img2imgkit.engine import Arrays, Precision, Session
from img2imgkit.exchange import ENCODER, argument
from img2imgkit.formats.saved_model import read_signature
from img2imgkit.inference.engines.devices import PROBE, WORKSPACE, peak
from img2imgkit.inference.engines.interface import Interface
from img2imgkit.inference.engines.runner import Place
from img2imgkit.inference.engines.selection import ModelFacts
from img2imgkit.inference.engines.tensorflow_engine import memory_errors
from img2imgkit.inference.exported.exported_model import TRANSLATE, FileFormat
from img2imgkit.inference.tiles.grid import padded


class SavedModelFolder(FileFormat):
    """A SavedModel, which TensorFlow runs on any of its devices."""

    facts = ModelFacts(frozenset({"networks"}), only="tensorflow")

    def session(self, path: Path, place: Place, precision: Precision) -> Session:
        return SavedModelSession(path, TRANSLATE, place.device.name)

    def encoder(self, path: Path, place: Place, condition: str) -> Session:
        return SavedModelSession(path, f"{ENCODER}{condition}", place.device.name)

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


class SavedModelSession(Session):
    """One signature of a SavedModel on a device."""

    def __init__(self, path: Path, program: str, device: str) -> None:
        import tensorflow as tf

        self._name, self._device = path.name, device
        with tf.device(device):
            self._signature = read_signature(path, program)

    def __call__(self, inputs: Arrays) -> Arrays:
        import tensorflow as tf

        with memory_errors(f"{self._name}: TensorFlow", inputs), tf.device(self._device):
            made = self._signature(**{argument(key): tf.convert_to_tensor(array) for key, array in inputs.items()})
            return {key: tensor.numpy() for key, tensor in made.items()}
