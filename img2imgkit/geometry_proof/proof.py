"""Prove what a task states of its geometry on newly built networks, as far as that takes seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

from img2imgkit import backend
from img2imgkit.errors import GeometryError, TranslateError
from img2imgkit.geometry_proof.reach import measuring_side, measuring_strips, phases, prove_radius
from img2imgkit.geometry_proof.sizes import Size, allowed_sizes, least_side, prove_sizes, translated
from img2imgkit.task import Networks, Task

SECONDS = 10.0  # the most that a proof of sizes, or of the radius, may take
_SIDE = 32  # of the picture that the time is estimated with; a smaller one would measure only what each layer costs
_MEASURE = 2  # the time of the gradient of one image, or of three changed label maps, in translations of two
_ENOUGH = 3  # allowed sizes: the smallest, and one that is longer in each direction

Clock = Callable[[], float]


def prove_geometry(task: Task, limit: float = SECONDS, clock: Clock = time.perf_counter) -> tuple[str, ...]:
    """Build the task's networks on the CPU, and measure scale, channels, multiple, minimum and radius.

    A radius of None is not measured: it claims nothing that tiles rely on. How long a proof takes is estimated from
    the translation of one small picture.

    Args:
        limit: the most seconds that a proof may take

    Returns:
        notes on what is not proved, because it would take longer
    Raises:
        GeometryError: the networks differ from ``task.geometry()``; the text names the task, and states what was
            measured.
    """
    backend.load()
    import keras

    with keras.device("cpu:0"):
        nets = Networks(task.build().generators)
        try:
            return tuple(f"not proved: {each}" for each in _unproved(task, nets, limit, clock))
        except TranslateError as error:
            return (f"not proved: the geometry, because the inputs cannot be made up ({error})",)
        except GeometryError as error:
            raise GeometryError(f"task {task.name!r}: {error}") from error


def _unproved(task: Task, nets: Networks, limit: float, clock: Clock) -> list[str]:
    geometry, found = task.geometry(), list[str]()
    why = f"measuring would take longer than {limit:g} s"
    seconds = _pace(task, nets, limit, clock)
    sizes = allowed_sizes(geometry)
    spent = list(accumulate(map(seconds, sizes)))
    prove_sizes(task, nets, [size for size, total in zip(sizes, spent, strict=True) if total <= limit])
    if spent[_ENOUGH - 1] > limit:
        found.append(f"scale {geometry.scale}, multiple {geometry.multiple} and minimum {geometry.minimum}, {why}")
    if geometry.radius is None:
        return found

    def fits(size: Size) -> bool:
        return len(phases(geometry.multiple)) * _MEASURE * seconds(size) <= limit

    side = measuring_side(geometry)
    pictures = next((some for some in (((side, side),), measuring_strips(geometry)) if all(map(fits, some))), ())
    if pictures:
        prove_radius(task, nets, pictures, fits)
    else:
        found.append(f"the receptive radius of {geometry.radius}, {why}")
    return found


def _pace(task: Task, nets: Networks, limit: float, clock: Clock) -> Callable[[Size], float]:
    """A function of a picture's size that estimates how many seconds its translation takes."""
    geometry = task.geometry()
    least = least_side(replace(geometry, minimum=max(geometry.minimum, _SIDE)))
    start = clock()
    translated(task, nets, (least, least))
    spent = clock() - start
    if spent < limit:  # the first one also loads libraries
        start = clock()
        translated(task, nets, (least, least))
        spent = clock() - start
    return lambda size: spent * max(1.0, size[0] * size[1] / least**2)
