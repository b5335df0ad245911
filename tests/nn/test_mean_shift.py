"""A constant colour that a convolution adds."""

from __future__ import annotations

import numpy as np

from img2imgkit import backend

backend.load()

from img2imgkit.nn.layers import MeanShift  # noqa: E402


def test_it_adds_its_colour_until_other_weights_are_loaded() -> None:
    x = np.random.default_rng(0).uniform(0, 255, (2, 3, 4, 3)).astype(np.float32)
    layer = MeanShift((-1.0, 0.5, 2.0))
    np.testing.assert_allclose(layer(x), x + np.float32([-1, 0.5, 2]), atol=1e-4)
    assert not layer.trainable_variables
    kernel = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    layer.set_weights([kernel, np.zeros(3, np.float32)])
    np.testing.assert_allclose(layer(x), x @ kernel[0, 0], rtol=1e-5)
