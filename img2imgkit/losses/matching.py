"""Feature-matching loss: a critic's features of generated images should match those of real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from img2imgkit.backend import ops
from img2imgkit.losses.reconstruction import l1

Tensor = Any


def feature_matching(fake_features: Sequence[Tensor], real_features: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of each layer's features, mean over layers.

    Wang et al. 2018, https://arxiv.org/abs/1711.11585, eq. 4. With several critics, pass the features of all, without
    their scores. The official code of pix2pixHD weights this by 4 times its lambda; that of SPADE by the number of
    layers of one critic times its lambda.

    Shapes:
        matching shapes on both sides, (N, ...) each -> (N,) float32; the real side gets no gradient

    >>> fake, real = [ops.ones((2, 3)), ops.zeros((2, 5))], [ops.zeros((2, 3)), ops.zeros((2, 5))]
    >>> feature_matching(fake, real).numpy()
    array([0.5, 0.5], dtype=float32)
    """
    pairs = list(zip(fake_features, real_features, strict=True))
    terms = [l1(fake, ops.stop_gradient(real)) for fake, real in pairs]
    return sum(terms[1:], terms[0]) / len(terms)
