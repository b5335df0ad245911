"""Verify sizes and receptive field of a task's networks against its ``geometry``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from img2imgkit.bundle import Bundle
from img2imgkit.geometry_proof import (
    least_side,
    measured_reach,
    measuring_side,
    measuring_strips,
    phases,
    prove_radius,
    prove_sizes,
    reach_problem,
)
from img2imgkit.geometry_proof.reach import reach_from
from img2imgkit.images import Picture
from img2imgkit.inference import Translator, conditions_of, encoded_conditions
from img2imgkit.task import Geometry, Networks, Task
from img2imgkit.testing.claims import expect, must_work

_ROUNDING = 1e-5  # of the output's range: differences up to this are explained by rounding
_LEAST_HIDDEN = 8  # pixels of the picture that a tile does not show, at least


def check_sizes(task: Task, nets: Networks) -> None:
    """For every allowed size the output is finite, ``scale`` times as large, and has the promised channels."""
    with must_work("sizes"):
        prove_sizes(task, nets)


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
    if geometry.radius is None:
        reach = measured_reach(task, nets, (side, side))
    else:
        with must_work("radius"):  # without a gradient, it takes several translations
            reach = prove_radius(task, nets, ((side, side),) if geometry.ids is None else measuring_strips(geometry))
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
    expect(reach <= geometry.radius, reach_problem(geometry.radius, reach))


def measuring_seconds(function: Callable[[Any], Any], source: np.ndarray, geometry: Geometry) -> float:
    """Estimate from one gradient how long ``reach_of`` takes."""
    places = phases(geometry.multiple)
    start = time.perf_counter()
    reach_from(function, source, geometry, places[0])
    return len(places) * (time.perf_counter() - start)


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
    for phase in phases(geometry.multiple):
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
