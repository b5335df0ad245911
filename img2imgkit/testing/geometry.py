"""Verify sizes and receptive field of a task's networks against its ``geometry``."""

from __future__ import annotations

import time
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

_UNBOUNDED_SIDE = 96  # with radius=None, an output must depend on more than half of this
_PHASES = 4
_LIFT = 3.0  # standard deviations: a norm's output is hardly ever further from its mean
_ROUNDING = 1e-5  # of the output's range: differences up to this are explained by rounding
_LEAST_HIDDEN = 8  # pixels of the picture that a tile does not show, at least
_LARGE = 64  # for multiples from this on, fewer sizes are tested


def check_sizes(task: Task, nets: Networks) -> None:
    """For every allowed size the output is finite, ``scale`` times as large, and has the promised channels."""
    geometry, generators = task.geometry(), _Generators(nets.generators)
    scale = geometry.scale
    for height, width in allowed_sizes(geometry):
        inputs = random_inputs(task, generators, np.random.default_rng(height), 2, (height, width))
        shape = inputs["source"].shape
        try:
            result = np.asarray(task.translate(generators, inputs))
        except Exception as error:  # layers can raise anything
            raise AssertionError(f"translate fails on {shape}, which geometry() allows: {error}") from error
        wanted = (2, scale * height, scale * width, geometry.written)
        expect(result.shape == wanted, f"translate returned {result.shape} for {shape}; geometry() promises {wanted}")
        expect(np.isfinite(result).all(), f"translate returned NaN or infinity for noise of {shape}")


def check_pictures(bundle: Bundle) -> None:
    """The Translator's output is exactly ``scale`` times as large as the picture, for any size from one pixel up."""
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
        expect(found == written, f"a picture was translated to {found} channels; geometry() promises {written}")


def _picture(rng: np.random.Generator, height: int, width: int, channels: int) -> Picture:
    pixels = rng.integers(0, 256, (height, width, channels)).astype(np.uint8)
    return Picture(pixels, None, "grey" if channels == 1 else "rgb")


def check_radius(task: Task, nets: Networks) -> None:
    """No output pixel depends on inputs beyond ``radius``; with ``radius=None`` it depends on most of the picture."""
    geometry = task.geometry()
    side = measuring_side(geometry)
    reach = measured_reach(task, nets, side)
    if reach is None:  # positive codes can saturate the layers that follow
        reach = _reach(task, nets, side)
    expect(reach is not None, "translate does not depend on its input")
    assert reach is not None
    check_reach(reach, geometry, side)


def check_reach(reach: int, geometry: Geometry, side: int) -> None:
    """The reach measured on a picture of that side agrees with ``geometry``."""
    if geometry.radius is None:
        bounded = 2 * reach + 1 < side // 2
        expect(
            not bounded, f"geometry() states radius=None, but no pixel depends on inputs more than {reach} pixels away"
        )
        return
    claim = f"geometry() states radius={geometry.radius}, but output pixels depend on inputs {reach} pixels away"
    expect(reach <= geometry.radius, f"{claim}, so tiles would show seams")


def measured_reach(task: Task, nets: Networks, side: int) -> int | None:
    """The distance in pixels to the farthest input that a central output of a ``side`` x ``side`` picture depends on.

    None if it depends on no input.

    The distance is measured by the gradient, with positive, normalised weights, so that no path through the network
    cancels another or is blocked by a rectifier. The networks' own weights are restored afterwards.
    """
    models = list(nets.generators.values())
    with unchanged(models):
        set_positive_weights(models)
        return _reach(task, nets, side)


def _reach(task: Task, nets: Networks, side: int) -> int | None:
    rng = np.random.default_rng(0)
    others = random_inputs(task, nets, rng, 1, (side, side))
    source = rng.uniform(0.1, 1, (1, side, side, task.geometry().channels)).astype(np.float32)
    return reach_of(lambda image: task.translate(nets, {**others, "source": image}), source, task.geometry())


def reach_of(function: Callable[[Any], Any], source: np.ndarray, geometry: Geometry) -> int | None:
    """The distance to the farthest input that outputs at central pixels depend on; None if they depend on none.

    Args:
        function: maps an image to an image; every path must contribute to its gradient
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
        """All outputs at the position of the central input pixel."""
        made = function(image)
        return made[:, scale * row : scale * (row + 1), scale * column : scale * (column + 1)]

    with keras.device("cpu:0"):  # exact zeros: on other devices convolutions transform whole tiles
        gradient = np.asarray(backend.input_gradient(middle_pixels, keras.ops.convert_to_tensor(source)))
    rows, columns = np.nonzero(np.abs(gradient[0]).max(axis=-1))
    return int(max(np.abs(rows - row).max(), np.abs(columns - column).max())) if len(rows) else None


def measuring_seconds(function: Callable[[Any], Any], source: np.ndarray, geometry: Geometry) -> float:
    """Estimate from one gradient how long ``reach_of`` takes."""
    phases = _phases(geometry.multiple)
    start = time.perf_counter()
    _reach_from(function, source, geometry, phases[0])
    return len(phases) * (time.perf_counter() - start)


def check_tiles(
    function: Callable[[Sequence[Any]], Any], inputs: Sequence[np.ndarray], geometry: Geometry, axis: int
) -> bool:
    """Output pixels of two overlapping tiles with ``radius`` pixels of context equal those of the whole picture.

    They also stay the same if all pixels further away are enormous, which shows influences that are too faint for
    pictures.

    Args:
        function: maps inputs, the first of which is an image, to an image
        axis: 1: one tile above the other; 2: side by side
    Shapes:
        inputs: (1, H, W, C) first, ``tiled_side`` long along ``axis``; other inputs of that height and width are cut
            along with it
        -> whether the output varies at all; if it does not, equal tiles prove nothing
    Raises:
        AssertionError: they differ by more than rounding, so the radius is too small.
    """
    radius, scale, size = geometry.radius or 0, geometry.scale, inputs[0].shape[1:3]
    length, tile = size[axis - 1], size[axis - 1] - _hidden(geometry)

    def made(start: int, stop: int) -> np.ndarray:
        cut = (slice(None),) * axis + (slice(start, stop),)
        return _on_cpu(function, [each[cut] if each.shape[1:3] == size else each for each in inputs])

    whole, first, second = (
        np.moveaxis(made(*ends), axis, 0) for ends in ((0, length), (0, tile), (length - tile, length))
    )
    kept = scale * (tile - radius)  # pixels of each tile, from the picture's own edge to the last with full context
    difference = max(np.abs(whole[:kept] - first[:kept]).max(), np.abs(whole[-kept:] - second[-kept:]).max())
    spread = np.ptp(whole)
    claim = f"geometry() states radius={radius}, but"
    expect(
        difference <= _ROUNDING * spread,
        f"{claim} a tile with that much context differs from the whole picture by up to {difference:.3g} where the "
        f"output spans {spread:.3g}, so tiles would show seams",
    )
    for phase in _phases(geometry.multiple):
        near, edge = scale * (tile - phase - radius), tile - phase
        for side, far in ((slice(near), slice(edge, None)), (slice(-near, None), slice(length - edge))):
            enormous = np.moveaxis(_on_cpu(function, _amplified(inputs, far, axis)), axis, 0)
            expect(
                np.abs(enormous[side] - whole[side]).max() <= _ROUNDING * spread,
                f"{claim} pixels further away change the output, though faintly",
            )
    return bool(spread > 0)


def _amplified(inputs: Sequence[np.ndarray], far: slice, axis: int) -> list[np.ndarray]:
    """Inputs whose image is enormous in a slice along an axis, but leaves room to grow in the network."""
    image = np.array(inputs[0])
    image[(slice(None),) * axis + (far,)] *= np.finfo(image.dtype).max ** (1 / 3)
    return [image, *inputs[1:]]


def tiled_side(geometry: Geometry) -> int:
    """The length of a picture that ``check_tiles`` cuts: what each tile hides, and their overlap in between."""
    return 2 * _hidden(geometry) + _overlap(geometry)


def _overlap(geometry: Geometry) -> int:
    """Of two tiles, so that every pixel has ``radius`` pixels of context in one of them."""
    return -(-2 * (geometry.radius or 0) // geometry.multiple) * geometry.multiple


def _hidden(geometry: Geometry) -> int:
    """The part of the picture outside a tile, such that tiles are neither too small nor almost everything."""
    wanted = max(_LEAST_HIDDEN, geometry.minimum - _overlap(geometry))
    return -(-wanted // geometry.multiple) * geometry.multiple


def _on_cpu(function: Callable[[Sequence[Any]], Any], inputs: Sequence[np.ndarray]) -> np.ndarray:
    import keras

    with keras.device("cpu:0"):  # others may compute convolutions with reduced precision
        return np.asarray(function([keras.ops.convert_to_tensor(each) for each in inputs]))


@contextmanager
def unchanged(models: Sequence[Any]) -> Iterator[None]:
    """Restore the models' weights afterwards."""
    before = [model.get_weights() for model in models]
    try:
        yield
    finally:
        for model, weights in zip(models, before, strict=True):
            model.set_weights(weights)


def set_positive_weights(models: Sequence[Any], seed: int = 1) -> None:
    """Set positive kernels that amplify nothing, and norm offsets that keep outputs positive; keep the other weights.

    The state of spectral normalization is set so that it does not scale these kernels.
    """
    rng = np.random.default_rng(seed)
    for model in models:
        for variable in model.trainable_variables:
            if len(variable.shape) in (2, 4):
                kernel = rng.uniform(0.5, 1, tuple(variable.shape))
                sums = (kernel.sum(axis=(*range(kernel.ndim - 2), axis)) for axis in (-2, -1))  # inputs, outputs
                variable.assign(kernel / max(each.max() for each in sums))
            elif variable.name == "beta":
                variable.assign(np.full(tuple(variable.shape), _LIFT))
        _settle_spectral(model)


def _settle_spectral(model: Any) -> None:
    """Set ``u`` (1, out) and ``v`` (1, h * w * in) of each spectrally normalized kernel so that its norm is 1."""
    variables = {variable.path: variable for variable in model.variables}
    for path, left in variables.items():
        layer = path.removesuffix("/u")
        kernel, right = variables.get(f"{layer}/kernel"), variables.get(f"{layer}/v")
        if layer == path or kernel is None or right is None:
            continue
        matrix = np.asarray(kernel).reshape(-1, kernel.shape[-1])
        rows, columns = matrix.shape
        left.assign(np.full((1, columns), 1.0))
        right.assign(np.full((1, rows), 1 / matrix.sum()))


def measuring_side(geometry: Geometry) -> int:
    """A side large enough to detect a larger radius than promised."""
    wanted = _UNBOUNDED_SIDE if geometry.radius is None else 2 * (geometry.radius + geometry.multiple + 2) + 1
    return -(-max(wanted, geometry.minimum) // geometry.multiple) * geometry.multiple


def least_side(geometry: Geometry) -> int:
    """The smallest allowed height and width."""
    return -(-geometry.minimum // geometry.multiple) * geometry.multiple


def allowed_sizes(geometry: Geometry) -> tuple[tuple[int, int], ...]:
    """Heights and widths to test: the smallest, longer in one dimension, and larger in both."""
    least, unit = least_side(geometry), geometry.multiple
    sizes = ((least, least), (least, least + 2 * unit), (least + unit, least))
    return sizes if unit >= _LARGE else (*sizes, (least + 4 * unit, least + 3 * unit))


class _Generators(Networks):
    """Networks as loaded from a bundle: generators only."""

    def __getitem__(self, role: str) -> Any:
        expect(role in self.generators, f"translate uses network {role!r}, but a bundle contains generators only")
        return super().__getitem__(role)


def _phases(multiple: int) -> tuple[int, ...]:
    """Positions within a block of ``multiple`` pixels: its ends and some in between."""
    return tuple(dict.fromkeys(round(place * (multiple - 1) / (_PHASES - 1)) for place in range(_PHASES)))
