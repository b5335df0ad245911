"""Large weights are kept out of the graph during the conversion, and are in the resulting model."""

from typing import Any

import numpy as np
import pytest

from img2imgkit import backend
from img2imgkit.exchange import Port, Program
from img2imgkit.formats.onnx_writer import LARGE, onnx_model, opened, put_back, taken_out


@pytest.fixture(scope="module")
def program() -> Program:
    """A convolution of many channels, and one of the mirrored image with the same kernel."""
    backend.load()
    import tensorflow as tf

    kernel = np.random.default_rng(0).normal(0, 0.1, (3, 3, 64, 128)).astype(np.float32)
    assert kernel.nbytes >= LARGE
    held = tf.Variable(kernel)

    def call(given: Any) -> Any:
        grown = tf.nn.conv2d(given["image"], held, 1, "SAME")
        return {"output": tf.nn.conv2d_transpose(grown, held, tf.shape(given["image"]), 1)}

    def sample(random: np.random.Generator, count: int, height: int, width: int) -> Any:
        return {"image": random.normal(size=(count, height, width, 64)).astype(np.float32)}

    axes = ("batch", "height", "width", "")
    ports = [Port(name, (None, None, None, 64), "float32", "features", axes) for name in ("image", "output")]
    return Program("twice", (ports[0],), (ports[1],), call, sample)


def test_the_model_contains_large_weights_and_computes_the_same(program: Program) -> None:
    model = onnx_model(program, 18)
    assert [each.name for each in model.graph.input] == ["image"]
    sizes = [int(np.prod(each.dims)) for each in model.graph.initializer]
    assert max(sizes) == 3 * 3 * 64 * 128
    given = program.sample(np.random.default_rng(1), 2, 6, 5)
    (made,) = opened(model.SerializeToString()).run(["output"], dict(given))
    np.testing.assert_allclose(made, program.call(given)["output"], rtol=1e-4, atol=1e-5)


def test_large_weights_are_taken_out_and_small_constants_stay() -> None:
    import tensorflow as tf

    large, small = np.ones((256, 256), np.float32) * np.arange(256, dtype=np.float32), np.arange(5.0)
    with tf.Graph().as_default() as graph:
        tf.constant(large, name="large")
        tf.constant(small, name="small")
    definition = graph.as_graph_def()
    found = taken_out(definition)
    np.testing.assert_array_equal(found["large"], large)
    assert {node.name: node.op for node in definition.node} == {"large": "Placeholder", "small": "Const"}
    assert definition.ByteSize() < 1000


def test_a_transpose_that_is_the_only_reader_is_folded_into_the_weight() -> None:
    from onnx import TensorProto, helper, numpy_helper

    floats = TensorProto.FLOAT
    ports = [helper.make_tensor_value_info(name, floats, (2, 3)) for name in ("x", "once:0", "twice:0")]
    nodes = [
        helper.make_node("Transpose", ["once:0"], ["a"], perm=[1, 0]),
        helper.make_node("Transpose", ["twice:0"], ["b"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "a"], ["c"]),
        helper.make_node("MatMul", ["twice:0", "b"], ["d"]),
        helper.make_node("Add", ["c", "d"], ["y"]),
    ]
    result = helper.make_tensor_value_info("y", floats, (2, 2))
    model = helper.make_model(helper.make_graph(nodes, "g", ports, [result]))
    arrays = {name: np.arange(6, dtype=np.float32).reshape(2, 3) for name in ("once", "twice")}
    put_back(model, arrays)
    assert [each.name for each in model.graph.input] == ["x"]
    kept = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    np.testing.assert_array_equal(kept["a"], arrays["once"].T)
    np.testing.assert_array_equal(kept["twice:0"], arrays["twice"])
    assert [node.op_type for node in model.graph.node].count("Transpose") == 1
