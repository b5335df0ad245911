"""Losses as components: what their options do, and that naming them needs no Keras."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from img2imgkit import Catalog, Config, LossChoice, backend, choice, resolve
from img2imgkit.errors import ConfigError
from img2imgkit.image_losses import L1, L2, Charbonnier, Frobenius, MsSsim, Ssim

backend.load()

from img2imgkit import losses  # noqa: E402

IMAGE, TARGET = np.random.default_rng(3).uniform(-1, 1, (2, 2, 16, 16, 3)).astype(np.float32)


class Options(Config):
    """Options with a loss."""

    distance: LossChoice = choice("reconstruction", L1())


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        (L1(), losses.l1),
        (L2(), losses.l2),
        (Charbonnier(), losses.charbonnier),
        (Frobenius(), losses.frobenius),
        (Ssim(), losses.ssim_loss),
    ],
)
def test_a_component_computes_its_formula(loss, formula) -> None:  # type: ignore[no-untyped-def]
    np.testing.assert_array_equal(loss(IMAGE, TARGET), formula(IMAGE, TARGET))


def test_options_reach_the_formula() -> None:
    chosen = resolve(Options(distance={"kind": "charbonnier", "epsilon": 0.5}), Catalog.installed({})).distance.chosen
    np.testing.assert_array_equal(chosen(IMAGE, TARGET), losses.charbonnier(IMAGE, TARGET, 0.5))


def test_an_unknown_loss_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no loss 'ssin' is installed; did you mean 'ssim'"):
        resolve(Options(distance="ssin"), Catalog.installed({}))


@pytest.mark.parametrize("loss", [Ssim(), MsSsim()])
def test_a_minimum_is_the_least_side_that_works(loss) -> None:  # type: ignore[no-untyped-def]
    side = loss.minimum
    big = np.zeros((1, side, side, 1), np.float32)
    assert np.isfinite(loss(big, big)).all()
    with pytest.raises(ValueError, match=f"of at least {side}x{side}"):
        loss(big[:, 1:], big[:, 1:])


def test_naming_losses_and_adversaries_loads_no_keras() -> None:
    code = (
        "import sys; from img2imgkit import Catalog; c = Catalog.installed({}); "
        "from img2imgkit import Adversary; "
        "print(len(c.losses), len(c.adversarial_losses), len(c.penalties), len(c.augmentations), Adversary().penalty); "
        "assert not {'keras', 'tensorflow'} & {*sys.modules}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(int(number) > 0 for number in done.stdout.split()[:4])
