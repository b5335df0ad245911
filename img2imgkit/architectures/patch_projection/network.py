"""CUT's projection of patch features to unit vectors, which the contrastive loss compares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from img2imgkit.nn.layers import UnitLength, initializer
from img2imgkit.nn.layers.convolution import Init


def patch_sample(widths: Sequence[int], width: int = 256, init: Init = "xavier") -> keras.Model:
    """A two-layer MLP for each layer of features (Park et al. 2020, https://arxiv.org/abs/2007.15651, eq. 2).

    Shapes:
        a list of (N, P, widths[i]) -> a list of (N, P, width), float32, unit vectors

    Args:
        widths: channels of each layer's features
        init: kernel initializer, see ``initializer``

    >>> first, second = patch_sample([3, 8], width=4)([ops.ones((1, 5, 3)), ops.ones((1, 7, 8))])
    >>> ops.shape(first), ops.shape(second)
    ((1, 5, 4), (1, 7, 4))
    """
    sources, projected = [], []
    for number, channels in enumerate(widths):
        source = keras.Input((None, channels), name=f"features{number}")
        options: dict[str, Any] = {"kernel_initializer": initializer(init), "name": f"mlp{number}_dense0"}
        x = layers.Dense(width, activation="relu", **options)(source)
        options = {"kernel_initializer": initializer(init), "name": f"mlp{number}_dense1", "dtype": "float32"}
        x = layers.Dense(width, **options)(x)
        sources.append(source)
        projected.append(UnitLength(dtype="float32", name=f"mlp{number}_unit")(x))
    return keras.Model(sources, projected, name="patch_sample")
