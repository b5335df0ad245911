"""Parts and repetitions of channels."""

from __future__ import annotations

import numpy as np

from img2imgkit import backend

backend.load()

from img2imgkit.nn.layers import ChannelRange, RepeatedChannels  # noqa: E402

X = np.random.default_rng(0).uniform(0, 1, (2, 3, 4, 3)).astype(np.float32)


def test_a_range_of_channels() -> None:
    layer = ChannelRange(1, 3)
    np.testing.assert_array_equal(layer(X), X[..., 1:3])
    assert layer.compute_output_shape(X.shape) == (2, 3, 4, 2)


def test_repeated_channels_stay_together() -> None:
    layer = RepeatedChannels(4)
    np.testing.assert_array_equal(layer(X), np.repeat(X, 4, axis=-1))
    assert layer.compute_output_shape(X.shape) == (2, 3, 4, 12)
