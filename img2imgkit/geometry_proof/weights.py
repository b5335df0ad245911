"""Weights with which every path through a network contributes to its output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

_LIFT = 3.0  # standard deviations: a norm's output is hardly ever further from its mean


@contextmanager
def unchanged(models: Sequence[Any]) -> Iterator[None]:
    """Restore the models' weights afterwards."""
    before = [model.get_weights() for model in models]
    try:
        yield
    finally:
        for model, weights in zip(models, before, strict=True):
            model.set_weights(weights)


def set_positive_weights(models: Sequence[Any], seed: int = 1) -> None:
    """Set positive kernels that amplify nothing, and norm offsets that keep outputs positive.

    Other weights are kept, unless they are zero and not an offset: a factor of zero would hide what it multiplies.
    The state of spectral normalization is set so that it does not scale these kernels.
    """
    rng = np.random.default_rng(seed)
    for model in models:
        for variable in model.trainable_variables:
            shape = tuple(variable.shape)
            if len(shape) in (2, 4):
                kernel = rng.uniform(0.5, 1, shape)
                sums = (kernel.sum(axis=(*range(kernel.ndim - 2), axis)) for axis in (-2, -1))  # inputs, outputs
                variable.assign(kernel / max(each.max() for each in sums))
            elif variable.name == "beta":
                variable.assign(np.full(shape, _LIFT))
            elif variable.name != "bias" and not np.any(variable):
                variable.assign(rng.uniform(0.5, 1, shape))
        _settle_spectral(model)


def _settle_spectral(model: Any) -> None:
    """Set ``u`` (1, out) and ``v`` (1, h * w * in) of each spectrally normalized kernel so that its norm is 1."""
    variables = {variable.path: variable for variable in model.variables}
    for path, left in variables.items():
        layer = path.removesuffix("/u")
        kernel, right = variables.get(f"{layer}/kernel"), variables.get(f"{layer}/v")
        if layer == path or kernel is None or right is None:
            continue
        matrix = np.asarray(kernel).reshape(-1, kernel.shape[-1])
        rows, columns = matrix.shape
        left.assign(np.full((1, columns), 1.0))
        right.assign(np.full((1, rows), 1 / matrix.sum()))
