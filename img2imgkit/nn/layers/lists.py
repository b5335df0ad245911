"""Models that return a list."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("img2imgkit")
class ListModel(keras.Model):
    """A functional model whose outputs are a list, also if it has a single element.

    Keras returns the element of such a list instead of the list, so that a network of one scale, or features at one
    tap, would have another structure than those of two.

    >>> image = keras.Input((None, None, 3))
    >>> [features] = ListModel(image, [keras.layers.Conv2D(2, 1)(image)])(ops.zeros((1, 4, 5, 3)))
    >>> ops.shape(features)
    (1, 4, 5, 2)
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None, **more: Any) -> Any:
        """Return the list of outputs."""
        found = super().call(inputs, training=training, mask=mask, **more)
        return found if len(self._outputs_struct) > 1 else [found]
