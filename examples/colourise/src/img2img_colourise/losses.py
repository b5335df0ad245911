"""The loss: differences of colour, in which strong colours count more."""

from __future__ import annotations

from typing import Any


def chroma_l1(image: Any, target: Any, strength: float) -> Any:
    """Mean absolute difference between the colours of two pictures, without their brightness.

    Most of a photograph is nearly grey, and a network that predicts grey is hardly ever far off. As in Zhang et al.
    2016 (https://arxiv.org/abs/1603.08511, section 2.2), rare colours count more: a pixel's weight is 1 plus
    ``strength`` times the largest difference of its true colour from grey.

    Shapes:
        image, target: (N, H, W, 3) in [-1, 1] -> (N,)
    """
    from keras import ops

    made, true = (_chroma(ops.cast(each, "float32")) for each in (image, target))
    weights = 1 + strength * ops.max(ops.abs(true), axis=-1, keepdims=True)
    return ops.mean(weights * ops.abs(made - true), axis=(1, 2, 3))


def _chroma(image: Any) -> Any:
    from keras import ops

    return image - ops.mean(image, axis=-1, keepdims=True)
