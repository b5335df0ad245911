"""Whether a task's networks do to sizes, and see of a picture, what its ``geometry`` says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from img2imgkit import backend
from img2imgkit.bundle import Bundle
from img2imgkit.images import Picture
from img2imgkit.inference import Translator, conditions_of, encoded_conditions
from img2imgkit.task import Geometry, Networks, Task
from img2imgkit.testing.batches import random_inputs
from img2imgkit.testing.claims import expect, must_work

_UNBOUNDED_SIDE = 96  # where a network that "sees everything" must see more than half
_PHASES = 4
_LIFT = 3.0  # standard deviations: a norm's output is hardly ever further from its mean
_LARGE = 64  # a multiple from which on fewer sizes are tried


def check_sizes(task: Task, nets: Networks) -> None:
    """Every allowed size comes out ``scale`` times as large, in the written channels, and finite."""
    geometry, generators = task.geometry(), _Generators(nets.generators)
    scale = geometry.scale
    for height, width in allowed_sizes(geometry):
        inputs = random_inputs(task, generators, np.random.default_rng(height), 2, (height, width))
        shape = inputs["source"].shape
        try:
            result = np.asarray(task.translate(generators, inputs))
        except Exception as error:  # whatever the layers raise
            raise AssertionError(f"translate fails on {shape}, which geometry() allows: {error}") from error
        wanted = (2, scale * height, scale * width, geometry.written)
        expect(result.shape == wanted, f"translate made {result.shape} of {shape}; geometry() promises {wanted}")
        expect(np.isfinite(result).all(), f"translate made NaN or infinity of noise of {shape}")


def check_pictures(bundle: Bundle) -> None:
    """Through the Translator every size comes out exactly ``scale`` times as large, from one pixel up."""
    geometry = bundle.task.geometry()
    unit, scale = least_side(geometry), geometry.scale
    translator = Translator(bundle, device="cpu")
    rng = np.random.default_rng(unit)
    given = {
        name: translator.encode(name, [_picture(rng, unit, unit, geometry.written)])
        for name in encoded_conditions(bundle.task)
    }
    maps = [name for name, condition in conditions_of(bundle.task).items() if condition.kind == "map"]
    for height, width in ((1, 1), (1, unit + 1), (unit + 2, 1), (2 * unit - 1, unit + 1)):
        ids = {name: rng.integers(0, geometry.ids or 2, (height, width)) for name in maps}
        with must_work(f"a picture of {width}x{height} pixels"):
            result = translator.translate(_picture(rng, height, width, geometry.channels), {**given, **ids}).picture
        size, wanted = (result.width, result.height), (scale * width, scale * height)
        expect(size == wanted, f"a picture of {width}x{height} became {size}, expected {wanted}")
        found, written = result.color.shape[2], geometry.written
        expect(found == written, f"a picture came out with {found} channels; geometry() promises {written}")


def _picture(rng: np.random.Generator, height: int, width: int, channels: int) -> Picture:
    pixels = rng.integers(0, 256, (height, width, channels)).astype(np.uint8)
    return Picture(pixels, None, "grey" if channels == 1 else "rgb")


def check_radius(task: Task, nets: Networks) -> None:
    """No output pixel depends on inputs beyond ``radius``; with ``radius=None`` it does on most of the picture."""
    geometry = task.geometry()
    side = measuring_side(geometry)
    reach = measured_reach(task, nets, side)
    if reach is None:  # positive codes may drive all that follows them into saturation
        reach = _reach(task, nets, side)
    expect(reach is not None, "translate does not depend on its input")
    assert reach is not None
    check_reach(reach, geometry, side)


def check_reach(reach: int, geometry: Geometry, side: int) -> None:
    """What was measured on a picture of that side fits ``geometry``."""
    if geometry.radius is None:
        bounded = 2 * reach + 1 < side // 2
        expect(not bounded, f"geometry() says radius=None, but no pixel depends on others further than {reach} away")
        return
    claim = f"geometry() says radius={geometry.radius}, but output pixels depend on inputs {reach} pixels away"
    expect(reach <= geometry.radius, f"{claim}, so that tiles would show seams")


def measured_reach(task: Task, nets: Networks, side: int) -> int | None:
    """The furthest input that an output pixel in the middle of a ``side`` x ``side`` picture depends on, in pixels.

    None: it depends on no input.

    It is read off the gradient, with weights that are all positive and keep the scale, so that no path through the
    network cancels another or dies in a rectifier. The networks' weights are as before afterwards.
    """
    models = list(nets.generators.values())
    with unchanged(models):
        set_positive_weights(models)
        return _reach(task, nets, side)


def _reach(task: Task, nets: Networks, side: int) -> int | None:
    rng = np.random.default_rng(0)
    beside = random_inputs(task, nets, rng, 1, (side, side))
    source = rng.uniform(0.1, 1, (1, side, side, task.geometry().channels)).astype(np.float32)
    return reach_of(lambda image: task.translate(nets, {**beside, "source": image}), source, task.geometry())


def reach_of(function: Callable[[Any], Any], source: np.ndarray, geometry: Geometry) -> int | None:
    """The furthest input that the outputs on some input pixels in the middle depend on; None: they depend on none.

    Args:
        function: from an image to an image; its gradient must show every path
    Shapes:
        source: (1, H, W, C)
    """
    found = [_reach_from(function, source, geometry, phase) for phase in _phases(geometry.multiple)]
    return max((reach for reach in found if reach is not None), default=None)


def _reach_from(function: Callable[[Any], Any], source: np.ndarray, geometry: Geometry, phase: int) -> int | None:
    import keras

    scale, (height, width) = geometry.scale, source.shape[1:3]
    row, column = (side // geometry.multiple // 2 * geometry.multiple + phase for side in (height, width))

    def middle_pixels(image: Any) -> Any:
        """All outputs that lie on the middle input pixel."""
        made = function(image)
        return made[:, scale * row : scale * (row + 1), scale * column : scale * (column + 1)]

    with keras.device("cpu:0"):  # where what is zero is exactly zero: other devices transform tiles of a convolution
        gradient = np.asarray(backend.input_gradient(middle_pixels, keras.ops.convert_to_tensor(source)))
    rows, columns = np.nonzero(np.abs(gradient[0]).max(axis=-1))
    return int(max(np.abs(rows - row).max(), np.abs(columns - column).max())) if len(rows) else None


@contextmanager
def unchanged(models: Sequence[Any]) -> Iterator[None]:
    """Weights are afterwards as they were before."""
    before = [model.get_weights() for model in models]
    try:
        yield
    finally:
        for model, weights in zip(models, before, strict=True):
            model.set_weights(weights)


def set_positive_weights(models: Sequence[Any], seed: int = 1) -> None:
    """Positive kernels that let nothing grow, and norms that give out nothing negative; the rest stays.

    Spectral normalization leaves the new kernels as they are.
    """
    rng = np.random.default_rng(seed)
    for model in models:
        for variable in model.trainable_variables:
            if len(variable.shape) in (2, 4):
                kernel = rng.uniform(0.5, 1, tuple(variable.shape))
                sides = (kernel.sum(axis=(*range(kernel.ndim - 2), side)) for side in (-2, -1))  # inputs, outputs
                variable.assign(kernel / max(sums.max() for sums in sides))
            elif variable.name == "beta":
                variable.assign(np.full(tuple(variable.shape), _LIFT))
        _settle_spectral(model)


def _settle_spectral(model: Any) -> None:
    """``u`` (1, out) and ``v`` (1, h * w * in) beside each kernel that has some, so that its norm counts as 1."""
    places = {variable.path: variable for variable in model.variables}
    for path, left in places.items():
        layer = path.removesuffix("/u")
        kernel, right = places.get(f"{layer}/kernel"), places.get(f"{layer}/v")
        if layer == path or kernel is None or right is None:
            continue
        matrix = np.asarray(kernel).reshape(-1, kernel.shape[-1])
        rows, columns = matrix.shape
        left.assign(np.full((1, columns), 1.0))
        right.assign(np.full((1, rows), 1 / matrix.sum()))


def measuring_side(geometry: Geometry) -> int:
    """Large enough to see a reach beyond the promised one."""
    wanted = _UNBOUNDED_SIDE if geometry.radius is None else 2 * (geometry.radius + geometry.multiple + 2) + 1
    return -(-max(wanted, geometry.minimum) // geometry.multiple) * geometry.multiple


def least_side(geometry: Geometry) -> int:
    """The smallest allowed height and width."""
    return -(-geometry.minimum // geometry.multiple) * geometry.multiple


def allowed_sizes(geometry: Geometry) -> tuple[tuple[int, int], ...]:
    """Heights and widths: the smallest, longer on one side, and some more on both."""
    least, unit = least_side(geometry), geometry.multiple
    sizes = ((least, least), (least, least + 2 * unit), (least + unit, least))
    return sizes if unit >= _LARGE else (*sizes, (least + 4 * unit, least + 3 * unit))


class _Generators(Networks):
    """Networks as a bundle gives them back: generators alone."""

    def __getitem__(self, role: str) -> Any:
        expect(role in self.generators, f"translate uses network {role!r}, but a bundle holds generators only")
        return super().__getitem__(role)


def _phases(multiple: int) -> tuple[int, ...]:
    """Places within a block of ``multiple`` pixels: its ends, and some between."""
    return tuple(dict.fromkeys(round(place * (multiple - 1) / (_PHASES - 1)) for place in range(_PHASES)))
