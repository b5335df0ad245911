"""Random inputs for ``Task.translate``: noise or label maps, and random conditions."""

from __future__ import annotations

from typing import Any

import numpy as np

from img2imgkit.data_kind import noise
from img2imgkit.inference import conditioning, conditions_of, encode_pictures, parse_condition
from img2imgkit.inference.inputs.conditions import LABEL
from img2imgkit.inference.tiles.grid import Span
from img2imgkit.task import Networks, Task

Arrays = dict[str, np.ndarray]

_SIDE = 16  # pixels; networks that need more get more


def random_inputs(
    task: Task, nets: Networks, rng: np.random.Generator, images: int, size: tuple[int, int] | None = None
) -> Arrays:
    """Random inputs for ``task.translate``: noise, or ids of a label map, and random conditions.

    Of the conditions of kind "value", those that are required and list their values get the first one.

    Shapes:
        size: height and width -> "source": (images, H, W, channels) float32; maps, codes and the arrays of
            ``condition_arrays``
    Raises:
        TranslateError: the task requires a condition whose values are not listed.
    """
    geometry, (height, width) = task.geometry(), size or (_side(task), _side(task))
    whole = (Span(0, height, 0, height), Span(0, width, 0, width))
    given: dict[str, Any] = {}
    for name, condition in conditions_of(task).items():
        if condition.kind == "map":
            given[name] = rng.integers(0, geometry.ids or 2, (height, width)).astype(np.int32)
        if condition.kind == "pictures":
            pixels = noise(rng, 1, condition.size or height, geometry.written, condition.size or width)
            given[name] = np.asarray(encode_pictures(task, nets, name, pixels))[0]
        if condition.required and condition.values:
            given[name] = parse_condition(task, name, condition.values[0])
    inputs = conditioning(task, given, (height, width)).at([whole] * images)
    source = noise(rng, images, height, geometry.channels, width)
    if LABEL in given:
        source = np.repeat(given[LABEL][None, ..., None], images, axis=0).astype(np.float32)
    return {**inputs, "source": source}


def training_side(task: Task) -> int:
    """The side of training inputs. ``minimum_crop`` refers to outputs, and critics may need more than ``translate``."""
    geometry = task.geometry()
    unit = geometry.scale * geometry.multiple
    return max(_side(task), -(-task.minimum_crop() // unit) * geometry.multiple)


def _side(task: Task) -> int:
    geometry = task.geometry()
    return -(-max(_SIDE, geometry.minimum) // geometry.multiple) * geometry.multiple
