"""The engine ``tensorflow``: a bundle's networks, frozen, one graph for all sizes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from img2imgkit import backend
from img2imgkit.engine import Arrays, Engine, EngineDevice, LoadedNetworks, OutOfMemory, Precision, Session
from img2imgkit.errors import BundleError, TranslateError
from img2imgkit.inference.engines import devices
from img2imgkit.task import Networks, Task

MEMORY_WORDS = ("out of memory", "oom", "failed to allocate", "alloc_failed", "no algorithm worked")
LARGEST = 1 << 30  # bytes of weights that become constants; a graph with more than 2 GiB cannot be built
OUTPUT = "output"
_GPU: tuple[Precision, ...] = ("float32", "float16", "bfloat16")


class TensorFlow(Engine):
    """Runs a bundle's networks with Keras on TensorFlow, on CPUs and NVIDIA GPUs (https://www.tensorflow.org).

    The networks are frozen: oneDNN reorders constant weights once, and those of variables in each call.
    """

    name = "tensorflow"
    form: ClassVar[Literal["networks", "onnx"]] = "networks"
    distribution = "tensorflow"
    any_precision = True

    def devices(self) -> Sequence[EngineDevice]:
        """Its devices; before TensorFlow is imported, what it is expected to see: a plan must not import it."""
        if "tensorflow" not in sys.modules:
            gpus = [f"/device:GPU:{number}" for number in range(devices.nvidia_gpus() if _has_cudnn() else 0)]
            return [*_cpus(["/device:CPU:0"]), *_gpus(gpus, [])]
        import tensorflow as tf

        found = {kind: [each.name for each in tf.config.list_logical_devices(kind)] for kind in ("CPU", "GPU")}
        return [*_cpus(found["CPU"]), *_gpus(found["GPU"], backend.gpus())]

    def open(
        self, model: LoadedNetworks | Path, device: EngineDevice, precision: Precision = "float32", batch: int = 1
    ) -> Session:
        if isinstance(model, Path):
            raise BundleError(f"{model}: the engine 'tensorflow' runs bundles, not files")
        return NetworkSession(model.task, model.nets, device.name, precision, batch)

    def free_bytes(self, device: EngineDevice) -> int | None:
        if device.kind == "cpu":
            return None
        import tensorflow as tf
        from tensorflow.python.client import device_lib  # the only API with the allocator's limit

        limits = {each.name: each.memory_limit for each in device_lib.list_local_devices()}
        short = "/device:" + device.name.rsplit("device:", 1)[-1]
        used = tf.config.experimental.get_memory_info(short.removeprefix("/device:"))["current"]
        return max(0, int(limits.get(short, devices.FALLBACK_BYTES)) - used) * 4 // 5


class NetworkSession(Session):
    """Networks on one device; one graph serves all sizes, and each set of inputs.

    With a ``batch`` of one the graph is built for a single tile, which lets normalizations use their fast path. That
    choice must not depend on the number of tiles, because the two paths round differently.

    Attributes:
        traces: how many times a graph was traced
    """

    reentrant = True

    def __init__(self, task: Task, nets: Networks, device: str, precision: Precision, batch: int) -> None:
        import tensorflow as tf

        self.traces = 0
        self._task, self._device, self._batch = task, device, 1 if batch == 1 else None
        with tf.device(device):
            self._nets = nets if precision == "float32" else rebuilt(task, nets, precision)
        self._programs: dict[tuple[Any, ...], Callable[[Sequence[Any]], Any]] = {}

    def __call__(self, inputs: Arrays) -> Arrays:
        import tensorflow as tf

        with memory_errors(f"task {self._task.name!r}", inputs), tf.device(self._device):
            ordered = dict(sorted(inputs.items()))
            program = self._program(ordered)
            return {OUTPUT: np.asarray(program([tf.convert_to_tensor(array) for array in ordered.values()]))}

    def close(self) -> None:
        self._programs.clear()

    def _program(self, inputs: Arrays) -> Callable[[Sequence[Any]], Any]:
        key = tuple((name, array.ndim, array.shape[-1]) for name, array in inputs.items())
        if key not in self._programs:
            self._programs.setdefault(key, self._traced(key))  # another thread may have been faster
        return self._programs[key]

    def _traced(self, key: tuple[Any, ...]) -> Callable[[Sequence[Any]], Any]:
        import tensorflow as tf

        self.traces += 1
        shapes = {name: (self._batch, *(None,) * (rank - 2), last) for name, rank, last in key}
        signature = {name: tf.TensorSpec(shape, tf.float32) for name, shape in shapes.items()}

        def translated(inputs: Mapping[str, Any]) -> Any:
            return tf.cast(self._task.translate(self._nets, inputs), tf.float32)

        traced = tf.function(translated, input_signature=[signature], autograph=False).get_concrete_function()
        frozen = _frozen(traced)
        if frozen is None:
            return lambda tensors: traced(dict(zip(signature, tensors, strict=True)))
        return lambda tensors: frozen(*tensors)[0]


@contextmanager
def memory_errors(what: str, inputs: Arrays) -> Iterator[None]:
    """Within it, TensorFlow's errors become OutOfMemory or a TranslateError that names ``what`` and the shapes."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise OutOfMemory(str(error)) from error
    except (tf.errors.OpError, TypeError, ValueError) as error:
        if any(word in str(error).lower() for word in MEMORY_WORDS):
            raise OutOfMemory(str(error)) from error
        shapes = ", ".join(f"{name} {array.shape}" for name, array in inputs.items())
        raise TranslateError(f"{what} failed on {shapes}: {error}") from error


def rebuilt(task: Task, nets: Networks, precision: str) -> Networks:
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


def _frozen(traced: Any) -> Any:
    """The function with its weights as constants; None if they are too large, or if it changes variables."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    size = sum(4 * int(np.prod(variable.shape)) for variable in traced.variables)
    if size > LARGEST or any(op.type.startswith("Assign") for op in traced.graph.get_operations()):
        return None
    return convert_variables_to_constants_v2(traced, lower_control_flow=False)


def _cpus(names: Sequence[str]) -> Iterator[EngineDevice]:
    own: tuple[Precision, ...] = ("float32", "bfloat16") if devices.has_bfloat16() else ("float32",)
    for number, name in enumerate(names):
        yield EngineDevice("cpu", number, name, own, devices.cpu_name())


def _gpus(names: Sequence[str], products: Sequence[str]) -> Iterator[EngineDevice]:
    for number, name in enumerate(names):
        yield EngineDevice("gpu", number, name, _GPU, products[number] if number < len(products) else "")


def _has_cudnn() -> bool:
    """Whether the library that TensorFlow needs for convolutions on a GPU is there, as a wheel or in the system."""
    spec = find_spec("nvidia") and find_spec("nvidia.cudnn")
    return spec is not None or find_library("cudnn") is not None
