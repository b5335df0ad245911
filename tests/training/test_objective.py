"""The objective: weighted means over the global batch; names and shapes are checked both ways."""

from __future__ import annotations

import numpy as np
import pytest
from small_gan_task import SmallGan

from img2imgkit.errors import TrainingError
from img2imgkit.training.objective import Objective

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


def test_a_weight_without_term_is_an_error() -> None:
    with pytest.raises(TrainingError, match="weight 'critic_real' has no term"):
        objective().prove_complete(["l1", "adversarial", "critic_fake"])
    objective().prove_complete(["l1", "adversarial", "critic_fake", "critic_real"])


def test_a_term_of_both_players_is_an_error() -> None:
    with pytest.raises(TrainingError, match="'l1' is given by generators and critics"):
        objective().prove_complete(["l1", "adversarial", "critic_fake", "critic_real", "l1"])
