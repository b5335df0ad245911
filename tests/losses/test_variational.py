"""KL divergence: closed forms and SPADE's values."""

from __future__ import annotations

import math

import numpy as np
import official_losses as official
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.losses import kl_divergence  # noqa: E402


def test_closed_form_per_image() -> None:
    mean, log_variance = np.array([[0.0, 0.0], [2.0, -1.0]], np.float32), np.log([[1.0, 1.0], [1.0, 4.0]])
    wanted = [0.0, 2.0 + (1 + 4 - math.log(4) - 1) / 2]
    np.testing.assert_allclose(kl_divergence(mean, log_variance), wanted, rtol=1e-6, atol=1e-7)


def test_spade_takes_the_sum_over_images() -> None:
    given = official.entry("SPADE.KLDLoss")
    result = kl_divergence(given.inputs["mu"], given.inputs["logvar"])
    assert float(np.sum(result)) == pytest.approx(given.value, rel=1e-6)
    given = official.entry("SPADE.Pix2PixModel.losses")
    result = kl_divergence(given.inputs["mu"], given.inputs["logvar"])
    assert given.args["lambda_kld"] * float(np.sum(result)) == pytest.approx(given.expected["KLD"], rel=1e-6)
