"""Frozen TensorFlow graphs are read as arrays; damaged and hostile ones are refused."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit.errors import InteropError
from img2imgkit.formats.frozen_graph import read_frozen_graph


def write(path, build):
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        build(tf.compat.v1)
    stored = graph.as_graph_def()
    path.write_bytes(stored.SerializeToString())
    return stored


def test_numeric_constants_are_read_by_name_and_nothing_else(tmp_path):
    kernel = np.arange(12, dtype=np.float32).reshape(2, 2, 1, 3)

    def build(tf1):
        x = tf1.placeholder("float32", (1, 4, 4, 1), name="x")
        tf1.nn.conv2d(x, tf1.constant(kernel, name="block/kernel"), 1, "SAME", name="block/conv")
        tf1.constant(7, name="seven")
        tf1.constant(2.5, shape=(3, 2), name="same")
        tf1.constant(b"text", name="text")

    write(tmp_path / "graph.pb", build)
    arrays = read_frozen_graph(tmp_path / "graph.pb")
    assert set(arrays) == {"block/kernel", "seven", "same"}
    assert (arrays["block/kernel"] == kernel).all()
    assert arrays["seven"] == 7
    assert (arrays["same"] == np.full((3, 2), 2.5)).all()


def test_a_constant_that_would_fill_the_memory_is_refused(tmp_path):
    stored = write(tmp_path / "graph.pb", lambda tf1: tf1.constant(0.0, shape=(2,), name="zeros"))
    tensor = stored.node[0].attr["value"].tensor
    tensor.Clear()
    tensor.dtype = 1
    tensor.tensor_shape.dim.add().size = 1 << 40
    tensor.float_val.append(0.0)
    (tmp_path / "graph.pb").write_bytes(stored.SerializeToString())
    with pytest.raises(InteropError, match=r"constant 'zeros' is damaged: states the shape \(1099511627776,\) without"):
        read_frozen_graph(tmp_path / "graph.pb")


def test_a_constant_whose_numbers_do_not_fill_its_shape_is_refused(tmp_path):
    stored = write(tmp_path / "graph.pb", lambda tf1: tf1.constant(np.ones(4, np.float32), name="ones"))
    stored.node[0].attr["value"].tensor.tensor_content = b"\0" * 12
    (tmp_path / "graph.pb").write_bytes(stored.SerializeToString())
    with pytest.raises(InteropError, match=r"graph\.pb: constant 'ones' is damaged"):
        read_frozen_graph(tmp_path / "graph.pb")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff" * 20, "not a frozen TensorFlow graph"),
        (b"", "has no constants"),
        (None, "cannot be read: No such file"),
    ],
)
def test_other_files_are_refused(tmp_path, content, said):
    path = tmp_path / "graph.pb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InteropError, match=said):
        read_frozen_graph(path)
