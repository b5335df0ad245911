"""Padding to multiples: by reflection as pictures are padded before tiles, with the edge, or by zeros; and around."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import tensorflow as tf  # noqa: E402

from img2imgkit.inference.tiles.grid import reflected  # noqa: E402
from img2imgkit.nn.layers import CropLike, PadAround, PadToMultiple  # noqa: E402


@pytest.mark.parametrize("size", [(1, 2), (3, 8), (7, 9), (8, 16)])
def test_reflection_is_that_of_pictures(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    rows, columns = (reflected(side, 0, -(-side // 8) * 8) for side in size)
    layer = PadToMultiple(8)
    run = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3))], autograph=False)
    for made in (layer(image), run(image)):
        np.testing.assert_array_equal(made, image[:, rows][:, :, columns])


@pytest.mark.parametrize("size", [(1, 2), (3, 8), (7, 9), (8, 16)])
def test_symmetric_padding_repeats_the_edge(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    more = [(0, -side % 8) for side in size]
    layer = PadToMultiple(8, "symmetric")
    run = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3))], autograph=False)
    for made in (layer(image), run(image)):
        np.testing.assert_array_equal(made, np.pad(image, ((0, 0), *more, (0, 0)), "symmetric"))


def test_zeros_are_added_at_the_bottom_and_on_the_right() -> None:
    image = np.ones((1, 3, 4, 2), np.float32)
    made = np.asarray(PadToMultiple(4, "zeros")(image))
    assert made.shape == (1, 4, 4, 2)
    assert made.sum() == image.sum()
    np.testing.assert_array_equal(CropLike()([made, image]), image)
    larger = made.repeat(2, 1).repeat(2, 2)
    assert CropLike(2)([larger, image]).shape == (1, 6, 8, 2)


@pytest.mark.parametrize(("mode", "numpys"), [("reflect", "reflect"), ("replicate", "edge")])
@pytest.mark.parametrize("size", [(1, 2), (5, 8), (8, 11)])
def test_an_image_is_continued_on_all_sides_and_to_a_multiple(mode: Any, numpys: Any, size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    more = [(3, 3 + -side % 4) for side in size]
    layer = PadAround(3, 4, mode)
    run = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3))], autograph=False)
    wanted = np.pad(image, ((0, 0), *more, (0, 0)), numpys)
    for made in (layer(image), run(image)):
        np.testing.assert_array_equal(made, wanted)
    assert layer.compute_output_shape((2, *size, 3)) == wanted.shape
    assert PadAround.from_config(layer.get_config()).get_config() == layer.get_config()
