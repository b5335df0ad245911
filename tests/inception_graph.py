"""The graph of the Inception network of 2015 as TensorFlow 1 operations, with random weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]


def random_weights(shapes: Mapping[str, Sequence[int]], seed: int) -> dict[str, np.ndarray]:
    """The constants of the graph by node, scaled so that activations keep their size."""
    rng = np.random.default_rng(seed)
    made = {"softmax/weights": rng.standard_normal((2048, 1008)) * 0.1, "softmax/biases": rng.standard_normal(1008)}
    for scope, shape in shapes.items():
        filters = shape[-1]
        made[f"{scope}/conv2d_params"] = rng.standard_normal(tuple(shape)) * np.sqrt(2 / np.prod(shape[:3]))
        made[f"{scope}/batchnorm/beta"] = rng.standard_normal(filters) * 0.3
        made[f"{scope}/batchnorm/gamma"] = rng.uniform(0.7, 1.3, filters)
        made[f"{scope}/batchnorm/moving_mean"] = rng.standard_normal(filters) * 0.2
        made[f"{scope}/batchnorm/moving_variance"] = rng.uniform(0.5, 1.5, filters)
    return {name: array.astype(np.float32) for name, array in made.items()}


def write_graph(path: Path, weights: Arrays) -> Any:
    """Write and return the frozen graph, from "resized", (N, 299, 299, 3), to "pool_3/_reshape"."""
    import tensorflow as tf

    tf1, graph = tf.compat.v1, tf.Graph()
    with graph.as_default():
        constants = {name: tf1.constant(array, name=name) for name, array in weights.items()}
        resized = tf1.placeholder(tf.float32, (None, 299, 299, 3), name="resized")
        x = _body(tf, constants, tf.multiply(tf.subtract(resized, 128.0), 0.0078125))
        pool = tf.nn.avg_pool2d(x, 8, 1, "VALID", name="pool_3")
        tf.reshape(pool, (-1, 2048), name="pool_3/_reshape")
        tf1.constant(b"text", name="DecodeJpeg/contents")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return graph


def _body(tf: Any, constants: Mapping[str, Any], x: Any) -> Any:
    def convolve(scope: str, x: Any, stride: int = 1, padding: str = "SAME") -> Any:
        x = tf.nn.conv2d(x, constants[f"{scope}/conv2d_params"], stride, padding)
        mean, variance, beta, gamma = (
            constants[f"{scope}/batchnorm/{name}"] for name in ("moving_mean", "moving_variance", "beta", "gamma")
        )
        return tf.nn.relu(tf.nn.batch_normalization(x, mean, variance, beta, gamma, 0.001))

    def chain(scopes: Sequence[str], x: Any) -> Any:
        for scope in scopes:
            x = convolve(scope, x)
        return x

    x = convolve("conv_1", convolve("conv", x, 2, "VALID"), 1, "VALID")
    x = tf.nn.max_pool2d(convolve("conv_2", x), 3, 2, "VALID")
    x = convolve("conv_4", convolve("conv_3", x, 1, "VALID"), 1, "VALID")
    x = tf.nn.max_pool2d(x, 3, 2, "VALID")
    for scope in ("mixed", "mixed_1", "mixed_2"):
        towers = (["conv"], ["tower/conv", "tower/conv_1"], ["tower_1/conv", "tower_1/conv_1", "tower_1/conv_2"])
        branches = [chain([f"{scope}/{name}" for name in tower], x) for tower in towers]
        branches.append(convolve(f"{scope}/tower_2/conv", tf.nn.avg_pool2d(x, 3, 1, "SAME")))
        x = tf.concat(branches, 3)
    inner = chain(["mixed_3/tower/conv", "mixed_3/tower/conv_1"], x)
    x = tf.concat(
        [
            convolve("mixed_3/conv", x, 2, "VALID"),
            convolve("mixed_3/tower/conv_2", inner, 2, "VALID"),
            tf.nn.max_pool2d(x, 3, 2, "VALID"),
        ],
        3,
    )
    for scope in ("mixed_4", "mixed_5", "mixed_6", "mixed_7"):
        long = [f"{scope}/tower_1/conv", *(f"{scope}/tower_1/conv_{number}" for number in range(1, 5))]
        short = [f"{scope}/tower/conv", f"{scope}/tower/conv_1", f"{scope}/tower/conv_2"]
        pooled = convolve(f"{scope}/tower_2/conv", tf.nn.avg_pool2d(x, 3, 1, "SAME"))
        x = tf.concat([convolve(f"{scope}/conv", x), chain(short, x), chain(long, x), pooled], 3)
    long = chain([f"mixed_8/tower_1/{name}" for name in ("conv", "conv_1", "conv_2")], x)
    x = tf.concat(
        [
            convolve("mixed_8/tower/conv_1", convolve("mixed_8/tower/conv", x), 2, "VALID"),
            convolve("mixed_8/tower_1/conv_3", long, 2, "VALID"),
            tf.nn.max_pool2d(x, 3, 2, "VALID"),
        ],
        3,
    )
    for scope, pool in (("mixed_9", tf.nn.avg_pool2d), ("mixed_10", tf.nn.max_pool2d)):
        short = convolve(f"{scope}/tower/conv", x)
        long = chain([f"{scope}/tower_1/conv", f"{scope}/tower_1/conv_1"], x)
        sides = [
            convolve(f"{scope}/{tower}/mixed/{name}", branch)
            for tower, branch in (("tower", short), ("tower_1", long))
            for name in ("conv", "conv_1")
        ]
        x = tf.concat(
            [convolve(f"{scope}/conv", x), *sides, convolve(f"{scope}/tower_2/conv", pool(x, 3, 1, "SAME"))], 3
        )
    return x
