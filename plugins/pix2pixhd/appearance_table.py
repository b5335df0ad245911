"""The network that stores the appearances of a trained pix2pixHD."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


def appearance_table(classes: int, clusters: int, features: int) -> keras.Model:
    """A network that looks up features by class and number. It is not trained; ``fill`` sets its features.

    Shapes:
        [(N, H, W, 1) int32 ids of classes, (N, H, W, 1) int32 numbers from 0] -> (N, H, W, features) float32
    """
    label, number = (keras.Input((None, None, 1), dtype="int32", name=name) for name in ("label", "number"))
    found = AppearanceTable(classes, clusters, features, dtype="float32", name="table")([label, number])
    return keras.Model([label, number], found, name="appearances")


@keras.saving.register_keras_serializable("img2imgkit_pix2pixhd")
class AppearanceTable(layers.Layer):
    """Look up features by class and number, modulo the class's number of appearances.

    Shapes:
        [(N, H, W, 1) int32, (N, H, W, 1) int32] -> (N, H, W, features)

    Attributes:
        centres: (classes, clusters, features); zeros if there is no appearance
        counts: (classes,), number of appearances of each class
    """

    def __init__(self, classes: int, clusters: int, features: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes, self.clusters, self.features = classes, clusters, features

    def build(self, input_shape: Any) -> None:
        shape = (self.classes, self.clusters, self.features)
        self.centres = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="centres")
        self.counts = self.add_weight(shape=shape[:1], initializer="zeros", trainable=False, name="counts")

    def call(self, inputs: Any) -> Any:
        label, number = (ops.cast(ops.squeeze(each, axis=-1), "int32") for each in inputs)
        label = ops.clip(label, 0, self.classes - 1)
        count = ops.maximum(ops.cast(ops.take(self.counts, label), "int32"), 1)
        rows = ops.reshape(self.centres, (-1, self.features))
        return ops.take(rows, label * self.clusters + number % count, axis=0)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[0][:-1], self.features)

    def get_config(self) -> dict[str, Any]:
        own = {"classes": self.classes, "clusters": self.clusters, "features": self.features}
        return {**super().get_config(), **own}
