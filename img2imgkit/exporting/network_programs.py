"""A bundle's single networks as programs, sampled with the inputs that they get during a translation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from img2imgkit.bundle import Bundle
from img2imgkit.errors import ExportError
from img2imgkit.exchange import NETWORK, Arrays, DType, Port, Program
from img2imgkit.exporting.export_options import Size, legal_size
from img2imgkit.formats.onnx_writer import first_line
from img2imgkit.task import Geometry, Networks

RunTask = Callable[[np.random.Generator, int, int, int, Networks], None]
LARGEST_INPUT = 1 << 28  # numbers
MOST_HALVINGS = 8  # of a picture in a network: 256 pixels become one
PLACES = 5  # test length of a free axis that is neither height nor width


class _Recorder:
    """A network that records the inputs of its first call."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.given: list[np.ndarray] = []

    def __call__(self, inputs: Any, *arguments: Any, **options: Any) -> Any:
        import keras

        if not self.given:
            self.given = [np.asarray(each) for each in keras.tree.flatten(inputs)]
        return self.model(inputs, *arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def network_programs(bundle: Bundle, run_task: RunTask, size: Size | None) -> Sequence[Program]:
    """A program for each network that can be called by itself.

    Args:
        run_task: runs the task once with the given random generator, batch size, height, width and networks
        size: height and width of a translation's input if fixed
    """
    task = bundle.task
    found = [
        _Network(bundle.nets, role, model, run_task, task.geometry(), task.minimum_crop())
        for role, model in bundle.nets.generators.items()
        if getattr(model, "inputs", None)
    ]
    return [network.program(size) for network in found]


def network_program(model: Any) -> Program:
    """The program of a network that belongs to no task.

    Raises:
        ExportError: its input is huge, or it cannot be run at any size that was tried.
    """
    largest = max(math.prod(size or 1 for size in tensor.shape) for tensor in model.inputs)
    if largest > LARGEST_INPUT:
        raise ExportError(f"the network {model.name} reads {largest:,} numbers at once")
    nets, role = Networks({"generator": model}), "generator"
    geometry = Geometry(multiple=_multiple(model))
    return _Network(nets, role, model, lambda *_: None, geometry, 1).program(None)


def _multiple(model: Any) -> int:
    """The least power of 2 of which heights and widths must be multiples."""
    random = np.random.default_rng(0)
    for unit in (1 << power for power in range(MOST_HALVINGS + 1)):
        size = legal_size(Geometry(multiple=unit), 1)
        given = [_noise(random, tensor, 1, *size) for tensor in model.inputs]
        try:
            model(given if len(given) > 1 else given[0], training=False)
        except Exception as error:  # Keras and TensorFlow raise many kinds for sizes that do not fit together
            reason = first_line(error)
        else:
            return unit
    raise ExportError(f"the network {model.name} runs at none of the sizes that were tried: {reason}")


class _Network:
    """A network that becomes a program.

    Attributes:
        shrunk: the ratio of the picture's size to the size of the network's input; None if no translation calls it
    """

    def __init__(
        self, nets: Networks, role: str, model: Any, run_task: RunTask, geometry: Geometry, least: int
    ) -> None:
        self.nets, self.role, self.model, self.run_task = nets, role, model, run_task
        self.names = _names([tensor.name for tensor in model.inputs], "input")
        self.unit, self.least = geometry.multiple, max(least, geometry.minimum)
        place = legal_size(geometry, 1)
        self.shrunk: int | None = None
        recorded = self._recorded(np.random.default_rng(0), 2, *place)
        self.shrunk = _ratio(place, _largest(recorded)) if recorded else None
        if self.shrunk:
            self.unit, self.least = max(1, self.unit // self.shrunk), -(-geometry.minimum // self.shrunk)

    def program(self, size: Size | None) -> Program:
        """The network's program. Its size is fixed if ``size`` is and the resulting input size is known."""
        fixed = (size[0] // self.shrunk, size[1] // self.shrunk) if size and self.shrunk else None
        own = fixed or legal_size(Geometry(multiple=self.unit, minimum=self.least), 1)
        given = self.sample(np.random.default_rng(0), 2, *own)
        made = self._called([given[name] for name in self.names])
        names = _names(list(self.model.output_names) if len(made) > 1 else [""], "output")
        inputs = [
            _port(name, tensor.shape, given[name].shape, own, fixed, _dtype(tensor))
            for name, tensor in zip(self.names, self.model.inputs, strict=True)
        ]
        outputs = [
            _port(name, tensor.shape, np.shape(array), own, fixed, _dtype(tensor))
            for name, tensor, array in zip(names, self.model.outputs, made, strict=True)
        ]
        first = np.shape(made[0])
        ratio = _ratio(first[1:3], own) if len(first) == 4 and len(made) == 1 else None

        def call(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
            return dict(zip(names, self._called([inputs[name] for name in self.names]), strict=True))

        return Program(
            name=f"{NETWORK}{self.role}",
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            call=call,
            sample=self.sample,
            multiple=self.unit,
            minimum=self.least,
            scale=ratio,
            size=fixed,
            model=self.model,
        )

    def sample(self, random: np.random.Generator, count: int, height: int, width: int) -> Arrays:
        """Inputs recorded during a translation; noise if no translation calls the network."""
        if self.shrunk:
            return self._recorded(random, count, height * self.shrunk, width * self.shrunk)
        return {
            name: _noise(random, tensor, count, height, width)
            for name, tensor in zip(self.names, self.model.inputs, strict=True)
        }

    def _recorded(self, random: np.random.Generator, count: int, height: int, width: int) -> Arrays:
        recorder = _Recorder(self.model)
        self.run_task(random, count, height, width, Networks({**self.nets.generators, self.role: recorder}))
        given = zip(self.names, self.model.inputs, recorder.given, strict=False)
        return {name: each.astype(_dtype(tensor)) for name, tensor, each in given}

    def _called(self, inputs: list[Any]) -> list[Any]:
        import keras

        return list(keras.tree.flatten(self.model(inputs if len(inputs) > 1 else inputs[0], training=False)))


def _names(stated: Sequence[str], usual: str) -> tuple[str, ...]:
    """Port names that do not depend on Keras's per-process counter in automatic names."""
    known = [name if name and not name.startswith("keras_tensor") else "" for name in stated]
    if len(stated) == 1:
        return (known[0] or usual,)
    unique = len({*known}) == len(known)
    return tuple(name if name and unique else f"{usual}_{number}" for number, name in enumerate(known))


def _dtype(tensor: Any) -> DType:
    return "int32" if tensor.dtype.startswith("int") else "float32"


def _largest(arrays: Arrays) -> Size | None:
    """Height and width of the largest picture among arrays."""
    sizes = [array.shape[1:3] for array in arrays.values() if array.ndim == 4]
    return max(sizes) if sizes else None


def _ratio(large: Sequence[int], small: Sequence[int] | None) -> int | None:
    """The size ratio, if it is the same integer for height and width; otherwise None."""
    if small is None or large[0] % small[0] or large[0] // small[0] * small[1] != large[1]:
        return None
    return int(large[0] // small[0])


def _port(
    name: str, stated: Sequence[int | None], seen: Sequence[int], own: Size, fixed: Size | None, dtype: DType
) -> Port:
    """Describe an input or output, given its shape ``seen`` in a call with size ``own``."""
    axes, shape = ["batch", *[""] * (len(stated) - 1)], [None, *stated[1:]]
    for axis, side in enumerate(("height", "width"), 1):
        if len(stated) == 4 and stated[axis] is None:
            here, whole = seen[axis], own[axis - 1]
            times = f"*{here // whole}" if here > whole else f"/{whole // here}" if here < whole else ""
            axes[axis], shape[axis] = ("", here) if fixed else (f"{side}{times}", None)
    if len(stated) != 4:
        axes = [axes[0], *(f"places_{name}" if each is None else "" for each in stated[1:])]
    kind = {4: "features, NHWC", 3: "features of places", 2: "vectors"}.get(len(stated), "numbers")
    return Port(name, tuple(shape), dtype, kind if dtype == "float32" else "ids", tuple(axes))


def _noise(random: np.random.Generator, tensor: Any, count: int, height: int, width: int) -> np.ndarray:
    sides = {4: [height, width]}.get(len(tensor.shape), [PLACES] * len(tensor.shape))
    free = [sides.pop(0) if size is None else size for size in tensor.shape[1:]]
    if _dtype(tensor) == "int32":
        return random.integers(0, 4, (count, *free)).astype(np.int32)
    return random.uniform(-1, 1, (count, *free)).astype(np.float32)
