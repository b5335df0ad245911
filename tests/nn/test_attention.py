"""Self-attention in windows and between channels, compared with plain sums over pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import tensorflow as tf  # noqa: E402

from img2imgkit.nn.layers import (  # noqa: E402
    ChannelSelfAttention,
    OverlappingAttention,
    PermutedAttention,
    RelativePositions,
    WindowAttention,
)

RANDOM = np.random.default_rng(0)


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def with_weights(layer: Any, qkv: np.ndarray) -> Any:
    layer.build(qkv.shape)
    for variable in layer.weights:
        variable.assign(RANDOM.normal(size=variable.shape))
    return layer


def test_a_window_attends_to_its_pixels_with_biases_by_relative_position() -> None:
    qkv = RANDOM.normal(size=(1, 2, 3, 3 * 4)).astype(np.float32)
    layer = with_weights(WindowAttention(2, (2, 3)), qkv)
    query, key, value = np.split(qkv.reshape(6, 12), 3, axis=-1)
    table = np.asarray(layer.table).reshape(3, 5, 2)
    wanted = np.zeros((6, 4), np.float32)
    for head in range(2):
        inside = slice(2 * head, 2 * head + 2)
        scores = query[:, inside] @ key[:, inside].T / np.sqrt(2)
        for one in range(6):
            for other in range(6):
                down, right = (a - b for a, b in zip(divmod(one, 3), divmod(other, 3), strict=True))
                scores[one, other] += table[down + 1, right + 2, head]
        wanted[:, inside] = softmax(scores) @ value[:, inside]
    np.testing.assert_allclose(layer(qkv)[0], wanted.reshape(2, 3, 4), atol=1e-5)


@pytest.mark.parametrize("spaced", [False, True])
@pytest.mark.parametrize("shift", [(0, 0), (1, 2)])
def test_sizes_and_batches_may_be_known_only_at_run_time(spaced: bool, shift: tuple[int, int]) -> None:
    qkv = RANDOM.normal(size=(2, 4, 8, 3 * 4)).astype(np.float32)
    layer = with_weights(WindowAttention(2, (2, 4), shift, spaced), qkv)
    run = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 12))], autograph=False)
    each = np.concatenate([layer(image[None]) for image in qkv])
    np.testing.assert_allclose(run(qkv), each, atol=1e-6)


def test_shifted_windows_see_neighbours_but_not_across_the_border() -> None:
    qkv = RANDOM.normal(size=(1, 4, 4, 3 * 2)).astype(np.float32)
    layer = with_weights(WindowAttention(1, (2, 2), (1, 1)), qkv)
    before = np.asarray(layer(qkv))
    qkv[0, 1, 1] += 1
    assert {*zip(*np.nonzero(np.abs(layer(qkv) - before)[0].max(axis=-1) > 1e-6), strict=True)} == {
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    }
    qkv[0, 1, 1] -= 1
    qkv[0, 0, 0] += 1
    assert [*zip(*np.nonzero(np.abs(layer(qkv) - before)[0].max(axis=-1) > 1e-6), strict=True)] == [(0, 0)]


def test_parts_of_the_channels_and_given_biases() -> None:
    qkv = RANDOM.normal(size=(1, 2, 4, 3 * 8)).astype(np.float32)
    table = RANDOM.normal(size=(3 * 7, 2)).astype(np.float32)
    second = np.concatenate([each[..., 4:] for each in np.split(qkv, 3, axis=-1)], axis=-1)
    whole = WindowAttention(2, (2, 4))([second, table])
    np.testing.assert_array_equal(WindowAttention(2, (2, 4), part=(1, 2))([qkv, table]), whole)
    learned = with_weights(WindowAttention(2, (2, 4)), second)
    learned.table.assign(table)
    np.testing.assert_array_equal(learned(second), whole)


def test_overlapping_windows_see_the_pixels_around_and_zeros_beyond_the_border() -> None:
    qkv = RANDOM.normal(size=(1, 4, 4, 3 * 2)).astype(np.float32)
    layer = with_weights(OverlappingAttention(1, 2, 4), qkv)
    query, key, value = np.split(qkv[0], 3, axis=-1)
    key, value = (np.pad(each, ((1, 1), (1, 1), (0, 0))) for each in (key, value))
    table = np.asarray(layer.table)
    wanted = np.zeros((4, 4, 2), np.float32)
    for row, column in np.ndindex(4, 4):
        top, left = row // 2 * 2, column // 2 * 2
        around = key[top : top + 4, left : left + 4].reshape(16, 2)
        places = np.array([[y - row % 2 - 1, x - column % 2 - 1] for y, x in np.ndindex(4, 4)]) @ [5, 1]
        scores = around @ query[row, column] / np.sqrt(2) + table[places, 0]  # negative places count from the end
        wanted[row, column] = softmax(scores) @ value[top : top + 4, left : left + 4].reshape(16, 2)
    np.testing.assert_allclose(layer(qkv)[0], wanted, atol=1e-5)


def test_pixels_attend_to_blocks_and_unmasked_windows_continue_at_the_opposite_border() -> None:
    query = RANDOM.normal(size=(1, 4, 4, 4)).astype(np.float32)
    rest = RANDOM.normal(size=(1, 4, 4, 2)).astype(np.float32)
    layer = PermutedAttention(1, 4)
    layer.build([query.shape, rest.shape])
    layer.table.assign(RANDOM.normal(size=(9, 1)))
    key, value = (rest[0, ..., each].reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).reshape(4, 4) for each in range(2))
    wanted = np.zeros((4, 4, 4), np.float32)
    for row, column in np.ndindex(4, 4):
        places = [(row // 2 - y + 1) * 3 + column // 2 - x + 1 for y, x in np.ndindex(2, 2)]
        scores = key @ query[0, row, column] / 2 + np.asarray(layer.table)[places, 0]
        wanted[row, column] = softmax(scores) @ value
    np.testing.assert_allclose(layer([query, rest])[0], wanted, atol=1e-5)
    shifted = PermutedAttention(1, 4, 2, masked=False)
    shifted.build([query.shape, rest.shape])
    shifted.table.assign(layer.table)
    moved = [np.roll(each, (2, 2), (1, 2)) for each in (query, rest)]
    np.testing.assert_allclose(shifted(moved)[0], np.roll(wanted, (2, 2), (0, 1)), atol=1e-5)


@pytest.mark.parametrize(("window", "spaced"), [(None, False), (2, False), (2, True)])
def test_channels_attend_to_each_other(window: int | None, spaced: bool) -> None:
    qkv = RANDOM.normal(size=(1, 4, 6, 3 * 4)).astype(np.float32)
    layer = with_weights(ChannelSelfAttention(2, window, spaced), qkv)
    made, temperature = np.asarray(layer(qkv)), np.asarray(layer.temperature)
    near = np.s_[0, :2, 4:6]
    pixels = np.s_[0] if window is None else np.s_[0, ::2, 1::2] if spaced else near
    query, key, value = (each[pixels].reshape(-1, 2, 2).transpose(1, 2, 0) for each in np.split(qkv, 3, axis=-1))
    query, key = (each / np.linalg.norm(each, axis=-1, keepdims=True) for each in (query, key))
    wanted = softmax(query @ key.transpose(0, 2, 1) * temperature) @ value  # (heads, channels, pixels)
    np.testing.assert_allclose(made[pixels].reshape(-1, 4), wanted.reshape(4, -1).T, atol=1e-5)


def test_relative_positions_are_in_the_order_of_the_biases() -> None:
    made = np.asarray(RelativePositions((2, 3))(np.zeros(1)))
    assert made.shape == (15, 2)
    assert made[0].tolist() == [-1, -2]
    assert made[6].tolist() == [0, -1]
