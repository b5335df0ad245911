"""Metrics over pretrained networks: official numbers with random weights, and the networks' refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from img2imgkit_plugins import quality_metrics
from img2imgkit_plugins.quality_metrics import classifiers, trunks
from img2imgkit_plugins.quality_metrics.feature_metrics import (
    FEATURE_METRICS,
    FdLite0,
    Fid,
    InceptionScore,
    KdLite0,
    Kid,
)
from img2imgkit_plugins.quality_metrics.perceptual import (
    PERCEPTUAL_METRICS,
    Dists,
    LpipsAlex,
    LpipsHed,
    LpipsSqueeze,
    LpipsVgg,
)
from inception_graph import random_weights, write_graph

from img2imgkit import evaluation, read_index
from img2imgkit.testing import check_metric

OFFICIAL = Path(__file__).parents[1] / "fixtures" / "metrics" / "metrics.npz"
ALEXNET = [(f"features.{at}", filters, channels, side) for at, filters, channels, side in trunks._ALEXNET]
SQUEEZENET = [("features.0", 64, 3, 3)] + [
    (f"features.{at}.{name}", filters, inputs, side)
    for at, channels, squeezed, expanded in trunks._FIRES
    for name, filters, inputs, side in (
        ("squeeze", squeezed, channels, 1),
        ("expand1x1", expanded, squeezed, 1),
        ("expand3x3", expanded, squeezed, 3),
    )
]
VGG16 = [
    (f"features.{at}", width, before if at == numbers[0] else width, 3)
    for numbers, width, before in zip(
        trunks._VGG16_BLOCKS, trunks.VGG16_WIDTHS, (3, *trunks.VGG16_WIDTHS), strict=False
    )
    for at in numbers
]


def backbone(convolutions, seed):
    """The random weights of the official numbers: those of torchvision's layers, in order."""
    rng = np.random.RandomState(seed)
    made = {}
    for name, filters, channels, side in convolutions:
        shape = (filters, channels, side, side)
        kernel = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        made[f"{name}.weight"] = kernel.astype(np.float32)
        made[f"{name}.bias"] = (rng.standard_normal(filters) * 0.05).astype(np.float32)
    return made


@pytest.fixture(scope="module")
def official():
    with np.load(OFFICIAL) as stored:
        return dict(stored)


def heads(official, net):
    numbers = [name for name in official if name.startswith(f"lpips_head.{net}.")]
    return {f"lin{at}.model.1.weight": official[name] for at, name in enumerate(numbers)}


def measured(metric, official, name):
    return metric.measure(*(np.moveaxis(official[f"pair.{name}.{at}"][0], 0, -1).astype(float) for at in (0, 1)))


@pytest.mark.parametrize(
    ("metric", "convolutions", "seed", "expected"),
    [
        pytest.param(
            *(LpipsAlex, ALEXNET, 1001, {"a": 0.3428186774253845, "rect": 0.026295632123947144}), marks=pytest.mark.slow
        ),
        pytest.param(
            *(LpipsVgg, VGG16, 1002, {"a": 0.2774186134338379, "rect": 0.05560862272977829}), marks=pytest.mark.slow
        ),
        pytest.param(
            *(LpipsSqueeze, SQUEEZENET, 1003, {"a": 0.20652201771736145, "rect": 0.03930734470486641}),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_lpips_equals_the_official_package(official, metric, convolutions, seed, expected):
    trunk, linear = (need.name for need in metric.needs)
    made = metric({trunk: backbone(convolutions, seed), linear: heads(official, linear.removeprefix("lpips-"))})
    assert {name: measured(made, official, name) for name in expected} == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_dists_equals_the_official_package(official):
    structure = {name: official[f"dists.{name}"].reshape(1, -1, 1, 1) for name in ("alpha", "beta")}
    metric = Dists({"vgg16": backbone(VGG16, 1004), "dists": structure})
    expected = {"a": 0.3603340983390808, "rect": 0.022541284561157227}
    assert {name: measured(metric, official, name) for name in expected} == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_a_learned_metric_keeps_its_contract(official):
    check_metric(LpipsAlex, {"alexnet": backbone(ALEXNET, 5), "lpips-alex": heads(official, "alex")})


def of_keras(state):
    """VGG16 in the order of the edge detector's file, with a convolution of another size among them."""
    made = {}
    for at, (name, *_) in enumerate(VGG16):
        made[f"conv{at}.kernel"] = state[f"{name}.weight"].transpose(2, 3, 1, 0)
        made[f"conv{at}.bias"] = state[f"{name}.bias"]
    return {**made, "conv13.kernel": np.zeros((1, 1, 64, 1), np.float32), "conv13.bias": np.zeros(1, np.float32)}


@pytest.mark.slow
def test_the_edge_detectors_vgg16_is_vgg16_and_has_names_of_its_own(official):
    state = backbone(VGG16, 7)
    x = np.random.default_rng(0).standard_normal((1, 40, 32, 3)).astype(np.float32)
    for ours, theirs in zip(trunks.vgg16_hed(of_keras(state))(x), trunks.vgg16(state)(x), strict=True):
        assert (np.asarray(ours) == np.asarray(theirs)).all()
    metric = LpipsHed({"vgg16-hed": of_keras(state), "lpips-vgg": heads(official, "vgg")})
    assert measured(metric, official, "rect") > 0
    assert metric.title() == "lpips-hed"


def test_only_metrics_over_the_official_network_are_called_by_the_papers_names():
    other = [
        metric
        for metric in (*PERCEPTUAL_METRICS, *FEATURE_METRICS)
        if not metric.needs[0].source.endswith((".pth", ".tgz"))
    ]
    assert len(other) == 14
    for metric in other:
        assert metric.title() == metric.name
        assert metric.name.endswith(("-hed", "-efficientnet-lite0"))


@pytest.mark.parametrize(
    ("build", "arrays", "said"),
    [
        (trunks.alexnet, {}, "the weights have no 'features.0.weight'"),
        (trunks.vgg16, {"features.0.weight": np.zeros((64, 3, 5, 5))}, r"5, 5\), expected \(64, 3, 3, 3\)"),
        (trunks.vgg16_hed, {"conv0.kernel": np.zeros((3, 3, 3, 64))}, "has 13 convolutions of 3x3, the weights have 1"),
        (classifiers.lite0, {"_bn0.weight": np.full(32, np.nan)}, "'_bn0.weight' contains NaN"),
        (classifiers.inception_2015, {}, "the weights have no 'conv/batchnorm/beta'"),
    ],
)  # fmt: skip
def test_weights_of_other_networks_are_refused(build, arrays, said):
    with pytest.raises(ValueError, match=said):
        build(arrays)


@pytest.mark.slow
def test_the_2015_graph_is_read_and_computes_what_tensorflow_computes(tmp_path):
    import tensorflow as tf

    graph = write_graph(tmp_path / "classify_image_graph_def.pb", random_weights(classifiers.inception_kernels(), 1))
    arrays = evaluation.read_arrays(tmp_path / "classify_image_graph_def.pb")
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 299, 299, 3)).astype(np.float32)
    with tf.compat.v1.Session(graph=graph) as session:
        expected = session.run("pool_3/_reshape:0", {"resized:0": pictures})
    metric = Fid({"inception-2015": arrays})
    found = np.stack([metric.features(picture) for picture in pictures])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
    logits = found @ arrays["softmax/weights"]
    score = InceptionScore({"inception-2015": arrays}).assess(np.repeat(found, 5, axis=0))
    assert 1 <= score <= 2
    assert logits.shape == (2, 1008)


def described(arrays):
    """A network in miniature: the picture in 16 tiles."""
    return lambda picture: picture.reshape(4, 56, 4, 56, 3).mean(axis=(1, 3)).ravel()


@pytest.mark.parametrize("metric", [FdLite0, KdLite0])
def test_distances_of_features_keep_their_contract(metric):
    small = type(metric.__name__, (metric,), {"__doc__": metric.__doc__, "build": staticmethod(described)})
    check_metric(small, {"efficientnet-lite0": {}})


def lite0_state(seed):
    rng = np.random.default_rng(seed)
    made = {}

    def add(convolution, normalization, shape):
        made[f"{convolution}.weight"] = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        for name, values in (
            ("weight", rng.uniform(0.7, 1.3, shape[0])),
            ("bias", rng.standard_normal(shape[0]) * 0.3),
            ("running_mean", rng.standard_normal(shape[0]) * 0.2),
            ("running_var", rng.uniform(0.5, 1.5, shape[0])),
        ):
            made[f"{normalization}.{name}"] = values

    add("_conv_stem", "_bn0", (32, 3, 3, 3))
    channels, at = 32, 0
    for side, _, expansion, filters, repetitions in classifiers._STAGES:
        for _ in range(repetitions):
            inner, name = channels * expansion, f"_blocks.{at}"
            if expansion > 1:
                add(f"{name}._expand_conv", f"{name}._bn0", (inner, channels, 1, 1))
            add(f"{name}._depthwise_conv", f"{name}._bn1", (inner, 1, side, side))
            add(f"{name}._project_conv", f"{name}._bn2", (filters, inner, 1, 1))
            channels, at = filters, at + 1
    add("_conv_head", "_bn1", (1280, 320, 1, 1))
    return {name: array.astype(np.float32) for name, array in made.items()}


def lite0_of_layers(state):
    """EfficientNet-Lite0 made of Keras's layers."""
    import keras
    from keras import layers

    def convolved(x, layer, convolution, normalization):
        x = layer(x)
        kernel = state[f"{convolution}.weight"].transpose(2, 3, 1, 0)
        depthwise = isinstance(layer, layers.DepthwiseConv2D)
        layer.set_weights([kernel.swapaxes(2, 3) if depthwise else kernel])
        normal = layers.BatchNormalization(epsilon=1e-3)
        x = normal(x)
        normal.set_weights(
            [state[f"{normalization}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")]
        )
        return x

    image = keras.Input((224, 224, 3))
    options = {"padding": "same", "use_bias": False}
    x = layers.Rescaling(1 / 128, -127 / 128)(image)
    x = layers.ReLU(6)(convolved(x, layers.Conv2D(32, 3, 2, **options), "_conv_stem", "_bn0"))
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    sides = [3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3]
    filters = [16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]
    for at, (stride, side, width) in enumerate(zip(strides, sides, filters, strict=True)):
        name, before = f"_blocks.{at}", x
        if at:
            expand = layers.Conv2D(6 * x.shape[-1], 1, **options)
            x = layers.ReLU(6)(convolved(x, expand, f"{name}._expand_conv", f"{name}._bn0"))
        depthwise = layers.DepthwiseConv2D(side, stride, **options)
        x = layers.ReLU(6)(convolved(x, depthwise, f"{name}._depthwise_conv", f"{name}._bn1"))
        x = convolved(x, layers.Conv2D(width, 1, **options), f"{name}._project_conv", f"{name}._bn2")
        if before.shape == x.shape:
            x = x + before
    x = layers.ReLU(6)(convolved(x, layers.Conv2D(1280, 1, **options), "_conv_head", "_bn1"))
    return keras.Model(image, layers.GlobalAveragePooling2D()(x))


@pytest.mark.slow
def test_efficientnet_lite0_equals_keras_layers():
    state = lite0_state(2)
    pictures = np.random.default_rng(1).uniform(0, 255, (2, 224, 224, 3))
    expected = lite0_of_layers(state)(pictures.astype(np.float32), training=False).numpy()
    metric = FdLite0({"efficientnet-lite0": state})
    for picture, features in zip(pictures, expected, strict=True):
        np.testing.assert_allclose(metric.features(picture), features, rtol=1e-3, atol=1e-4)


def test_metrics_of_one_network_share_its_features():
    assert {metric.features_of for metric in (Fid, Kid, InceptionScore)} == {"inception-2015"}


def test_models_of_the_plugins_index_have_the_names_that_metrics_need():
    needed = {need.name: need for metric in (*PERCEPTUAL_METRICS, *FEATURE_METRICS) for need in metric.needs}
    entries = list(read_index(Path(quality_metrics.__file__).with_name("index.yaml")))
    assert [entry.name for entry in entries] == ["efficientnet-lite0", "lpips-alex", "lpips-squeeze", "dists"]
    for entry in entries:
        member = entry.sources[0].members[0].path
        assert member in needed[entry.name].description
