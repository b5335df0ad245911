"""Converted graphs consist of the operators that runtimes have, and compute the same as the networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

from img2imgkit import backend
from img2imgkit.exchange import Port, Program
from img2imgkit.formats.onnx_writer import onnx_model, opened
from img2imgkit.formats.openvino_runner import openvino_runner

CHANNELS = 6
Build = Callable[[Any], Any]


def converted(build: Build) -> tuple[Counter[str], onnx.ModelProto]:
    """Operators and model of a network of six channels; fails if it differs from Keras in any of three sizes."""
    backend.load()
    import keras

    image = keras.Input((None, None, CHANNELS))
    model = keras.Model(image, build(image))
    random = np.random.default_rng(0)
    for variable in model.weights:
        low = 0.5 if "variance" in variable.path or "gamma" in variable.path else -0.5
        variable.assign(random.uniform(low, low + 1, variable.shape))
    axes = ("batch", "height", "width", "")
    ports = [Port(name, (None, None, None, CHANNELS), "float32", "features", axes) for name in ("image", "output")]
    outputs = (
        Port("output", (None, None, None, model.output_shape[-1]), "float32", "features", ("batch", "h", "w", "")),
    )
    program = Program(
        "network", (ports[0],), outputs, lambda given: {"output": model(given["image"], training=False)}, lambda *_: {}
    )
    made = onnx_model(program, 18)
    session = opened(made.SerializeToString())
    for shape in ((1, 8, 9), (2, 7, 12), (3, 16, 16)):
        given = random.normal(size=(*shape, CHANNELS)).astype(np.float32)
        (found,) = session.run(None, {"image": given})
        expected = np.asarray(model(given, training=False))
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * max(1, np.abs(expected).max()))
    return Counter(node.op_type for node in made.graph.node), made


def layer(name: str, *arguments: Any, **options: Any) -> Any:
    import img2imgkit.nn.layers as ours
    from img2imgkit.nn.layers import resizing

    return (getattr(ours, name, None) or getattr(resizing, name))(*arguments, **options)


def conv(filters: int = CHANNELS, **options: Any) -> Any:
    from keras import layers

    return layers.Conv2D(filters, 3, padding="same", **options)


def transposed(**options: Any) -> Any:
    from keras import layers

    return layers.Conv2DTranspose(CHANNELS, **options)


def without_layout(found: Counter[str]) -> dict[str, int]:
    assert found.pop("Transpose") == 2  # to NCHW and back
    return dict(found)


def test_mirrored_padding_is_one_operator() -> None:
    found, made = converted(lambda x: conv()(layer("ReflectionPad", 3)(x)))
    assert without_layout(found) == {"Pad": 1, "Conv": 1}
    assert [each.s for node in made.graph.node for each in node.attribute if each.name == "mode"] == [b"reflect"]


def test_replicated_edges_are_one_operator() -> None:
    found, made = converted(lambda x: conv()(layer("EdgePad")(layer("EdgePad")(x))))
    assert without_layout(found) == {"Pad": 1, "Conv": 1}
    assert [each.s for node in made.graph.node for each in node.attribute if each.name == "mode"] == [b"edge"]


@pytest.mark.parametrize("affine", [False, True])
def test_instance_normalization_is_one_operator(affine: bool) -> None:
    found, _ = converted(lambda x: conv()(layer("InstanceNorm", affine=affine)(conv()(x))))
    assert without_layout(found) == {"Conv": 2, "InstanceNormalization": 1}


def test_batch_normalization_becomes_part_of_the_convolution_before_it() -> None:
    found, _ = converted(lambda x: conv()(layer("BatchNorm")(conv(use_bias=False)(x))))
    assert without_layout(found) == {"Conv": 2}


def test_batch_normalization_with_the_statistics_of_each_image_is_one_operator() -> None:
    found, _ = converted(lambda x: conv()(layer("BatchNorm", statistics="image")(conv()(x))))
    assert without_layout(found) == {"Conv": 2, "InstanceNormalization": 1}


def test_a_scale_that_another_layer_reads_too_is_not_folded() -> None:
    def build(x: Any) -> Any:
        from keras import layers

        both = conv()(x)
        return layers.Add()([both, layer("BatchNorm")(both)])

    assert converted(build)[0]["Conv"] == 1


def test_a_kernel_is_divided_by_its_largest_singular_value_once() -> None:
    found, _ = converted(lambda x: conv()(layer("SpectralConv", CHANNELS, 3, padding="same")(x)))
    assert without_layout(found) == {"Conv": 2}


def test_a_parametric_relu_is_one_operator() -> None:
    from img2imgkit.nn.enlarging import activated

    found, _ = converted(lambda x: conv()(activated("prelu", "slope")(conv()(x))))
    assert without_layout(found) == {"Conv": 2, "PRelu": 1}


def test_nearest_upsampling_and_pixel_shuffle_are_one_operator_each() -> None:
    found, _ = converted(lambda x: layer("PixelShuffle", 2)(conv(4 * CHANNELS)(layer("Repeated", 3)(conv()(x)))))
    assert without_layout(found) == {"Conv": 2, "Resize": 1, "DepthToSpace": 1}


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 4, "strides": 2, "padding": "same"},
        {"kernel_size": 3, "strides": 2, "padding": "same"},
        {"kernel_size": 5, "strides": 3, "padding": "valid"},
    ],
)
def test_a_transposed_convolution_computes_no_sizes(options: dict[str, Any]) -> None:
    found, _ = converted(lambda x: conv()(transposed(**options)(x)))
    assert without_layout(found) == {"ConvTranspose": 1, "Conv": 1}


def test_rows_cut_off_a_transposed_convolution_are_not_computed() -> None:
    found, _ = converted(lambda x: conv()(layer("TransposedConv", CHANNELS)(x)))
    assert without_layout(found) == {"ConvTranspose": 1, "Conv": 1}


def test_a_transposed_convolution_of_another_size_is_converted_exactly() -> None:
    odd = {"kernel_size": 4, "strides": 2, "padding": "same", "output_padding": 1}
    found, _ = converted(lambda x: conv()(transposed(**odd)(x)))
    assert found["ConvTranspose"] == 1
    assert found["Slice"] > 0


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_spade_stays_in_one_layout(norm: Any) -> None:
    from img2imgkit.nn.layers.spade import spade

    found, _ = converted(lambda x: conv()(spade(conv()(x), x, 3, norm, "spade")))
    assert found["Transpose"] == 2
    assert found["Split"] == 1


def test_openvino_computes_the_same_as_onnx_runtime(tmp_path: Any) -> None:
    pytest.importorskip("openvino")
    _, made = converted(lambda x: layer("InstanceNorm")(conv()(layer("ReflectionPad", 1)(x))))
    onnx.save(made, tmp_path / "network.onnx")
    given = {"image": np.random.default_rng(3).normal(size=(2, 9, 8, CHANNELS)).astype(np.float32)}
    (expected,) = opened(tmp_path / "network.onnx").run(None, given)
    np.testing.assert_allclose(openvino_runner(tmp_path / "network.onnx")(given)["output"], expected, atol=2e-5)


def reduced_attention(x: Any) -> Any:
    """Attention of all pixels to maps a sixteenth and a sixty-fourth as high and wide."""
    reduced = [layer("DepthwiseConv", 16, strides=16)(x)]
    reduced.append(layer("DepthwiseConv", 4, strides=4)(reduced[0]))
    query, *keys = (layer("ChannelRange", 0, 4)(each) for each in (x, *reduced))
    return layer("ReducedAttention", 2, 16)([query, keys[0], reduced[0], keys[1], reduced[1]])


def categories(x: Any) -> Any:
    """Attention to pixels of the same category, which many pixels share."""
    return layer("CategoryAttention", 2, 24)([x, layer("ChannelRange", 0, 3)(x)])


@pytest.mark.parametrize("build", [reduced_attention, categories])
def test_attention_of_many_pixels_is_the_same_in_every_engine(build: Build, tmp_path: Any) -> None:
    pytest.importorskip("openvino")
    _, made = converted(build)
    onnx.save(made, tmp_path / "network.onnx")
    run = openvino_runner(tmp_path / "network.onnx")
    for size in ((1, 16, 16), (1, 67, 130), (2, 40, 33)):
        given = {"image": np.random.default_rng(3).normal(size=(*size, CHANNELS)).astype(np.float32)}
        (expected,) = opened(tmp_path / "network.onnx").run(None, given)
        np.testing.assert_allclose(run(given)["output"], expected, atol=2e-5 * np.abs(expected).max())
