"""The residual network: sizes and initial outputs."""

import keras
import numpy as np
import pytest

from img2imgkit.architectures.residual import residual_sr


@pytest.mark.parametrize(("scale", "channels"), [(2, 1), (3, 3), (4, 1)])
def test_enlarges_any_size(scale: int, channels: int) -> None:
    net = residual_sr(scale, width=4, blocks=2, channels=channels)
    for height, width in ((1, 1), (3, 8)):
        made = net(np.zeros((2, height, width, channels), np.float32))
        assert tuple(made.shape) == (2, scale * height, scale * width, channels)


def test_initial_outputs_are_almost_the_nearest_neighbour_upsampling() -> None:
    keras.utils.set_random_seed(0)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 6, 5, 3)).astype(np.float32)
    made = np.asarray(residual_sr(2, width=16, blocks=3)(image))
    np.testing.assert_allclose(made, image.repeat(2, axis=1).repeat(2, axis=2), atol=0.1)


def test_the_receptive_field_matches_the_convolutions() -> None:
    keras.utils.set_random_seed(0)
    net = residual_sr(1, width=4, blocks=2, channels=1)
    image = np.zeros((1, 31, 31, 1), np.float32)
    touched = image.copy()
    touched[0, 15, 15] = 1
    changed = np.abs(np.asarray(net(touched)) - np.asarray(net(image)))[0, ..., 0] > 0
    rows = np.flatnonzero(changed.any(axis=1))
    assert (rows.min(), rows.max()) == (15 - 6, 15 + 6)  # first, two blocks of two, last


@pytest.mark.parametrize("activation", ["prelu", "leaky_relu", "relu"])
def test_number_of_weights(activation: str) -> None:
    net = residual_sr(2, width=8, blocks=1, activation=activation, channels=1)  # type: ignore[arg-type]
    convolutions = (9 * 8 + 8) + 2 * (9 * 64 + 8) + (9 * 8 * 4 + 4)
    assert net.count_params() == convolutions + (2 * 8 if activation == "prelu" else 0)
