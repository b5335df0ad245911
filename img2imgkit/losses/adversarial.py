"""What a critic's scores cost: each loss asks of scores that they say "real", or that they say "generated".

A critic pays ``f(of_real, True)`` and ``f(of_fake, False)``, a generator ``f(of_fake, True)``, but
``wasserstein(of_fake, True)`` against a critic that pays ``hinge``. Scores are raw outputs of any rank, such as maps.
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
        smoothing: how far below 1 the label of "real" lies (Salimans et al. 2016, https://arxiv.org/abs/1606.03498)
    Shapes:
        scores: (N, ...) logits -> (N,) float32

    >>> scores = ops.array([[0.0], [0.0]])  # a critic that is undecided pays log 2
    >>> vanilla(scores, real=True).numpy().round(4)
    array([0.6931, 0.6931], dtype=float32)
    """
    scores = ops.cast(scores, "float32")
    return mean_per_image(ops.softplus(scores) - (1 - smoothing) * scores if real else ops.softplus(scores))


def lsgan(scores: Tensor, real: bool, smoothing: float = 0.0) -> Tensor:
    """Squared distance from the label, 1 or 0 (Mao et al. 2017, https://arxiv.org/abs/1611.04076, eq. 9, doubled).

    Args:
        smoothing: how far below 1 the label of "real" lies
    Shapes:
        scores: (N, ...) -> (N,) float32

    >>> scores = ops.array([[1.0, 1.0], [0.0, 0.5]])
    >>> lsgan(scores, real=True).numpy()
    array([0.   , 0.625], dtype=float32)
    """
    scores = ops.cast(scores, "float32")
    return mean_per_image(ops.square(scores - (1 - smoothing) if real else scores))


def hinge(scores: Tensor, real: bool) -> Tensor:
    """How far scores are from +1 or beyond, or from -1 or beyond (Lim and Ye 2017, https://arxiv.org/abs/1705.02894).

    Shapes:
        scores: (N, ...) -> (N,) float32

    >>> scores = ops.array([[2.0], [0.5], [-1.0]])
    >>> hinge(scores, real=True).numpy()
    array([0. , 0.5, 2. ], dtype=float32)
    """
    scores = ops.cast(scores, "float32")
    return mean_per_image(ops.relu(1 - scores if real else 1 + scores))


def wasserstein(scores: Tensor, real: bool) -> Tensor:
    """The scores themselves, as high or as low as they can be (Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875).

    Shapes:
        scores: (N, ...) -> (N,) float32

    >>> scores = ops.array([[2.0, 4.0], [-1.0, -1.0]])
    >>> wasserstein(scores, real=False).numpy()
    array([ 3., -1.], dtype=float32)
    """
    scores = ops.cast(scores, "float32")
    return mean_per_image(-scores if real else scores)


def relativistic(loss: Callable[[Tensor, bool], Tensor], scores: Tensor, others: Tensor, real: bool) -> Tensor:
    """A loss of how much higher scores are than the other side's average.

    Jolicoeur-Martineau 2018, https://arxiv.org/abs/1807.00734, section 4. The average is that of the global batch, over
    all replicas, and has a gradient. A critic pays ``f(of_real, of_fake, True)`` and ``f(of_fake, of_real, False)``; a
    generator pays both with the other label, also under ``hinge``.

    Args:
        loss: of scores, and whether they should say "real"; such as one of this module's
    Shapes:
        scores: (N, ...); others: the other side's scores -> (N,) float32

    >>> scores, others = ops.array([[3.0], [1.0]]), ops.array([[1.0], [3.0]])  # the others' average is 2
    >>> relativistic(hinge, scores, others, real=True).numpy()
    array([0., 2.], dtype=float32)
    """
    average = backend.replica_sum(ops.mean(ops.cast(others, "float32"))) / backend.replicas()
    return loss(ops.cast(scores, "float32") - average, real)
