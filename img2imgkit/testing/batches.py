"""Random batches for each data kind, with the task's draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from img2imgkit.data_kind import DataKind
from img2imgkit.geometry_proof import training_side
from img2imgkit.task import Task
from img2imgkit.testing.claims import expect

Arrays = dict[str, np.ndarray]
MakeBatch = Callable[[np.random.Generator, int], Arrays]


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
    batch = kind.random_batch(rng, images, training_side(task), task.geometry(), data)
    return with_draws(task, rng, batch)


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
