"""The objective: weighted means over the global batch; checks of names and shapes."""

from __future__ import annotations

import numpy as np
import pytest
from small_gan_task import SmallGan

from img2imgkit.errors import TrainingError
from img2imgkit.training.loop.objective import Objective

ONES = np.ones(4, np.float32)


def objective() -> Objective:
    return Objective(SmallGan(), global_batch=8)


def test_total_is_the_weighted_sum_of_shares_of_the_global_batch() -> None:
    total, means = objective().reduce({"l1": ONES * 3, "adversarial": ONES}, images=4)
    assert {name: float(mean) for name, mean in means.items()} == {"l1": 1.5, "adversarial": 0.5}
    assert float(total) == 2.0 * 1.5 + 0.5 * 0.5


def test_a_term_without_weight_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(TrainingError, match=r"term 'adverserial' has no weight.*did you mean 'adversarial'"):
        objective().reduce({"adverserial": ONES}, images=4)


@pytest.mark.parametrize("shape", [(), (1,), (4, 1), (4, 8, 8, 3), (8,)])
def test_a_term_that_is_not_one_number_per_image_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(TrainingError, match=r"term 'l1' has shape .* expected one number for each of 4 images"):
        objective().reduce({"l1": np.zeros(shape, np.float32)}, images=4)


def test_a_weight_without_term_is_an_error_unless_it_is_zero() -> None:
    with pytest.raises(TrainingError, match="weight 'critic_real' has no term"):
        objective().prove_complete({"l1", "adversarial", "critic_fake"})
    objective().prove_complete({"l1", "adversarial", "critic_fake", "critic_real"})
    without = SmallGan(weights=SmallGan.Weights(critic_real=0.0))
    Objective(without, global_batch=8).prove_complete({"l1", "adversarial", "critic_fake"})


def test_stated_weights_and_a_factor_override_the_tasks() -> None:
    total, means = objective().reduce({"l1": np.ones(4, np.float32)}, 4, {"l1": 5.0}, factor=3.0)
    assert float(total) == pytest.approx(15 * float(means["l1"]))
