"""Loss of variational encoders: keeps codes near the prior."""

from __future__ import annotations

from typing import Any

from img2imgkit.backend import ops
from img2imgkit.losses.reduction import sum_per_image

Tensor = Any


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of a diagonal normal distribution from the standard one.

    Kingma and Welling 2013, https://arxiv.org/abs/1312.6114, appendix B, with the sign of a loss. SPADE's official code
    sums over the batch.

    Shapes:
        mean, log_variance: (N, ...) -> (N,) float32, sum over the axes

    >>> kl_divergence(ops.array([[0.0, 0.0], [1.0, 2.0]]), ops.zeros((2, 2))).numpy()
    array([0. , 2.5], dtype=float32)
    """
    mean, log_variance = ops.cast(mean, "float32"), ops.cast(log_variance, "float32")
    return sum_per_image(ops.square(mean) + ops.exp(log_variance) - log_variance - 1) / 2
