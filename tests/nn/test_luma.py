"""Luma and colour differences."""

import numpy as np
import pytest
from keras import ops

from img2imgkit import backend
from img2imgkit.images.matlab import imresize
from img2imgkit.nn import enlarge_bicubic, luma, with_luma


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def test_luma_of_grey_is_that_grey_and_of_primaries_their_weight() -> None:
    grey = np.full((1, 2, 2, 3), 0.25, np.float32)
    np.testing.assert_allclose(luma(grey), 0.25, atol=1e-7)
    primaries = np.eye(3, dtype=np.float32).reshape(1, 1, 3, 3)
    np.testing.assert_allclose(np.ravel(luma(primaries)), [0.299, 0.587, 0.114], atol=1e-7)


def test_replacing_luma_keeps_the_colour_differences() -> None:
    image, brightness = random(2, 3, 4, 3), random(2, 3, 4, 1)
    changed = ops.convert_to_numpy(with_luma(image, brightness))
    np.testing.assert_allclose(luma(changed), brightness, atol=1e-6)
    np.testing.assert_allclose(changed - changed[..., :1], image - image[..., :1], atol=1e-6)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_bicubic_equals_matlab_away_from_edges(scale: int) -> None:
    image = random(1, 9, 12, 3)
    made = ops.convert_to_numpy(enlarge_bicubic(image, scale))[0]
    wanted = imresize(image[0].astype(np.float64), scale)
    assert made.shape == (9 * scale, 12 * scale, 3)
    edge = 2 * scale
    inside = (slice(edge, -edge), slice(edge, -edge))
    np.testing.assert_allclose(made[inside], wanted[inside], atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (3, 2)])
def test_bicubic_of_small_pictures(height: int, width: int) -> None:
    made = enlarge_bicubic(np.full((2, height, width, 1), 0.5, np.float32), 2)
    assert tuple(made.shape) == (2, 2 * height, 2 * width, 1)
    np.testing.assert_allclose(made, 0.5, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 3])
def test_the_form_without_an_axis_of_pictures_computes_the_same(scale: int) -> None:
    image = random(1, 5, 7, 3)
    with backend.portable(one_picture=True):
        single = ops.convert_to_numpy(enlarge_bicubic(image, scale))
    np.testing.assert_allclose(single, enlarge_bicubic(image, scale), atol=1e-6)
