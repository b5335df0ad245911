"""Feature matching: generated images should move a critic's layers as real ones do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from img2imgkit.backend import ops
from img2imgkit.losses.reconstruction import l1

Tensor = Any


def feature_matching(fake_features: Sequence[Tensor], real_features: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of each layer's features, mean over layers.

    Wang et al. 2018, https://arxiv.org/abs/1711.11585, eq. 4. Of several critics, the features of all go in, without
    their scores. pix2pixHD's official code weights this by 4 times its lambda; SPADE's, by the number of layers of one
    critic times its lambda.

    Shapes:
        the same on both sides, (N, ...) each -> (N,) float32; no gradient goes to the real side

    >>> fake, real = [ops.ones((2, 3)), ops.zeros((2, 5))], [ops.zeros((2, 3)), ops.zeros((2, 5))]
    >>> feature_matching(fake, real).numpy()
    array([0.5, 0.5], dtype=float32)
    """
    pairs = list(zip(fake_features, real_features, strict=True))
    terms = [l1(fake, ops.stop_gradient(real)) for fake, real in pairs]
    return sum(terms[1:], terms[0]) / len(terms)
