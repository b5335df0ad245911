"""The engine of bundles: a task's networks, compiled once for all sizes, in a precision and on some devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit.errors import TranslateError
from img2imgkit.inference.engines import devices
from img2imgkit.inference.engines.devices import bytes_per_pixel
from img2imgkit.inference.engines.engine import Engine, OutOfMemory
from img2imgkit.inference.inputs.conditions import encode_pictures
from img2imgkit.task import Networks, Task

if TYPE_CHECKING:
    from img2imgkit.inference.inputs.translate_options import Precision

MEMORY_WORDS = ("out of memory", "oom", "failed to allocate", "alloc_failed", "no algorithm worked")


class Network(Engine):
    """Networks in TensorFlow; one graph serves all sizes.

    With ``single``, each device gets one tile at a time, which lets normalizations use their fast path. That choice
    must not depend on the number of tiles or devices, because the two paths round differently.

    Attributes:
        traces: how many times the graph was traced
    """

    def __init__(
        self, task: Task, nets: Networks, precision: Precision, names: Sequence[str], single: bool = True
    ) -> None:
        self.geometry, self.devices, self.traces = task.geometry(), tuple(names), 0
        self.reentrant = len(names) == 1 and "CPU" in names[0].upper()
        self._given = nets
        self._strategy, place = devices.scope(names)
        with place:
            nets = nets if precision == "float32" and len(names) == 1 else rebuilt(task, nets, precision)
        self._task, self._nets, self._single = task, nets, single
        self._graphs: dict[tuple[Any, ...], Any] = {}
        self.compiled = self._compiled

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        tiles = len(inputs["source"])
        together = self.replicas if self._single else tiles
        results = [
            self._called({name: array[first : first + together] for name, array in inputs.items()})
            for first in range(0, tiles, together)
        ]
        images, finite = zip(*results, strict=True)
        return _joined(images), _joined(finite)

    def encode(self, condition: str, pixels: np.ndarray) -> np.ndarray:
        import tensorflow as tf

        return np.asarray(encode_pictures(self._task, self._given, condition, tf.constant(pixels)))

    def bytes_per_pixel(self) -> float:
        return bytes_per_pixel(self._task, self._given)

    def _called(self, inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        import tensorflow as tf

        count = len(inputs["source"])
        missing = -count % self.replicas
        if missing:
            inputs = {k: np.concatenate([each, np.repeat(each[-1:], missing, axis=0)]) for k, each in inputs.items()}
        try:
            with tf.device(self.devices[0]):
                images, finite = self.compiled({name: tf.convert_to_tensor(array) for name, array in inputs.items()})
                return _joined(images)[:count], _joined(finite)[:count]
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise OutOfMemory(str(error)) from error
        except tf.errors.OpError as error:
            if any(word in str(error).lower() for word in MEMORY_WORDS):
                raise OutOfMemory(str(error)) from error
            shape = inputs["source"].shape
            raise TranslateError(f"task {self._task.name!r} failed on {shape}: {error}") from error

    def _compiled(self, inputs: Mapping[str, Any]) -> Any:
        """One graph for all sizes, and one for each set of inputs."""
        import tensorflow as tf

        key = tuple((name, len(each.shape), each.shape[-1]) for name, each in sorted(inputs.items()))
        if key not in self._graphs:
            count = self.replicas if self._single else None
            signature = {
                name: tf.TensorSpec((count, *(None,) * (rank - 2), last), tf.float32) for name, rank, last in key
            }
            graph = tf.function(self._everywhere, input_signature=[signature], autograph=False)
            self._graphs.setdefault(key, graph)  # another thread may have been faster
        return self._graphs[key](dict(sorted(inputs.items())))

    def _everywhere(self, inputs: Mapping[str, Any]) -> Any:
        self.traces += 1
        if self._strategy is None:
            image, finite = self._translated(inputs)
            return (image,), (finite,)
        images, finite = self._strategy.run(self._share, args=(inputs,))
        return self._strategy.experimental_local_results(images), self._strategy.experimental_local_results(finite)

    def _share(self, inputs: Mapping[str, Any]) -> Any:
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        each = 1 if self._single else tf.shape(inputs["source"])[0] // context.num_replicas_in_sync
        shares = {name: tensor[context.replica_id_in_sync_group * each :][:each] for name, tensor in inputs.items()}
        if self._single:
            shares = {name: tf.ensure_shape(share, (1, *share.shape[1:])) for name, share in shares.items()}
        return self._translated(shares)

    def _translated(self, inputs: Mapping[str, Any]) -> Any:
        import tensorflow as tf

        image = tf.cast(self._task.translate(self._nets, inputs), tf.float32)
        return image, tf.reduce_all(tf.math.is_finite(image), axis=(1, 2, 3))


def rebuilt(task: Task, nets: Networks, precision: Precision) -> Networks:
    """Copies of the generators, created in the current device scope, that compute in ``precision``.

    Weights stay in float32. So does the arithmetic of each generator's last layer with weights and of all layers after
    it: bfloat16 has 8 significant bits, too few for an output of 8 or 16 bits.
    """
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        fresh = Networks(task.build().generators)
    finally:
        keras.config.set_dtype_policy(before)
    for role, network in fresh.generators.items():
        network.set_weights(nets[role].get_weights())
        if precision != "float32":
            _end_in_float32(network)
    return fresh


def _end_in_float32(network: Any) -> None:
    import keras

    layers = network.layers
    last = max((i for i, layer in enumerate(layers) if layer.weights), default=len(layers))
    for layer in layers[last:]:
        if isinstance(layer, keras.Model):
            _end_in_float32(layer)
        else:
            layer.dtype_policy = keras.DTypePolicy("float32")


def _joined(tensors: Sequence[Any]) -> np.ndarray:
    arrays = [np.asarray(tensor) for tensor in tensors]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
