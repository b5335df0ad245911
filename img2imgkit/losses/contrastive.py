"""Patchwise contrastive loss: an output patch should match the input patch at its place, and no other."""

from __future__ import annotations

from typing import Any

from img2imgkit.backend import ops

Tensor = Any

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
