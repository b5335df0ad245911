"""Networks of other programs: as a tutorial builds one with Keras, and as Keras 2 describes one in its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

KERAS_2: dict[str, Any] = {
    "class_name": "Functional",
    "config": {
        "name": "model",
        "layers": [
            {
                "class_name": "InputLayer",
                "name": "input_1",
                "config": {
                    "batch_input_shape": {"class_name": "__tuple__", "items": [None, None, None, 3]},
                    "name": "input_1",
                },
                "inbound_nodes": [],
            },
            {
                "class_name": "Conv2D",
                "name": "conv2d",
                "config": {
                    "name": "conv2d",
                    "trainable": True,
                    "dtype": "float32",
                    "filters": 4,
                    "kernel_size": [3, 3],
                    "strides": [1, 1],
                    "padding": "same",
                    "data_format": "channels_last",
                    "dilation_rate": [1, 1],
                    "groups": 1,
                    "activation": "linear",
                    "use_bias": True,
                    "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
                    "bias_initializer": {"class_name": "Zeros", "config": {}},
                    "kernel_regularizer": None,
                    "kernel_constraint": None,
                },
                "inbound_nodes": [[["input_1", 0, 0, {}]]],
            },
            {
                "class_name": "LeakyReLU",
                "name": "leaky_re_lu",
                "config": {"name": "leaky_re_lu", "trainable": True, "dtype": "float32", "alpha": 0.25},
                "inbound_nodes": [[["conv2d", 0, 0, {}]]],
            },
            {
                "class_name": "Concatenate",
                "name": "concatenate",
                "config": {"name": "concatenate", "trainable": True, "dtype": "float32", "axis": -1},
                "inbound_nodes": [[["leaky_re_lu", 0, 0, {}], ["conv2d", 0, 0, {}]]],
            },
        ],
        "input_layers": [["input_1", 0, 0]],
        "output_layers": [["concatenate", 0, 0]],
    },
}


def keras_2_file(path: Path) -> Path:
    """A whole model as Keras 2 saves one, with the state of an optimizer beside it."""
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(KERAS_2)
        file.attrs["training_config"] = json.dumps({"loss": "mae"})
        file["model_weights/conv2d/conv2d/kernel:0"] = random.normal(0, 0.2, (3, 3, 3, 4)).astype(np.float32)
        file["model_weights/conv2d/conv2d/bias:0"] = random.normal(0, 0.2, 4).astype(np.float32)
        file["optimizer_weights/Adam/conv2d/kernel/m:0"] = np.zeros((3, 3, 3, 4), np.float32)
    return path


def tutorial_generator(size: int | None = 16, dropout: float = 0.5, depth: int = 3) -> Any:
    """A small U-Net, built like the generator of TensorFlow's tutorial on pix2pix: of sequences, in one graph."""
    import keras
    from keras import layers

    def down(filters: int, norm: bool) -> Any:
        made = keras.Sequential([layers.Conv2D(filters, 4, strides=2, padding="same", use_bias=False)])
        if norm:
            made.add(layers.BatchNormalization())
        made.add(layers.LeakyReLU())
        return made

    def up(filters: int, drop: bool) -> Any:
        made = keras.Sequential([layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)])
        made.add(layers.BatchNormalization())
        if drop:
            made.add(layers.Dropout(dropout))
        made.add(layers.ReLU())
        return made

    inputs = keras.Input((size, size, 3))
    x, skips = inputs, []
    for number in range(depth):
        x = down(4 + number, norm=number > 0)(x)
        skips.append(x)
    for number, skip in enumerate(reversed(skips[:-1])):
        x = layers.Concatenate()([up(4 + number, drop=number == 0)(x), skip])
    last = layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")
    model = keras.Model(inputs, last(x))
    random = np.random.default_rng(0)
    for variable in model.weights:
        if "seed" not in variable.path:
            about = random.uniform(0.5, 1.5, variable.shape) if "variance" in variable.path else None
            variable.assign(random.normal(0, 0.3, variable.shape) if about is None else about)
    return model
