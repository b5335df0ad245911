"""Attention by a dictionary of tokens, compared with plain sums over pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import tensorflow as tf  # noqa: E402

from img2imgkit.nn.layers import CategoryAttention, TokenAttention, TokenDictionary, TokenRefinement  # noqa: E402

RANDOM = np.random.default_rng(0)
TOKENS, WIDTH, INNER, HEADS = 3, 4, 2, 2


def random(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def softmax(scores: np.ndarray, axis: int = -1) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def at_run_time(layer: Any, *given: np.ndarray) -> Any:
    """What the layer makes if only the numbers of channels and tokens are known before."""
    shapes = [(None, None, None, x.shape[-1]) if x.ndim == 4 else (None, *x.shape[1:]) for x in given]
    signature = [tf.TensorSpec(shape) for shape in shapes]
    return tf.function(lambda *each: layer([*each]), input_signature=signature, autograph=False)(*given)


def test_every_picture_has_the_same_tokens() -> None:
    layer: Any = TokenDictionary(TOKENS)
    made = np.asarray(layer(random(2, 3, 5, WIDTH)))
    assert made.shape == (2, TOKENS, WIDTH)
    np.testing.assert_array_equal(made, np.broadcast_to(layer.tokens, made.shape))


def test_pixels_attend_to_tokens_by_cosines() -> None:
    given = random(2, 3, 5, INNER), random(2, TOKENS, INNER), random(2, TOKENS, WIDTH)
    layer: Any = TokenAttention()
    layer.build([each.shape for each in given])
    layer.sharpness.assign([-1.0, 0.5, 2.0])  # the first and the last are clipped
    cosines = np.einsum("nhwd,nmd->nhwm", unit(given[0]), unit(given[1]))
    shares = softmax(cosines * (1 + np.array([0, 0.5, 1]) * math.log(TOKENS)))
    for made in (layer(list(given)), at_run_time(layer, *given)):
        np.testing.assert_allclose(made[0], np.einsum("nhwm,nmc->nhwc", shares, given[2]), atol=1e-5)
        np.testing.assert_allclose(made[1], shares, atol=1e-5)


def attended(qkv: np.ndarray, factor: float) -> np.ndarray:
    """Shapes: (pixels, 3 * WIDTH) -> (pixels, WIDTH)."""
    query, key, value = np.split(qkv, 3, axis=-1)
    heads = [slice(head * WIDTH // HEADS, (head + 1) * WIDTH // HEADS) for head in range(HEADS)]
    return np.concatenate(
        [softmax(factor * query[:, each] @ key[:, each].T) @ value[:, each] for each in heads], axis=-1
    )


@pytest.mark.parametrize("size", [4, 5, 15, 40])
def test_pixels_attend_to_the_pixels_beside_them_in_the_order_of_categories(size: int) -> None:
    qkv, shares = random(2, 3, 5, 3 * WIDTH), random(2, 3, 5, TOKENS)
    layer: Any = CategoryAttention(HEADS, size)
    layer.build([qkv.shape, shares.shape])
    layer.logit_scale.assign([[9.0]])  # too much: the factor is at most 100
    wanted = np.empty((2, 15, WIDTH), np.float32)
    for image in range(2):
        flat = qkv[image].reshape(15, -1)
        order = np.argsort(shares[image].reshape(15, -1).argmax(axis=-1), kind="stable")
        whole = min(size, 15)
        padded = np.concatenate([order, order[::-1]])[: -(-15 // whole) * whole]
        for start in range(0, len(padded), whole):
            places = padded[start : start + whole]
            made = attended(flat[places], 100.0)
            kept = min(whole, 15 - start)  # those after it are there a second time
            wanted[image, places[:kept]] = made[:kept]
    for made in (layer([qkv, shares]), at_run_time(layer, qkv, shares)):
        np.testing.assert_allclose(np.asarray(made).reshape(2, 15, WIDTH), wanted, atol=1e-4)


def test_tokens_move_towards_the_pixels_that_resemble_them() -> None:
    given = random(2, TOKENS, WIDTH), random(2, 3, 5, TOKENS), random(2, 3, 5, WIDTH)
    layer: Any = TokenRefinement()
    layer.build([each.shape for each in given])
    layer.sigma.assign(random(TOKENS, 1))
    kept = 1 / (1 + np.exp(-np.asarray(layer.sigma)))
    shares = softmax(given[1].reshape(2, 15, TOKENS), axis=1)
    means = np.einsum("npm,npc->nmc", shares, given[2].reshape(2, 15, WIDTH))
    for made in (layer(list(given)), at_run_time(layer, *given)):
        np.testing.assert_allclose(made, kept * given[0] + (1 - kept) * means, atol=1e-5)
