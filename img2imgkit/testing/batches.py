"""Random batches for each data kind, and random inputs for ``translate``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from img2imgkit.data_kind import DataKind, noise
from img2imgkit.inference import conditioning, conditions_of, encode_pictures
from img2imgkit.inference.inputs.conditions import LABEL
from img2imgkit.inference.tiles.grid import Span
from img2imgkit.task import Networks, Task
from img2imgkit.testing.claims import expect

Arrays = dict[str, np.ndarray]
MakeBatch = Callable[[np.random.Generator, int], Arrays]

_SIDE = 16  # pixels; networks that need more get more


def random_batch(task: Task, kind: type[DataKind], rng: np.random.Generator, images: int) -> Arrays:
    """The data kind's random batch for the task, with the task's draws.

    Raises:
        AssertionError: the task's ``example_data`` lacks a field that the kind needs, or the task reports problems with
            its own example.
    """
    data = task.example_data()
    missing = {name: meaning for name, meaning in kind.example_fields.items() if name not in data}
    wanted = " and ".join(f"{name!r} ({meaning})" for name, meaning in missing.items())
    fix = f"return {wanted} from example_data(), or pass check_task(..., batch=)"
    expect(not missing, f"a batch of {kind.name!r} data needs information from the task: {fix}")
    problems = list(task.data_problems(data)) if data else []
    expect(not problems, f"data_problems() rejects the task's own example_data(): {problems}")
    batch = kind.random_batch(rng, images, _training_side(task), task.geometry(), data)
    return with_draws(task, rng, batch)


def random_inputs(
    task: Task, nets: Networks, rng: np.random.Generator, images: int, size: tuple[int, int] | None = None
) -> Arrays:
    """Random inputs for ``task.translate``: noise, or ids of a label map, and random conditions.

    Shapes:
        size: height and width -> "source": (images, H, W, channels) float32; maps, codes and the arrays of
            ``condition_arrays``
    """
    geometry, (height, width) = task.geometry(), size or (_side(task), _side(task))
    whole = (Span(0, height, 0, height), Span(0, width, 0, width))
    given: Arrays = {}
    for name, condition in conditions_of(task).items():
        if condition.kind == "map":
            given[name] = rng.integers(0, geometry.ids or 2, (height, width)).astype(np.int32)
        if condition.kind == "pictures":
            pixels = noise(rng, 1, condition.size or height, geometry.written, condition.size or width)
            given[name] = np.asarray(encode_pictures(task, nets, name, pixels))[0]
    inputs = conditioning(task, given, (height, width)).at([whole] * images)
    source = noise(rng, images, height, geometry.channels, width)
    if LABEL in given:
        source = np.repeat(given[LABEL][None, ..., None], images, axis=0).astype(np.float32)
    return {**inputs, "source": source}


def with_draws(task: Task, rng: np.random.Generator, batch: Mapping[str, np.ndarray]) -> Arrays:
    """A batch with the random numbers that the task draws for each image.

    Raises:
        AssertionError: a draw has a key of the batch, or images have draws of different keys or shapes.
    """
    images = len(next(iter(batch.values())))
    draws = [task.draw(rng, {key: values[i] for key, values in batch.items()}) for i in range(images)]
    shapes = [{key: np.shape(value) for key, value in drawn.items()} for drawn in draws]
    expect(
        all(each == shapes[0] for each in shapes),
        f"draw() returns different keys or shapes for different images: {shapes}",
    )
    taken = sorted(draws[0].keys() & batch.keys())
    expect(not taken, f"draw() returns {taken[:1]}, which {task.data!r} batches already contain")
    return {**batch, **{key: np.stack([drawn[key] for drawn in draws]) for key in draws[0]}}


def _side(task: Task) -> int:
    geometry = task.geometry()
    return -(-max(_SIDE, geometry.minimum) // geometry.multiple) * geometry.multiple


def _training_side(task: Task) -> int:
    """The side of training inputs. ``minimum_crop`` refers to outputs, and critics may need more than ``translate``."""
    geometry = task.geometry()
    unit = geometry.scale * geometry.multiple
    return max(_side(task), -(-task.minimum_crop() // unit) * geometry.multiple)
