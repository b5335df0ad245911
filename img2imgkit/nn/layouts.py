"""Network inputs from label maps: one-hot classes and instance boundaries."""

from __future__ import annotations

from typing import Any

from keras import ops

Tensor = Any


def one_hot(ids: Tensor, classes: int) -> Tensor:
    """One-hot encoding with a channel for each class; all channels are 0 for ids that are not classes.

    Shapes:
        ids: (N, H, W, 1), whole numbers -> (N, H, W, classes) float32

    >>> one_hot(ops.reshape(ops.array([2, 0]), (1, 1, 2, 1)), 3).numpy()
    array([[[[0., 0., 1.],
             [1., 0., 0.]]]], dtype=float32)
    """
    return ops.one_hot(ops.cast(ops.squeeze(ids, axis=-1), "int32"), classes, dtype="float32")


def instance_edges(instances: Tensor) -> Tensor:
    """The instance boundary map: 1 at every pixel with a neighbour (left, right, above, below) of another object.

    Wang et al. 2018, https://arxiv.org/abs/1711.11585, section 3.3.

    Shapes:
        instances: (N, H, W, 1), whole numbers -> (N, H, W, 1) float32, 0 or 1

    >>> instances = ops.reshape(ops.array([7, 7, 9, 9]), (1, 1, 4, 1))
    >>> instance_edges(instances).numpy().ravel()
    array([0., 1., 1., 0.], dtype=float32)
    """
    across = ops.cast(instances[:, :, 1:] != instances[:, :, :-1], "float32")
    down = ops.cast(instances[:, 1:] != instances[:, :-1], "float32")
    horizontal = ops.maximum(ops.pad(across, _before(2)), ops.pad(across, _after(2)))
    vertical = ops.maximum(ops.pad(down, _before(1)), ops.pad(down, _after(1)))
    return ops.maximum(horizontal, vertical)


def _before(axis: int) -> list[tuple[int, int]]:
    return [(1, 0) if each == axis else (0, 0) for each in range(4)]


def _after(axis: int) -> list[tuple[int, int]]:
    return [(0, 1) if each == axis else (0, 0) for each in range(4)]
