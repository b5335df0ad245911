"""Degradations: in order, checked, and by default those of the standard benchmarks."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from img2imgkit import Catalog, Degradation
from img2imgkit.degradations import BicubicMatlab, degrade, shrinking_problem
from img2imgkit.images.matlab import imresize
from img2imgkit.testing import check_degradation

OWN = Catalog(tuple(plugin for plugin in Catalog.installed({}).plugins if plugin.own))
PICTURE = np.random.default_rng(3).integers(0, 256, (12, 18, 3), dtype=np.uint8)


class Noise(Degradation):
    """Uniform noise."""

    name = "noise"

    def apply(self, levels: np.ndarray, scale: int, random: np.random.Generator) -> np.ndarray:
        return np.clip(levels + random.integers(-9, 10, levels.shape), 0, 255).astype(np.uint8)

    def description(self, scale: int) -> str:
        return "noise"


@pytest.mark.parametrize("name", OWN.degradations)
def test_degradations_keep_their_contract(name: str) -> None:
    check_degradation(OWN.degradations[name]())


def test_the_battery_passes_one_that_does_not_shrink() -> None:
    check_degradation(Noise())


def broken(apply: Any, **extra: Any) -> Any:
    made = {"apply": apply, "name": "broken", "__doc__": "Broken.", "__module__": __name__, **extra}
    return type("Broken", (Noise,), made)()


@pytest.mark.parametrize(
    ("degradation", "said"),
    [
        (broken(lambda self, levels, scale, random: levels[::scale, ::scale]), "at scale 2 it must return"),
        (broken(lambda self, levels, scale, random: levels / 2.0), "uint8, returned"),
        (broken(lambda self, levels, scale, random: levels + np.random.default_rng().integers(9, size=3)), "uint8"),
        (
            broken(lambda self, levels, scale, random: np.random.default_rng().permutation(levels)),
            "two results for one seed",
        ),
        (broken(lambda self, levels, scale, random: levels.fill(3) or levels.copy()), "changed the picture"),
        (broken(Noise.apply, description=lambda self, scale: ""), "description is empty"),
    ],
)
def test_the_battery_catches_what_is_broken(degradation: Degradation, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_degradation(degradation)


def test_steps_act_in_order() -> None:
    noise, shrink = Noise(), BicubicMatlab()
    before, after = (np.random.default_rng(5) for _ in range(2))
    spoilt = degrade([noise, shrink], PICTURE, 2, before)
    np.testing.assert_array_equal(spoilt, imresize(noise.apply(PICTURE, 2, after), Fraction(1, 2)))
    spoilt = degrade([shrink, noise], PICTURE, 2, np.random.default_rng(5))
    np.testing.assert_array_equal(spoilt, noise.apply(imresize(PICTURE, Fraction(1, 2)), 2, np.random.default_rng(5)))


def test_bicubic_at_scale_1_changes_nothing() -> None:
    np.testing.assert_array_equal(BicubicMatlab().apply(PICTURE, 1, np.random.default_rng(0)), PICTURE)


def test_a_step_that_breaks_its_promise_is_named() -> None:
    cut = broken(lambda self, levels, scale, random: levels[1:])
    with pytest.raises(ValueError, match=r"degradation 'broken' returned \(11, 18, 3\) uint8, expected \(12, 18, 3\)"):
        degrade([cut], PICTURE, 2, np.random.default_rng(0))


def test_exactly_one_step_shrinks() -> None:
    assert shrinking_problem([Noise(), BicubicMatlab()], 2) == ""
    assert shrinking_problem([Noise()], 1) == ""
    assert "one step must shrink the picture to 1/2, such as bicubic-matlab" in shrinking_problem([Noise()], 2)
    twice = shrinking_problem([BicubicMatlab(), BicubicMatlab()], 2)
    assert twice == "only one step may shrink the picture: bicubic-matlab, bicubic-matlab"
