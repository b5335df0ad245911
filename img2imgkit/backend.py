"""Access to TensorFlow and Keras: load them once and quietly, choose devices, and call what Keras does not wrap."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from img2imgkit.errors import ConfigError

__all__ = ["ops"]  # of these names, the one for plugins

FUSED = ("float32", "bfloat16")  # types that fused operations support on every device
DEVICE = re.compile(r"auto|(cpu|gpu)(?::(\d+(?:,\d+)*))?")  # device names as users write them, see ``devices``

_PORTABLE: ContextVar[bool] = ContextVar("_PORTABLE", default=False)
_ONE_PICTURE: ContextVar[bool] = ContextVar("_ONE_PICTURE", default=False)


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Suppress what native code writes to file descriptor 2; print it if the body raises.

    TensorFlow's static initialisers print before any log setting takes effect, so the descriptor itself is redirected.
    If no temporary file can be created, nothing is suppressed.
    """
    sys.stderr.flush()
    try:
        held = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the with statement below
    except OSError:
        yield
        return
    saved = os.dup(2)
    with held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(saved, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def load() -> None:
    """Import TensorFlow and Keras quietly. Later calls return immediately."""
    if "keras" in sys.modules and "tensorflow" in sys.modules:
        return
    with quiet_imports():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


@contextlib.contextmanager
def quiet_imports() -> Iterator[QuietImports]:
    """Within it, an import of TensorFlow or Keras makes no noise. It imports neither, and holds nothing else back."""
    finder = QuietImports()
    sys.meta_path.insert(0, finder)
    try:
        yield finder
    finally:
        sys.meta_path.remove(finder)


class QuietImports(MetaPathFinder):
    """Finds TensorFlow and Keras as usual, but so that their code is executed quietly.

    Attributes:
        depth: how many of them are being executed now, one importing the other
    """

    def __init__(self) -> None:
        self.depth = 0

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in ("keras", "tensorflow"):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = self._quietly(spec.loader.exec_module)  # type: ignore[method-assign,assignment]
        return spec

    def _quietly(self, execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        def executed(module: ModuleType) -> None:
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
            os.environ.setdefault("KERAS_BACKEND", "tensorflow")
            self.depth += 1
            try:
                with quiet_stderr():
                    execute(module)
            finally:
                self.depth -= 1
            if module.__name__ == "tensorflow":
                module.get_logger().setLevel("ERROR")

        return executed


class Ops:
    """``keras.ops``, which is loaded at the first use of one of its functions; importing ``ops`` costs nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by tools that look at modules, such as doctest
            raise AttributeError(name)
        load()
        import keras

        return getattr(keras.ops, name)


ops = Ops()
"""``keras.ops``, which loads Keras when one of its functions is first used."""


def gpus() -> tuple[str, ...]:
    """The product names of the GPUs that TensorFlow detects."""
    import tensorflow as tf

    with quiet_stderr():  # the CUDA loader prints
        found = tf.config.list_physical_devices("GPU")
        details = [tf.config.experimental.get_device_details(gpu) for gpu in found]
    return tuple(str(detail.get("device_name", gpu.name)) for detail, gpu in zip(details, found, strict=True))


def has_gpu() -> bool:
    """Whether TensorFlow can use a GPU."""
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))


def devices(device: str) -> tuple[str, ...]:
    """TensorFlow's names for "auto", "cpu", "gpu" or "gpu:0,1". "auto" is all GPUs, or else the CPU.

    Raises:
        ConfigError: the text is not one of these, or the device does not exist.
    """
    import tensorflow as tf

    match = DEVICE.fullmatch(device)
    if match is None:
        raise ConfigError(f"device {device!r}: expected auto, cpu, gpu, or gpu with numbers such as gpu:0,1")
    kind = (match[1] or "gpu").upper()
    present = [logical.name for logical in tf.config.list_logical_devices(kind)]
    if device == "auto":
        return tuple(present) or ("/device:CPU:0",)
    if match[2] is None:
        wanted = present if kind == "GPU" else present[:1]
    else:
        numbers = dict.fromkeys(map(int, match[2].split(",")))
        wanted = [present[number] for number in numbers if number < len(present)]
        if len(wanted) < len(numbers):
            wanted = []
    if not wanted:
        raise ConfigError(
            f"device {device!r}: TensorFlow sees {len(present)} {kind} device(s) here; 'cpu' always works"
        )
    return tuple(wanted)


def strategy_over(names: Sequence[str]) -> Any:
    """The ``tf.distribute`` strategy for these devices: one device, or mirrored over several.

    Over CPU devices, sums are reduced on one of them: the collective operations of two strategies in one process
    interfere with each other.
    """
    import tensorflow as tf

    if len(names) == 1:
        return tf.distribute.OneDeviceStrategy(names[0])
    cpus = all("cpu" in name.lower() for name in names)
    sums = tf.distribute.ReductionToOneDevice() if cpus else None
    return tf.distribute.MirroredStrategy(list(names), cross_device_ops=sums)


def input_gradient(function: Callable[[Any], Any], x: Any) -> Any:
    """The gradient of ``sum(function(x))`` with respect to ``x``; it can be differentiated again.

    Shapes:
        x: any -> the same; zeros where ``function`` does not depend on it
    """
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(function(x))
    return tape.gradient(total, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def fused_normalization(x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any] | None:
    """Batch normalization in one fused operation; None if the backend or the type has no such operation.

    Each channel gets mean 0 and variance 1 over all images, then ``gamma`` and ``beta``.

    Shapes:
        x: (N, H, W, C); gamma, beta: (C,) float32
        -> same as x; mean and unbiased variance, (C,) float32 each
    """
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow" or keras.backend.standardize_dtype(x.dtype) not in FUSED:
        return None
    scale, offset = (tf.convert_to_tensor(each, tf.float32) for each in (gamma, beta))
    found: tuple[Any, Any, Any] = tf.compat.v1.nn.fused_batch_norm(x, scale, offset, epsilon=epsilon, is_training=True)
    return found


@contextlib.contextmanager
def portable(one_picture: bool = False) -> Iterator[None]:
    """Make layers that have two forms of an operation use the one that other software has an operator for.

    The other form is faster in TensorFlow, such as mirrored padding by slices. Both compute the same.

    Args:
        one_picture: for software without an axis of pictures, so that channels are never moved into it
    """
    token, single = _PORTABLE.set(True), _ONE_PICTURE.set(one_picture)
    try:
        yield
    finally:
        _PORTABLE.reset(token)
        _ONE_PICTURE.reset(single)


def is_portable() -> bool:
    """Whether the body of ``portable`` is running."""
    return _PORTABLE.get()


def is_for_one_picture() -> bool:
    """Whether the body of ``portable(one_picture=True)`` is running."""
    return _ONE_PICTURE.get()


def replica_sum(x: Any) -> Any:
    """The sum of ``x`` over all replicas, with its gradient; ``x`` itself if there is only one replica.

    Shapes:
        x: any, the same on each replica -> the same
    """
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return x
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)


def replicas() -> int:
    """The number of replicas in sync; 1 outside training."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return 1 if context is None else int(context.num_replicas_in_sync)


def split_cpu(count: int = 2) -> None:
    """Split the CPU into several logical devices, "cpu:0" and so on, to test multi-device training on one machine.

    Raises:
        RuntimeError: TensorFlow has already initialised the CPU.
    """
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(cpu) or ()) < count:
        try:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
        except RuntimeError as error:
            raise RuntimeError(
                f"TensorFlow has already used the CPU as one device, so it cannot be split into {count}: call "
                "img2imgkit.backend.split_cpu() before anything else computes"
            ) from error


def mirrored_cpus(count: int = 2) -> Any:
    """A ``tf.distribute`` strategy over ``count`` logical CPU devices.

    Raises:
        RuntimeError: TensorFlow has already initialised the CPU as fewer devices.
    """
    split_cpu(count)
    return strategy_over([f"/cpu:{number}" for number in range(count)])
