"""The battery of degradations."""

from __future__ import annotations

import numpy as np

from img2imgkit.degradations import Degradation
from img2imgkit.testing.claims import check_component, expect

_SEED = 7


def check_degradation(degradation: Degradation) -> None:
    """A degradation keeps its contract: sizes, 8-bit levels, and a function of its arguments alone.

    Raises:
        AssertionError: it does not; the text says what was promised and what came.
    """
    check_component(degradation)
    picture = np.random.default_rng(_SEED).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    for scale in (1, 2, 3):
        kept = picture.copy()
        first, again = (degradation.apply(picture, scale, np.random.default_rng(_SEED)) for _ in range(2))
        part = scale if degradation.shrinks else 1
        wanted = (24 // part, 36 // part, 3)
        made = (first.shape, str(first.dtype))
        expect(made == (wanted, "uint8"), f"at scale {scale} it must return {wanted} uint8, returned {made}")
        expect(np.array_equal(first, again), "apply gave two results for one seed; use 'random' alone")
        expect(np.array_equal(picture, kept), "apply changed the picture it was given; return a new one")
        expect(degradation.description(scale).strip(), "description is empty; it goes into the training record")
