"""Measure how far a network sees: the distance from an output pixel to the farthest input that changes it.

The distance is measured by gradients, which tell it exactly. Inputs without a gradient, such as ids of label maps, are
changed instead: an output that stays the same does not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from img2imgkit import backend
from img2imgkit.errors import GeometryError
from img2imgkit.geometry import Geometry
from img2imgkit.geometry_proof.made_inputs import Arrays, random_inputs
from img2imgkit.geometry_proof.sizes import Size, least_side
from img2imgkit.geometry_proof.weights import set_positive_weights, unchanged
from img2imgkit.task import Networks, Task

_UNBOUNDED_SIDE = 96  # with radius=None, an output must depend on more than half of this
_PHASES = 4
_STRIP = 8  # pixels, the shorter side of a strip, at least
_ROUNDING = 1e-6  # of the output's range: differences up to this are explained by rounding
_MOST_SIDE = 512  # pixels; a radius that is still larger is reported as "at least"


def prove_radius(
    task: Task, nets: Networks, sizes: tuple[Size, ...], fits: Callable[[Size], bool] = lambda size: True
) -> int | None:
    """Prove that no output pixel depends on inputs beyond the radius that the geometry states.

    Args:
        sizes: heights and widths of the pictures to measure on: a square, or a strip in each direction
        fits: whether there is time to measure on a larger picture, if the radius turns out to be larger

    Returns:
        the measured reach; None if the output depends on no input
    Raises:
        GeometryError: the radius is larger; the text states the measured one.
    """
    radius = task.geometry().radius
    found = [measured_reach(task, nets, size, radius) for size in sizes]
    reach = max((each for each in found if each is not None), default=None)
    if radius is None or reach is None or reach <= radius:
        return reach
    sides = [max(size) for size in sizes]
    while reach >= min(sides) // 2 - task.geometry().multiple and max(sides) < _MOST_SIDE:
        sizes = tuple(_doubled(size, task.geometry().multiple) for size in sizes)
        if not all(map(fits, sizes)):
            break
        sides = [max(size) for size in sizes]
        reach = max(reach, *(measured_reach(task, nets, size) or 0 for size in sizes))
    cut = reach >= min(sides) // 2 - task.geometry().multiple
    raise GeometryError(reach_problem(radius, reach, "at least " if cut else ""))


def reach_problem(radius: int, reach: int, least: str = "") -> str:
    """What is wrong with a radius that is smaller than the measured reach."""
    seen = f"output pixels depend on inputs {least}{reach} pixels away"
    return f"geometry() states radius={radius}, but {seen}, so tiles would show seams. Measured: radius={reach}"


def measured_reach(task: Task, nets: Networks, size: Size, enough: int | None = None) -> int | None:
    """The distance in pixels to the farthest input that a central output of a picture of that size depends on.

    The networks are measured with positive, normalised weights, so that no path through them cancels another, is
    blocked by a rectifier, or is multiplied by zero; with their own weights if the positive ones saturate every path.
    Their own weights are restored afterwards.

    Args:
        size: height and width
        enough: where measuring takes several translations, a reach up to this is returned as this

    Returns:
        None if it depends on no input
    """
    models = list(nets.generators.values())
    with unchanged(models):
        set_positive_weights(models)
        reach = _reach(task, nets, size, enough)
    return _reach(task, nets, size, enough) if reach is None else reach


def _reach(task: Task, nets: Networks, size: Size, enough: int | None) -> int | None:
    rng, geometry = np.random.default_rng(0), task.geometry()
    inputs = random_inputs(task, nets, rng, 1, size)
    if geometry.ids is not None:
        return _reach_by_change(task, nets, inputs, random_inputs(task, nets, rng, 1, size), enough)
    source = rng.uniform(0.1, 1, (1, *size, geometry.channels)).astype(np.float32)
    return reach_of(lambda image: task.translate(nets, {**inputs, "source": image}), source, geometry)


def reach_of(function: Callable[[Any], Any], source: np.ndarray, geometry: Geometry) -> int | None:
    """The distance to the farthest input that outputs at central pixels depend on; None if they depend on none.

    Args:
        function: maps an image to an image; every path must contribute to its gradient
    Shapes:
        source: (1, H, W, C)
    """
    found = [reach_from(function, source, geometry, phase) for phase in phases(geometry.multiple)]
    return max((reach for reach in found if reach is not None), default=None)


def reach_from(function: Callable[[Any], Any], source: np.ndarray, geometry: Geometry, phase: int) -> int | None:
    """As ``reach_of``, for the central pixels at one position within a block of ``multiple`` pixels."""
    import keras

    row, column = _centre(source.shape[1:3], geometry, phase)
    with keras.device("cpu:0"):  # exact zeros: on other devices convolutions transform whole tiles
        image = keras.ops.convert_to_tensor(source)
        gradient = np.asarray(backend.input_gradient(lambda x: _at(function(x), geometry, row, column), image))
    rows, columns = np.nonzero(np.abs(gradient[0]).max(axis=-1))
    return int(max(np.abs(rows - row).max(), np.abs(columns - column).max())) if len(rows) else None


def _reach_by_change(task: Task, nets: Networks, inputs: Arrays, others: Arrays, enough: int | None) -> int | None:
    """As ``reach_of``, for inputs without a gradient: the largest distance from which changed maps are noticed."""
    found = [_noticed_from(task, nets, inputs, others, phase, enough) for phase in phases(task.geometry().multiple)]
    return max((reach for reach in found if reach is not None), default=None)


def _noticed_from(
    task: Task, nets: Networks, inputs: Arrays, others: Arrays, phase: int, enough: int | None
) -> int | None:
    import keras

    geometry, size = task.geometry(), inputs["source"].shape[1:3]
    row, column = _centre(size, geometry, phase)
    distance = np.maximum.outer(np.abs(np.arange(size[0]) - row), np.abs(np.arange(size[1]) - column))

    def made(start: int) -> np.ndarray:
        """The central output if everything from a distance on is changed."""
        with keras.device("cpu:0"):
            mixed = {name: _mixed(each, others[name], distance >= start) for name, each in inputs.items()}
            return np.asarray(_at(task.translate(nets, mixed), geometry, row, column))

    low, high = 0, int(distance.max()) + 1  # a change from ``high`` on is not noticed
    whole = made(high)

    def noticed(start: int) -> bool:
        return bool(np.abs(made(start) - whole).max() > _ROUNDING * np.abs(whole).max())

    if enough is not None and not noticed(enough + 1):
        return enough if noticed(0) else None
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if noticed(middle) else (low, middle)
    return low - 1 if low else None


def _mixed(array: np.ndarray, other: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """A map with other values where it is changed; a vector stays."""
    return np.where(changed[None, ..., None], other, array) if array.shape[1:3] == changed.shape else array


def _centre(size: Size, geometry: Geometry, phase: int) -> Size:
    row, column = (side // geometry.multiple // 2 * geometry.multiple + phase for side in size)
    return row, column


def _at(made: Any, geometry: Geometry, row: int, column: int) -> Any:
    """All outputs at the position of an input pixel."""
    scale = geometry.scale
    return made[:, scale * row : scale * (row + 1), scale * column : scale * (column + 1)]


def measuring_side(geometry: Geometry) -> int:
    """A side large enough to detect a larger radius than promised."""
    wanted = _UNBOUNDED_SIDE if geometry.radius is None else 2 * (geometry.radius + geometry.multiple + 2) + 1
    return -(-max(wanted, geometry.minimum) // geometry.multiple) * geometry.multiple


def measuring_strips(geometry: Geometry) -> tuple[Size, Size]:
    """As ``measuring_side``, but a low picture and a narrow one, which cost less."""
    side, short = measuring_side(geometry), least_side(replace(geometry, minimum=max(geometry.minimum, _STRIP)))
    return (short, side), (side, short)


def phases(multiple: int) -> tuple[int, ...]:
    """Positions within a block of ``multiple`` pixels: its ends and some in between."""
    return tuple(dict.fromkeys(round(place * (multiple - 1) / (_PHASES - 1)) for place in range(_PHASES)))


def _doubled(size: Size, multiple: int) -> Size:
    """The longer side, or both of a square, twice as long."""
    height, width = (2 * side if side == max(size) else side for side in size)
    return height, width
