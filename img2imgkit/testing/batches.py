"""Random batches of each data kind, and random pictures to translate."""

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

_SIDE = 16  # pixels; networks that need more get that


def random_batch(task: Task, kind: type[DataKind], rng: np.random.Generator, images: int) -> Arrays:
    """The data kind's random batch for the task, and what the task draws for it.

    Raises:
        AssertionError: the kind needs to know more of the data than the task's ``example_data`` says, or the task finds
            problems in its own example.
    """
    data = task.example_data()
    missing = {name: meaning for name, meaning in kind.example_fields.items() if name not in data}
    wanted = " and ".join(f"{name!r} ({meaning})" for name, meaning in missing.items())
    way = f"give {wanted} in example_data(), or make batches yourself with check_task(..., batch=)"
    expect(not missing, f"a batch of {kind.name!r} data depends on what only the task knows: {way}")
    problems = list(task.data_problems(data)) if data else []
    expect(not problems, f"data_problems() refuses what example_data() gives: {problems}")
    batch = kind.random_batch(rng, images, _training_side(task), task.geometry(), data)
    return with_draws(task, rng, batch)


def random_inputs(
    task: Task, nets: Networks, rng: np.random.Generator, images: int, size: tuple[int, int] | None = None
) -> Arrays:
    """What ``task.translate`` is given: noise, or ids of a label map, and something for each side.

    Shapes:
        size: height and width -> "source": (images, H, W, read channels) float32; maps, codes and what
            ``condition_arrays`` gives
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
    """A batch and the random numbers that the task draws for each of its images.

    Raises:
        AssertionError: the task draws under a key that the batch has, or other keys or shapes for each image.
    """
    images = len(next(iter(batch.values())))
    draws = [task.draw(rng, {key: values[i] for key, values in batch.items()}) for i in range(images)]
    shapes = [{key: np.shape(value) for key, value in drawn.items()} for drawn in draws]
    expect(all(each == shapes[0] for each in shapes), f"draw() gives other keys or shapes for each image: {shapes}")
    taken = sorted(draws[0].keys() & batch.keys())
    expect(not taken, f"draw() gives {taken[:1]}, which {task.data!r} batches have already")
    return {**batch, **{key: np.stack([drawn[key] for drawn in draws]) for key in draws[0]}}


def _side(task: Task) -> int:
    geometry = task.geometry()
    return -(-max(_SIDE, geometry.minimum) // geometry.multiple) * geometry.multiple


def _training_side(task: Task) -> int:
    """The same where critics may need more: of what is read, while ``minimum_crop`` is of what is written."""
    geometry = task.geometry()
    unit = geometry.scale * geometry.multiple
    return max(_side(task), -(-task.minimum_crop() // unit) * geometry.multiple)
