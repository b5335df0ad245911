"""Contract tests for degradations."""

from __future__ import annotations

import numpy as np

from img2imgkit.degradations import Degradation
from img2imgkit.testing.claims import check_component, expect

_SEED = 7


def check_degradation(degradation: Degradation) -> None:
    """Verify the contract of a degradation: output size, 8-bit levels, and dependence on its arguments alone.

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    check_component(degradation)
    picture = np.random.default_rng(_SEED).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    for scale in (1, 2, 3):
        kept = picture.copy()
        first, again = (degradation.apply(picture, scale, np.random.default_rng(_SEED)) for _ in range(2))
        factor = scale if degradation.shrinks else 1
        wanted = (24 // factor, 36 // factor, 3)
        returned = (first.shape, str(first.dtype))
        expect(
            returned == (wanted, "uint8"), f"at scale {scale} it must return {wanted} uint8, but returned {returned}"
        )
        expect(
            np.array_equal(first, again),
            "apply returned different results for the same seed; use no randomness but 'random'",
        )
        expect(np.array_equal(picture, kept), "apply modified its input picture; return a new one")
        expect(degradation.description(scale).strip(), "description is empty; it is stored in the training record")
