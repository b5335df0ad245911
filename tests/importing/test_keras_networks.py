"""Networks of other programs are rebuilt from plain layers with their weights; all else in a file is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_networks import KERAS_2, keras_2_file, tutorial_generator

from img2imgkit import backend
from img2imgkit.errors import InteropError
from img2imgkit.importing import KerasImporter, network_from_config
from img2imgkit.importing.keras_layers import LAYERS

backend.load()
PICTURES = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def generator() -> Any:
    return tutorial_generator()


@pytest.mark.parametrize("name", ["generator.hdf5", "generator.keras"])
def test_the_generator_of_the_tutorial_computes_the_same(name: str, generator: Any, tmp_path: Path) -> None:
    generator.save(tmp_path / name)
    found = KerasImporter().network(tmp_path / name)
    np.testing.assert_allclose(found(PICTURES), generator(PICTURES, training=False), atol=1e-6)


@pytest.mark.parametrize("name", ["generator.h5", "generator.keras"])
def test_statistics_of_the_image_are_those_of_a_call_in_training(name: str, generator: Any, tmp_path: Path) -> None:
    """The tutorial calls its generator with training=True, which also drops out at random; here nothing is dropped."""
    still = tutorial_generator(dropout=0.0)
    still.set_weights([np.asarray(each) for each in generator.weights if "seed" not in each.path])
    still.save(tmp_path / name)
    found = KerasImporter().network(tmp_path / name, "image")
    for number in range(2):
        one = PICTURES[number : number + 1]
        np.testing.assert_allclose(found(one), still(one, training=True), atol=1e-4)


def test_a_file_of_keras_2_is_read(tmp_path: Path) -> None:
    """Its configuration has other forms of calls, tuples and shapes, and other names of settings."""
    path = keras_2_file(tmp_path / "old.h5")
    found = KerasImporter().network(path)
    with h5py.File(path) as file:
        kernel, bias = (file[f"model_weights/conv2d/conv2d/{leaf}:0"][:] for leaf in ("kernel", "bias"))
    import keras

    conv = keras.ops.conv(PICTURES, kernel, padding="same") + bias
    wanted = keras.ops.leaky_relu(conv, 0.25)
    wanted = keras.ops.concatenate([wanted, conv], -1)
    np.testing.assert_allclose(found(PICTURES), wanted, atol=1e-6)


def changed(**changes: Any) -> dict[str, Any]:
    """The configuration of ``KERAS_2`` with changes of the layer "leaky_re_lu"."""
    config = json.loads(json.dumps(KERAS_2))
    layer = next(each for each in config["config"]["layers"] if each["name"] == "leaky_re_lu")
    if changes.get("class_name", "LeakyReLU") != "LeakyReLU":
        del layer["config"]["alpha"]
    layer["config"].update(changes.pop("config", {}))
    layer.update(changes)
    return config


MERGING = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
CONV = {"kernel_size": 3, "padding": "same"}
KNOWN: dict[str, dict[str, Any]] = {
    **{kind: {} for kind in MERGING},
    **{kind: {"rate": 0.5} for kind in ("AlphaDropout", "Dropout", "GaussianDropout", "SpatialDropout2D")},
    **{kind: {"pool_size": 3, "strides": 2, "padding": "same"} for kind in ("AveragePooling2D", "MaxPooling2D")},
    **{kind: {"keepdims": True} for kind in ("GlobalAveragePooling2D", "GlobalMaxPooling2D")},
    "Activation": {"activation": "gelu"},
    "BatchNormalization": {"epsilon": 0.1, "scale": False},
    "Conv2D": {**CONV, "filters": 4, "groups": 2, "use_bias": False, "activation": "swish"},
    "Conv2DTranspose": {**CONV, "filters": 3, "strides": 2},
    "Cropping2D": {"cropping": ((1, 2), (3, 0))},
    "Dense": {"units": 5, "activation": "tanh"},
    "DepthwiseConv2D": {**CONV, "depth_multiplier": 2},
    "ELU": {"alpha": 0.3},
    "Flatten": {},
    "GaussianNoise": {"stddev": 0.3},
    "GroupNormalization": {"groups": 2},
    "LayerNormalization": {"axis": -1},
    "LeakyReLU": {"negative_slope": 0.4},
    "PReLU": {"shared_axes": [1, 2]},
    "Permute": {"dims": (2, 1, 3)},
    "ReLU": {"max_value": 0.5, "negative_slope": 0.1},
    "Rescaling": {"scale": 2.0, "offset": -1.0},
    "Reshape": {"target_shape": (-1, 4)},
    "SeparableConv2D": {**CONV, "filters": 3},
    "Softmax": {"axis": -1},
    "UpSampling2D": {"size": 2, "interpolation": "bilinear"},
    "ZeroPadding2D": {"padding": ((1, 0), (2, 3))},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KNOWN)
def test_each_known_layer_computes_what_keras_computes(kind: str, tmp_path: Path) -> None:
    import keras

    assert LAYERS.keys() == KNOWN.keys() | {"InstanceNormalization"}
    picture = keras.Input((8, 8, 4))
    x = keras.layers.Conv2D(4, 1)(picture)
    given = [x, keras.layers.ReLU()(x)] if kind in MERGING else x
    model = keras.Model(picture, getattr(keras.layers, kind)(**KNOWN[kind])(given))
    random = np.random.default_rng(0)
    for variable in model.weights:
        if "seed" not in variable.path:
            variable.assign(random.uniform(0.1, 1, variable.shape))
    model.save(tmp_path / "layer.h5")
    image = random.uniform(-1, 1, (2, 8, 8, 4)).astype(np.float32)
    np.testing.assert_allclose(KerasImporter().network(tmp_path / "layer.h5")(image), model(image), atol=1e-6)


def test_a_depthwise_kernel_has_its_name_of_keras_2(tmp_path: Path) -> None:
    config = changed(class_name="DepthwiseConv2D", config={"kernel_size": [1, 1], "use_bias": False})
    arrays = {"conv2d/kernel": np.zeros((3, 3, 3, 4)), "conv2d/bias": np.ones(4)}
    found = network_from_config(config, {**arrays, "leaky_re_lu/depthwise_kernel": np.full((1, 1, 4, 1), 5)}, "running")
    assert np.asarray(found(PICTURES))[0, 0, 0].tolist() == [5, 5, 5, 5, 1, 1, 1, 1]


def refused(config: Any, arrays: Any = None) -> str:
    with pytest.raises(InteropError) as caught:
        network_from_config(config, arrays or {}, "running")
    return str(caught.value)


@pytest.mark.parametrize("axis", [None, -1])
def test_normalization_as_keras_contrib_has_it_is_known(axis: int | None) -> None:
    """Keras-GAN's CycleGAN uses it: the epsilon is part of the deviation, and without an axis all channels are one."""
    norm = {"axis": axis, "epsilon": 0.5, "center": True, "scale": True, "gamma_initializer": {"class_name": "Ones"}}
    config = changed(class_name="InstanceNormalization", config={"name": "leaky_re_lu", **norm})
    arrays = {"conv2d/kernel": np.zeros((3, 3, 3, 4), np.float32), "conv2d/bias": np.zeros(4, np.float32)}
    arrays["conv2d/kernel"][1, 1, :, :3] = np.diag([1, 2, 3])
    size = 1 if axis is None else 4
    arrays |= {"leaky_re_lu/gamma": np.arange(1, size + 1, dtype=np.float32), "leaky_re_lu/beta": np.full(size, 0.1)}
    found = np.asarray(network_from_config(config, arrays, "running")(PICTURES))[..., :4]
    x = np.concatenate([PICTURES * [1, 2, 3], np.zeros((2, 16, 16, 1))], -1)
    over = (1, 2, 3) if axis is None else (1, 2)
    wanted = (x - x.mean(over, keepdims=True)) / (x.std(over, keepdims=True) + 0.5) * arrays["leaky_re_lu/gamma"] + 0.1
    np.testing.assert_allclose(found, wanted, atol=1e-5)


REFUSED = {
    "code": (
        changed(class_name="Lambda"),
        "layer 'leaky_re_lu' is a Lambda, no plain layer of Keras; none of its code",
    ),
    "an operation": (changed(class_name="TFOpLambda"), "is a TFOpLambda, no plain layer"),
    "a class of another package": (changed(class_name="os.system"), "is a os.system, no plain layer"),
    "an unknown setting": (changed(config={"wraps": "os"}), r"(LeakyReLU): its setting wraps is not known"),
    "a setting that is an object": (changed(config={"alpha": {"module": "os"}}), "negative_slope is {'module': 'os'}"),
    "a huge setting": (changed(config={"alpha": 1e9}), "negative_slope is 1000000000.0"),
    "a huge factor": (changed(class_name="UpSampling2D", config={"size": [9000, 2]}), "size is [9000, 2]"),
    "an unknown activation": (
        changed(class_name="Activation", config={"activation": "os.system"}),
        "the activation os.system is not known",
    ),
    "a call in training": (
        changed(inbound_nodes=[[["conv2d", 0, 0, {"training": True}]]]),
        "layer 'leaky_re_lu' is called with training, which is not supported",
    ),
    "a cycle": (changed(inbound_nodes=[[["concatenate", 0, 0, {}]]]), "reads what no layer makes"),
    "another class of networks": ({"class_name": "Mine", "config": {}}, "it is a Mine; only Functional, Model, Seq"),
    "nothing": ({}, "its configuration is malformed: KeyError: 'class_name'"),
    "a text": ("x", "its configuration is malformed: TypeError"),
    "no weights": (KERAS_2, "the weight 'conv2d/kernel' of shape (3, 3, 3, 4) is missing in the file"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_anything_but_plain_layers_is_refused_by_its_name(what: str) -> None:
    config, why = REFUSED[what]
    assert why in refused(config)


def test_weights_must_be_those_of_the_network() -> None:
    arrays = {"conv2d/kernel": np.zeros((3, 3, 3, 4)), "conv2d/bias": np.zeros(4)}
    assert "belongs to no layer" in refused(KERAS_2, {**arrays, "more/kernel": np.zeros(1)})
    assert "has the shape (5,) in the file" in refused(KERAS_2, {**arrays, "conv2d/bias": np.zeros(5)})
    assert "two layers have the name 'conv2d'" in refused(KERAS_2, {**arrays, "inner/conv2d/bias": np.zeros(4)})


def test_a_configuration_claims_no_memory_that_the_file_does_not_fill(tmp_path: Path) -> None:
    """A kernel of 720 GB is compared with the file's arrays before it exists."""
    config = json.loads(json.dumps(KERAS_2))
    config["config"]["layers"][1]["config"].update(filters=60_000, kernel_size=[1000, 1000])
    assert "the weight 'conv2d/kernel' of shape (1000, 1000, 3, 60000)" in refused(config)


@pytest.mark.parametrize(
    ("name", "why"),
    [("weights.h5", "contains weights only"), ("text.h5", "cannot be read as Keras weights")],
)
def test_files_without_a_network_are_refused(name: str, why: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["a"] = np.zeros(1)
    (tmp_path / "text.h5").write_text("x")
    with pytest.raises(InteropError, match=why):
        KerasImporter().network(tmp_path / name)
