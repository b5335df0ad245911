"""Cross entropies, PatchNCE, and the Kullback-Leibler divergence; (N,) each."""

from __future__ import annotations

from typing import Any

from img2imgkit.backend import ops
from img2imgkit.losses.reduction import sum_per_image

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


_SELF = -10.0  # a patch's similarity to itself as its own negative; far below any that unit vectors can have


def patch_nce(query: Tensor, key: Tensor, temperature: float = 0.07) -> Tensor:
    """Cross entropy of identifying the input patch at each output patch's place.

    Park et al. 2020, https://arxiv.org/abs/2007.15651, eq. 3. Negatives come from the same image; for those of the
    whole batch, reshape both to (1, N * P, C).

    Shapes:
        query: (N, P, C), P patches of each output, of unit length; key: its input's patches at the same places, which
        get no gradient -> (N,) float32, mean over patches

    Identical patches cannot be told apart, so that the right one of four is a guess:

    >>> query = ops.ones((1, 4, 1))
    >>> (patch_nce(query, query) / np.log(4)).numpy().round(4)
    array([1.], dtype=float32)
    """
    query, key = ops.cast(query, "float32"), ops.stop_gradient(ops.cast(key, "float32"))
    positive = ops.sum(query * key, axis=-1, keepdims=True)
    own = ops.eye(ops.shape(query)[1], dtype="float32")
    negative = ops.matmul(query, ops.transpose(key, (0, 2, 1))) * (1 - own) + _SELF * own
    logits = ops.concatenate([positive, negative], axis=-1) / temperature
    return ops.mean(ops.logsumexp(logits, axis=-1) - positive[..., 0] / temperature, axis=-1)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of a diagonal normal distribution from the standard one.

    Kingma and Welling 2013, https://arxiv.org/abs/1312.6114, appendix B, with the sign of a loss. SPADE's official code
    sums over the batch.

    Shapes:
        mean, log_variance: (N, ...) -> (N,) float32, sum over the axes

    >>> kl_divergence(ops.array([[0.0, 0.0], [1.0, 2.0]]), ops.zeros((2, 2))).numpy()
    array([0. , 2.5], dtype=float32)
    """
    mean, log_variance = ops.cast(mean, "float32"), ops.cast(log_variance, "float32")
    return sum_per_image(ops.square(mean) + ops.exp(log_variance) - log_variance - 1) / 2
