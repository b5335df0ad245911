"""Colour jitter: what each factor does."""

from __future__ import annotations

import numpy as np

from img2imgkit.data.jitter import Jitter, jittered

UNIT = np.random.default_rng(0).uniform(-0.5, 0.5, (6, 7, 3)).astype(np.float32)


def grey(unit: np.ndarray) -> np.ndarray:
    weighted: np.ndarray = unit @ np.asarray((0.299, 0.587, 0.114))
    return weighted


def test_factors_of_one_change_nothing() -> None:
    np.testing.assert_allclose(jittered(UNIT, (1, 1, 1)), UNIT, atol=1e-6)


def test_brightness_multiplies_levels() -> None:
    np.testing.assert_allclose(jittered(UNIT, (0.5, 1, 1)), (UNIT + 1) * 0.5 - 1, atol=1e-6)


def test_contrast_moves_away_from_the_mean_grey() -> None:
    mean = grey(UNIT).mean()
    np.testing.assert_allclose(jittered(UNIT, (1, 0.5, 1)), mean + (UNIT - mean) * 0.5, atol=1e-6)


def test_no_saturation_is_grey() -> None:
    changed = jittered(UNIT, (1, 1, 0))
    np.testing.assert_allclose(changed, np.repeat(grey(UNIT)[..., None], 3, axis=2), atol=1e-6)


def test_levels_stay_in_range_and_type() -> None:
    for unit in (UNIT, UNIT[..., :1]):
        changed = jittered(unit * 2, (2, 2, 2))
        assert changed.dtype == np.float32
        assert changed.shape == unit.shape
        assert np.abs(changed).max() <= 1


def test_factors_are_drawn_around_one() -> None:
    random = np.random.default_rng(0)
    drawn = np.asarray([Jitter(brightness=0.3, contrast=0.0, saturation=0.1).factors(random) for _ in range(500)])
    assert (np.abs(drawn - 1).max(axis=0) <= np.asarray((0.3, 0.0, 0.1)) + 1e-12).all()
    assert np.allclose(drawn.mean(axis=0), 1, atol=0.03)
    assert drawn[:, 0].std() > 0.1
