"""Adversarial losses on a critic's scores, for the label "real" or "generated".

The critic minimises ``f(of_real, True)`` and ``f(of_fake, False)``, the generator ``f(of_fake, True)``. With the hinge
loss the generator minimises ``wasserstein(of_fake, True)`` instead. Scores are raw outputs of any rank, such as maps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from img2imgkit import backend
from img2imgkit.backend import ops
from img2imgkit.losses.reduction import mean_per_image

Tensor = Any


def vanilla(scores: Tensor, real: bool, smoothing: float = 0.0) -> Tensor:
    """Cross entropy on logits (Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661; the non-saturating form).

    Args:
        smoothing: one-sided label smoothing; the label of real images is 1 less this (Salimans et al. 2016,
            https://arxiv.org/abs/1606.03498)
    Shapes:
        scores: (N, ...) logits -> (N,) float32

    >>> scores = ops.array([[0.0], [0.0]])  # an undecided critic has a loss of log 2
    >>> vanilla(scores, real=True).numpy().round(4)
    array([0.6931, 0.6931], dtype=float32)
    """
    scores = ops.cast(scores, "float32")
    return mean_per_image(ops.softplus(scores) - (1 - smoothing) * scores if real else ops.softplus(scores))


def lsgan(scores: Tensor, real: bool, smoothing: float = 0.0) -> Tensor:
    """Squared distance from the label, 1 or 0 (Mao et al. 2017, https://arxiv.org/abs/1611.04076, eq. 9, doubled).

    Args:
        smoothing: one-sided label smoothing; the label of real images is 1 less this
    Shapes:
        scores: (N, ...) -> (N,) float32

    >>> scores = ops.array([[1.0, 1.0], [0.0, 0.5]])
    >>> lsgan(scores, real=True).numpy()
    array([0.   , 0.625], dtype=float32)
    """
    scores = ops.cast(scores, "float32")
    return mean_per_image(ops.square(scores - (1 - smoothing) if real else scores))


def hinge(scores: Tensor, real: bool) -> Tensor:
    """Distance of the scores from the margin, +1 or -1 (Lim and Ye 2017, https://arxiv.org/abs/1705.02894).

    Shapes:
        scores: (N, ...) -> (N,) float32

    >>> scores = ops.array([[2.0], [0.5], [-1.0]])
    >>> hinge(scores, real=True).numpy()
    array([0. , 0.5, 2. ], dtype=float32)
    """
    scores = ops.cast(scores, "float32")
    return mean_per_image(ops.relu(1 - scores if real else 1 + scores))


def wasserstein(scores: Tensor, real: bool) -> Tensor:
    """The scores themselves, negated for real images (Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875).

    Shapes:
        scores: (N, ...) -> (N,) float32

    >>> scores = ops.array([[2.0, 4.0], [-1.0, -1.0]])
    >>> wasserstein(scores, real=False).numpy()
    array([ 3., -1.], dtype=float32)
    """
    scores = ops.cast(scores, "float32")
    return mean_per_image(-scores if real else scores)


def relativistic(loss: Callable[[Tensor, bool], Tensor], scores: Tensor, others: Tensor, real: bool) -> Tensor:
    """A loss on scores relative to the mean score of the opposite kind of images.

    Jolicoeur-Martineau 2018, https://arxiv.org/abs/1807.00734, section 4. The mean is taken over the global batch,
    across all replicas, and gradients flow through it. The critic minimises ``f(of_real, of_fake, True)`` and
    ``f(of_fake, of_real, False)``, the generator both with the labels swapped, for ``hinge`` too.

    Args:
        loss: a function of scores and whether they should say "real", such as those of this module
    Shapes:
        scores: (N, ...); others: scores of the opposite kind -> (N,) float32

    >>> scores, others = ops.array([[3.0], [1.0]]), ops.array([[1.0], [3.0]])  # the mean of the others is 2
    >>> relativistic(hinge, scores, others, real=True).numpy()
    array([0., 2.], dtype=float32)
    """
    average = backend.replica_sum(ops.mean(ops.cast(others, "float32"))) / backend.replicas()
    return loss(ops.cast(scores, "float32") - average, real)
