"""The network: colour differences from brightness, with a growing view of the surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

DILATIONS = (1, 2, 4, 8, 4, 2, 1)  # Yu and Koltun 2016, https://arxiv.org/abs/1511.07122
RADIUS = sum(DILATIONS) + 1  # the last convolution sees one pixel more


def colouriser(width: int) -> keras.Model:
    """Dilated convolutions, whose result is added to the grey picture in a way that leaves its brightness.

    Shapes:
        (N, H, W, 1) -> (N, H, W, 3), both in [-1, 1] as far as the colours allow
    """
    import keras
    from keras import layers

    x = image = keras.Input((None, None, 1))
    for number, dilation in enumerate(DILATIONS):
        x = layers.Conv2D(width, 3, padding="same", dilation_rate=dilation, activation="relu", name=f"conv{number}")(x)
    made: Any = layers.Conv2D(3, 3, padding="same", activation="tanh", dtype="float32", name="colours")(x)
    return keras.Model(image, image + made - keras.ops.mean(made, axis=-1, keepdims=True))
