"""Attention to reduced maps: which one is chosen, and what it computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import tensorflow as tf  # noqa: E402

from img2imgkit.nn.layers import LayerScale, ReducedAttention, recursion  # noqa: E402

HEADS, INNER, WIDTH = 2, 4, 6


def maps(height: int, width: int) -> list[np.ndarray]:
    """Queries, and keys and values of maps a fourth, a sixteenth and a sixty-fourth as high and wide."""
    random, found = np.random.default_rng(0), [(height, width, INNER)]
    for factor in (4, 16, 64):
        size = (max(1, height // factor), max(1, width // factor))
        found += [(*size, INNER), (*size, WIDTH)]
    return [random.normal(size=(2, *shape)).astype(np.float32) for shape in found]


def expected(query: np.ndarray, key: np.ndarray, value: np.ndarray) -> np.ndarray:
    made = []
    for head in range(HEADS):
        inside, of_value = (slice(head * size // HEADS, (head + 1) * size // HEADS) for size in (INNER, WIDTH))
        scores = np.einsum("nhwd,nijd->nhwij", query[..., inside], key[..., inside]) / np.sqrt(INNER / HEADS)
        powers = np.exp(scores - scores.max(axis=(3, 4), keepdims=True))
        shares = powers / powers.sum(axis=(3, 4), keepdims=True)
        made.append(np.einsum("nhwij,nijc->nhwc", shares, value[..., of_value]))
    return np.concatenate(made, axis=-1)


@pytest.mark.parametrize(
    ("size", "chosen"),
    [((4, 5), 0), ((15, 9), 0), ((16, 16), 1), ((20, 40), 1), ((64, 64), 2), ((64, 20), 1), ((9, 70), 0)],
)
def test_the_longer_side_chooses_the_map_unless_the_shorter_one_has_no_pixel_in_it(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], chosen: int
) -> None:
    monkeypatch.setattr(recursion, "LEAST", 16)
    given = maps(*size)
    layer = ReducedAttention(HEADS, 4)
    signature = [tf.TensorSpec((None, None, None, each.shape[-1])) for each in given]
    run = tf.function(lambda *each: layer([*each]), input_signature=signature, autograph=False)
    wanted = expected(given[0], *given[1 + 2 * chosen : 3 + 2 * chosen])
    with backend.portable():
        exported = layer(given)
    for found in (layer(given), run(*given), exported):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert layer.compute_output_shape([each.shape for each in given]) == wanted.shape


def test_a_layer_scale_has_a_factor_for_each_channel() -> None:
    layer: Any = LayerScale(0.5)
    x = np.ones((1, 2, 2, 3), np.float32)
    np.testing.assert_array_equal(layer(x), x / 2)
    layer.factors.assign([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(layer(x)[0, 0, 0], [1, 2, 3])
