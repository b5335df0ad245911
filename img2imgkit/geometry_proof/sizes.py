"""Prove that a task translates every size that its geometry allows, and to the size and channels that it states."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from img2imgkit.errors import GeometryError
from img2imgkit.geometry import Geometry
from img2imgkit.geometry_proof.made_inputs import Arrays, random_inputs
from img2imgkit.task import Networks, Task

Size = tuple[int, int]

IMAGES = 2
_LARGE = 64  # for multiples from this on, fewer sizes are tested
_TRIED = (*range(1, 34), *range(36, 65, 4), *range(72, 129, 8), 160, 192, 224, 256)  # sides, once one has failed


def prove_sizes(task: Task, nets: Networks, sizes: Sequence[Size] | None = None) -> None:
    """For every allowed size the output is finite, ``scale`` times as large, and has the promised channels.

    Args:
        sizes: heights and widths; None: ``allowed_sizes``

    Raises:
        GeometryError: it is not; the text states what was measured instead.
    """
    for size in allowed_sizes(task.geometry()) if sizes is None else sizes:
        translated(task, nets, size)


def translated(task: Task, nets: Networks, size: Size) -> np.ndarray:
    """Noise of an allowed height and width, translated by the generators alone.

    Shapes:
        -> (2, scale * H, scale * W, written channels)
    Raises:
        GeometryError: the task cannot translate it, or to other sizes or channels than ``geometry`` states.
        TranslateError: the task requires a condition that cannot be made up.
    """
    geometry, (height, width) = task.geometry(), size
    shape = (IMAGES, height, width, geometry.channels)
    generators = _Generators(nets.generators)
    inputs = _inputs(task, generators, size)
    try:
        made = np.asarray(task.translate(generators, inputs))
    except GeometryError:
        raise
    except Exception as error:  # layers can raise anything
        claim, found = f"translate fails on {shape}, which geometry() allows: {_reason(error)}", _sides(task, nets)
        raise GeometryError(f"{claim}. Measured: {found}" if found else claim) from error
    wanted = (IMAGES, geometry.scale * height, geometry.scale * width, geometry.written)
    if made.shape != wanted:
        claim = f"translate returned {made.shape} for {shape}; geometry() promises {wanted}"
        found = ", ".join(_differences(made.shape, shape, task, nets))
        raise GeometryError(f"{claim}. Measured: {found}" if found else claim)
    if not np.isfinite(made).all():
        raise GeometryError(f"translate returned NaN or infinity for noise of {shape}")
    return made


def least_side(geometry: Geometry) -> int:
    """The smallest allowed height and width."""
    return -(-geometry.minimum // geometry.multiple) * geometry.multiple


def allowed_sizes(geometry: Geometry) -> tuple[Size, ...]:
    """Heights and widths to test: the smallest, longer in one dimension, and larger in both."""
    least, unit = least_side(geometry), geometry.multiple
    sizes = ((least, least), (least, least + 2 * unit), (least + unit, least))
    return sizes if unit >= _LARGE else (*sizes, (least + 4 * unit, least + 3 * unit))


def _inputs(task: Task, nets: Networks, size: Size) -> Arrays:
    return random_inputs(task, nets, np.random.default_rng(size[0]), IMAGES, size)


class _Generators(Networks):
    """Networks as loaded from a bundle: generators only."""

    def __getitem__(self, role: str) -> Any:
        if role not in self.generators:
            raise GeometryError(f"translate uses network {role!r}, but a bundle contains generators only")
        return super().__getitem__(role)


def _differences(made: Sequence[int], given: Sequence[int], task: Task, nets: Networks) -> Iterator[str]:
    """What ``geometry`` should state, as far as the shape of an output tells it."""
    geometry = task.geometry()
    if len(made) != len(given):
        return
    ratios = {made[axis] / given[axis] for axis in (1, 2)}
    if ratios != {geometry.scale}:
        found = _sides(task, nets)
        scale = ratios.pop() if len(ratios) == 1 else 0.0
        if found or scale.is_integer():
            yield found or f"scale={scale:.0f}"
    if made[3] != geometry.written:
        yield f"output_channels={made[3]}"


def _sides(task: Task, nets: Networks) -> str:
    """The multiple and the minimum of the sides that are enlarged as promised, as far as they exceed what is stated."""
    sides, stated = list(_working(task, nets)), task.geometry()
    if not sides:
        return ""
    multiple, minimum = math.gcd(*sides), min(sides)
    found = [f"multiple={multiple}"] if stated.multiple % multiple else []
    return ", ".join([*found, *([f"minimum={minimum}"] if minimum > max(stated.minimum, multiple) else [])])


def _working(task: Task, nets: Networks) -> Iterator[int]:
    for side in _TRIED:
        try:
            made = np.asarray(task.translate(nets, _inputs(task, nets, (side, side))))
        except Exception:  # what fails is the question
            continue
        if made.shape[1:3] == (task.geometry().scale * side,) * 2:
            yield side


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"
