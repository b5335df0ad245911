"""Reconstruction losses: closed forms, one number per image."""

from __future__ import annotations

import math

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.losses import charbonnier, l1, l2  # noqa: E402

IMAGE = np.array([[0.0, 0.5], [1.0, -1.0]], np.float32).reshape(2, 1, 2, 1)
TARGET = np.array([[0.0, 0.0], [0.0, 1.0]], np.float32).reshape(2, 1, 2, 1)


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [
        (l1, [0.25, 1.5]),
        (l2, [0.125, 2.5]),
        (charbonnier, [(1e-3 + math.hypot(0.5, 1e-3)) / 2, (math.hypot(1, 1e-3) + math.hypot(2, 1e-3)) / 2]),
    ],
)
def test_closed_form_per_image(loss, wanted) -> None:  # type: ignore[no-untyped-def]
    result = loss(IMAGE, TARGET)
    assert tuple(result.shape) == (2,)
    np.testing.assert_allclose(result, wanted, rtol=1e-6)


@pytest.mark.parametrize("loss", [l1, l2, charbonnier])
def test_half_precision_images_are_compared_in_float32(loss) -> None:  # type: ignore[no-untyped-def]
    from keras import ops

    result = loss(ops.cast(IMAGE, "bfloat16"), TARGET)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, loss(IMAGE, TARGET), rtol=1e-6)


@pytest.mark.parametrize("loss", [l1, l2, charbonnier])
def test_shapes_that_would_broadcast_are_refused(loss) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="differ in shape"):
        loss(np.zeros((2, 4, 4, 3), np.float32), np.zeros((2, 4, 4, 1), np.float32))
    with pytest.raises(ValueError, match="differ in rank"):
        loss(np.zeros((2, 4, 4, 3), np.float32), np.zeros((4, 4, 3), np.float32))
