"""Classification losses: closed forms and StarGAN's values."""

from __future__ import annotations

import math

import numpy as np
import official_losses as official
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.losses import binary_cross_entropy, cross_entropy  # noqa: E402

LOGITS = np.array([[0.0, 0.0], [2.0, -1.0]], np.float32)
LABELS = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)


def test_attributes_are_independent() -> None:
    wanted = [2 * math.log(2), math.log1p(math.exp(2)) + math.log1p(math.exp(1))]
    np.testing.assert_allclose(binary_cross_entropy(LOGITS, LABELS), wanted, rtol=1e-6)


def test_classes_share_one_probability() -> None:
    np.testing.assert_allclose(cross_entropy(LOGITS, LABELS), [math.log(2), math.log1p(math.exp(3))], rtol=1e-6)


def test_both_stay_finite_for_extreme_logits() -> None:
    for loss in (binary_cross_entropy, cross_entropy):
        assert np.isfinite(loss(LOGITS * 1e6, LABELS)).all()


def test_official_attributes() -> None:
    given = official.entry("StarGAN.classification_loss.CelebA")
    result = binary_cross_entropy(given.inputs["logits"], given.inputs["target"])
    assert float(np.mean(result)) == pytest.approx(given.value, rel=1e-6)


def test_official_classes() -> None:
    given = official.entry("StarGAN.classification_loss.RaFD")
    logits = given.inputs["logits"]
    labels = np.eye(logits.shape[1], dtype=np.float32)[given.inputs["target_ids"]]
    assert float(np.mean(cross_entropy(logits, labels))) == pytest.approx(given.value, rel=1e-6)
