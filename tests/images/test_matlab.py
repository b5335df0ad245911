"""MATLAB's bicubic resize: published values, closed forms, sizes, rounding."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from img2imgkit.images.matlab import imresize

FIXTURE = Path(__file__).parents[1] / "fixtures" / "imresize.npz"


@pytest.mark.parametrize("name", ["x0.5", "x0.25", "x0.3333", "x0.7", "x3"])
def test_equals_the_reference_implementation(name: str) -> None:
    with np.load(FIXTURE) as stored:
        image, wanted = stored["image"].astype(np.float64) / 255, stored[name]
    scale = {"x0.3333": 1 / 3}.get(name, float(name[1:]))
    if scale > 1:
        image = image[:20, :14]
    result = imresize(image, scale)
    assert result.shape == wanted.shape
    np.testing.assert_allclose(result, wanted, atol=1e-6)


def test_halving_a_step_gives_the_kernels_own_sums() -> None:
    # The antialiased kernel at half size has taps c(0.25), c(0.75), c(1.25), c(1.75) on each side, halved.
    def cubic(x: float) -> float:
        return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2

    _, mid, far, edge = (cubic(x) / 2 for x in (0.25, 0.75, 1.25, 1.75))
    step = np.repeat([[0.0] * 8 + [1.0] * 8], 4, axis=0)
    middle = imresize(step, Fraction(1, 2))[0]
    assert middle[3] == pytest.approx(mid + far + edge)  # centre at 6.5: samples 8, 9, 10 are 1.5, 2.5, 3.5 away
    assert middle[4] == pytest.approx(1 - (mid + far + edge))


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([2, 3, 4]))
def test_size_is_the_ceiling_of_the_exact_product(height: int, width: int, scale: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    assert imresize(image, Fraction(1, scale)).shape == (-(-height // scale), -(-width // scale), 3)
    assert imresize(image, scale).shape == (height * scale, width * scale, 3)


@given(st.integers(0, 65535), st.sampled_from([Fraction(1, 2), Fraction(1, 3), Fraction(7, 10), 2, 3]))
def test_a_constant_picture_stays_constant(level: int, scale: Fraction | int) -> None:
    image = np.full((9, 7), level, np.uint16)
    result = imresize(image, scale)
    assert result.dtype == np.uint16
    assert (result == level).all()


def test_integers_are_rounded_after_each_pass() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 48), dtype=np.uint8)
    exact = imresize(image.astype(np.float64), Fraction(1, 2))
    once = np.floor(np.clip(exact, 0, 255) + 0.5).astype(np.uint8)
    twice = imresize(image, Fraction(1, 2))
    different = np.mean(once != twice)
    assert 0 < different < 0.3
    assert np.abs(once.astype(int) - twice).max() == 1


def test_overshoot_is_clipped_not_wrapped() -> None:
    edge = np.repeat(np.array([[0] * 8 + [255] * 8], np.uint8), 8, axis=0)
    enlarged = imresize(edge, 3)
    assert set(enlarged[:, :12].ravel()) == {0}
    assert set(enlarged[:, -12:].ravel()) == {255}


def test_mirroring_commutes_with_resizing() -> None:
    image = np.random.default_rng(1).random((30, 21, 3))  # multiples of 3: the output grid is symmetric
    for scale in (Fraction(1, 3), 2):
        np.testing.assert_allclose(imresize(image[::-1, ::-1], scale), imresize(image, scale)[::-1, ::-1], atol=1e-12)


@pytest.mark.parametrize(("shape", "scale"), [((4,), 2), ((4, 4), 0), ((1, 4, 4, 3), 2)])
def test_invalid_arguments_are_refused(shape: tuple[int, ...], scale: int) -> None:
    with pytest.raises(ValueError, match="cannot resize"):
        imresize(np.zeros(shape), scale)
