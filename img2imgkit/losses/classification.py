"""Classification losses on a critic's logits; (N,) each."""

from __future__ import annotations

from typing import Any

from img2imgkit.backend import ops

Tensor = Any


def binary_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """For labels that do not exclude each other, such as attributes of a face; summed over the labels.

    Shapes:
        logits, labels: (N, K), labels in [0, 1] -> (N,) float32

    >>> logits, labels = ops.zeros((2, 3)), ops.array([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    >>> (binary_cross_entropy(logits, labels) / np.log(2)).numpy().round(4)
    array([3., 3.], dtype=float32)
    """
    logits = ops.cast(logits, "float32")
    return ops.sum(ops.softplus(logits) - ops.cast(labels, "float32") * logits, axis=-1)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """For one label out of several, such as an emotion.

    Shapes:
        logits: (N, K); labels: (N, K), 1 at the label and 0 elsewhere -> (N,) float32

    >>> logits, labels = ops.zeros((1, 4)), ops.array([[0.0, 1.0, 0.0, 0.0]])
    >>> (cross_entropy(logits, labels) / np.log(4)).numpy().round(4)
    array([1.], dtype=float32)
    """
    return -ops.sum(ops.log_softmax(ops.cast(logits, "float32"), axis=-1) * ops.cast(labels, "float32"), axis=-1)
