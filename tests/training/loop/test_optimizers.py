"""Learning-rate schedules: values at their defining points."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from img2imgkit.training.loop import optimizers
from img2imgkit.training.loop.optimizers import apply_gradients, factor_at
from img2imgkit.training.plan.training_options import Adam, AdamW, Constant, Cosine, Linear, RmsProp, Sgd, StepDecay

STEPS = 101


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        (Constant(), {0: 1, 50: 1, 100: 1}),
        (Linear(after=0.5), {0: 1, 50: 1, 75: 1 - 24.5 / 49.5, 100: 0}),
        (Linear(after=0, final=0.2), {0: 1, 50: 0.6, 100: 0.2}),
        (StepDecay(at=(10, 50), factor=0.5), {0: 1, 9: 1, 10: 0.5, 49: 0.5, 50: 0.25, 100: 0.25}),
        (Cosine(), {0: 1, 50: 0.5, 25: 0.5 + math.sqrt(0.125), 100: 0}),
        (Cosine(final=0.1), {0: 1, 50: 0.55, 100: 0.1}),
    ],
)
def test_passes_through_its_points(schedule, wanted) -> None:  # type: ignore[no-untyped-def]
    assert {step: factor_at(schedule, step, STEPS) for step in wanted} == pytest.approx(wanted)


@pytest.mark.parametrize("kind", [Constant, Linear, Cosine])
def test_warm_up_rises_evenly_to_the_full_rate(kind) -> None:  # type: ignore[no-untyped-def]
    schedule = kind(warmup=4)
    assert [factor_at(schedule, step, STEPS) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=1e-3)


@pytest.mark.parametrize("schedule", [Constant(), Linear(), Cosine(), StepDecay(at=(1,))])
def test_a_single_step_has_a_finite_rate(schedule) -> None:  # type: ignore[no-untyped-def]
    assert 0 <= factor_at(schedule, 0, 1) <= 1


def variables() -> list[keras.Variable]:
    return [keras.Variable([3.0, -4.0]), keras.Variable([[12.0]])]


@pytest.mark.parametrize("options", [Adam(), AdamW(), Sgd(momentum=0.9), Sgd(nesterov=True, momentum=0.5), RmsProp()])
def test_every_kind_goes_down_a_bowl(options: Any) -> None:
    bowl = variables()
    optimizer = optimizers.build(options.model_copy(update={"learning_rate": 0.05}), bowl)
    for _ in range(100):
        apply_gradients([(optimizer, bowl)], [tf.convert_to_tensor(v.value) for v in bowl], clip=None)
    assert all(np.abs(v.numpy()).max() < 9 for v in bowl)
    assert np.abs(bowl[0].numpy()).max() < 2


def test_adam_is_the_textbooks() -> None:
    [x] = [keras.Variable([1.0])]
    optimizer = optimizers.build(Adam(learning_rate=0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-8), [x])
    m = v = 0.0
    value = 1.0
    for step in range(1, 6):
        gradient = 2 * value + step
        apply_gradients([(optimizer, [x])], [tf.constant([gradient])], clip=None)
        m, v = 0.8 * m + 0.2 * gradient, 0.9 * v + 0.1 * gradient**2
        value -= 0.1 * (m / (1 - 0.8**step)) / ((v / (1 - 0.9**step)) ** 0.5 + 1e-8)
        assert x.numpy()[0] == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.9, 0.0), (0.5, 0.3)])
def test_rmsprop_is_pytorchs(momentum: float, decay: float) -> None:
    """Compared with its documented algorithm, for gradients so small that the place of epsilon matters."""
    [x] = [keras.Variable([1.0])]
    options = RmsProp(learning_rate=0.1, rho=0.99, momentum=momentum, epsilon=1e-3, weight_decay=decay)
    optimizer = optimizers.build(options, [x])
    mean = buffer = 0.0
    value = 1.0
    for step in range(1, 6):
        gradient = 1e-3 * step + decay * value
        apply_gradients([(optimizer, [x])], [tf.constant([1e-3 * step])], clip=None)
        mean = 0.99 * mean + 0.01 * gradient**2
        buffer = momentum * buffer + gradient / (mean**0.5 + 1e-3)
        value -= 0.1 * buffer
        assert x.numpy()[0] == pytest.approx(value, rel=1e-5)


def test_clipping_bounds_the_norm_over_all_variables() -> None:
    bowl = variables()
    before = [v.numpy() for v in bowl]
    optimizer = optimizers.build(Sgd(learning_rate=1.0), bowl)
    apply_gradients([(optimizer, bowl)], [tf.convert_to_tensor(v) for v in before], clip=1.3)
    for variable, was in zip(bowl, before, strict=True):
        np.testing.assert_allclose(variable.numpy(), was * (1 - 1.3 / 13), rtol=1e-6)  # the norm of 3, 4, 12 is 13


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("clip", [None, 1.0])
def test_a_gradient_that_is_not_finite_is_reported_and_not_applied(bad: float, clip: float | None) -> None:
    bowl = variables()
    optimizer = optimizers.build(Sgd(learning_rate=1.0), bowl)
    finite, _ = apply_gradients([(optimizer, bowl)], [tf.constant([bad, 1.0]), tf.constant([[1.0]])], clip)
    assert float(finite) == 0
    assert [v.numpy().tolist() for v in bowl] == [[3.0, -4.0], [[12.0]]]
    assert float(apply_gradients([(optimizer, bowl)], [tf.constant([0.0, 1.0]), tf.constant([[1.0]])], clip)[0]) == 1
