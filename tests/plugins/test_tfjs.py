"""TensorFlow.js layers models: RDN and RRDN are recognised and computed as their layers state; the rest is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from img2imgkit_plugins.tfjs.importer import TfjsLayers
from img2imgkit_plugins.tfjs.rdn import Rdn
from img2imgkit_plugins.tfjs.rrdn import BETA, Rrdn
from tfjs_files import random_arrays, rdn_layers, rrdn_layers, write_model

from img2imgkit import Catalog, ImportedNetwork, InteropError, backend
from img2imgkit.architectures import NetworkSpec
from img2imgkit.bundle import load
from img2imgkit.images import Picture
from img2imgkit.importing import import_bundle, importer_of, network_of
from img2imgkit.inference import Translator
from img2imgkit.testing import check_architecture

LAYERS = rdn_layers()
ARRAYS = random_arrays(LAYERS)
INSTALLED = {"rdn": Rdn, "rrdn": Rrdn}


def read(path: Path) -> ImportedNetwork:
    return network_of(TfjsLayers().read(path), INSTALLED)


def made(kind: str, config: dict[str, Any], given: list[Any], arrays: dict[str, np.ndarray], name: str) -> Any:
    """What one layer computes; the two that are not Keras' own as ISR defines them."""
    import keras

    if kind == "MultiplyBeta":
        return BETA * given[0]
    if kind.startswith("PixelShuffle"):
        return keras.ops.depth_to_space(given[0], config["scale"], data_format="channels_last")
    layer = getattr(keras.layers, kind)(**config)
    if kind == "Conv2D":
        layer(given[0])
        layer.set_weights([arrays[f"{name}/{leaf}"] for leaf in ("kernel", "bias")])
    return layer(given if len(given) > 1 else given[0])


def as_stated(layers: list[dict[str, Any]], arrays: dict[str, np.ndarray], image: np.ndarray) -> np.ndarray:
    """What the file's layers compute, each built by Keras from its own record."""
    backend.load()
    values: dict[str, Any] = {layers[0]["name"]: image}
    for layer in layers[1:]:
        config = {key: value for key, value in layer["config"].items() if key != "name"}
        given = [values[source[0]] for node in layer["inbound_nodes"] for source in node]
        values[layer["name"]] = made(layer["class_name"], config, given, arrays, layer["name"])
    return np.asarray(values["SR"])


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize(("blocks", "convolutions"), [(2, 2), (3, 1)])
def test_a_model_computes_what_its_layers_state(scale: int, blocks: int, convolutions: int, tmp_path: Path) -> None:
    layers = rdn_layers(scale, blocks=blocks, convolutions=convolutions)
    arrays = random_arrays(layers)
    found = read(write_model(tmp_path, layers, arrays, shards=2))
    sizes = {"width": 4, "blocks": blocks, "convolutions": convolutions, "growth": 3, "head": (5, 4)}
    assert (found.kind, found.arguments) == ("rdn", {"scale": scale, "channels": 3, **sizes})
    image = np.random.default_rng(0).random((1, 6, 7, 3), np.float32)
    np.testing.assert_allclose(np.asarray(found.model(image)), as_stated(layers, arrays, image), atol=1e-5)


@pytest.mark.parametrize(("scale", "blocks", "dense_blocks"), [(2, 2, 2), (4, 1, 3)])
def test_an_rrdn_computes_what_its_layers_state(scale: int, blocks: int, dense_blocks: int, tmp_path: Path) -> None:
    """Whatever numbers Keras gave its layers."""
    layers = rrdn_layers(scale, blocks=blocks, dense_blocks=dense_blocks, first=scale)
    arrays = random_arrays(layers)
    found = read(write_model(tmp_path, layers, arrays))
    sizes = {"width": 4, "blocks": blocks, "dense_blocks": dense_blocks, "convolutions": 2, "growth": 3}
    assert (found.kind, found.arguments) == ("rrdn", {"scale": scale, "channels": 3, **sizes})
    image = np.random.default_rng(0).random((1, 6, 7, 3), np.float32)
    np.testing.assert_allclose(np.asarray(found.model(image)), as_stated(layers, arrays, image), atol=1e-5)


def test_quantised_arrays_are_read_with_their_scale(tmp_path: Path) -> None:
    plain = read(write_model(tmp_path / "a", LAYERS, ARRAYS)).model
    stored = {name: np.rint((array + 4) / 8 * 65535).astype(np.uint16) for name, array in ARRAYS.items()}

    def quantised(model: dict[str, Any]) -> None:
        for weight in model["weightsManifest"][0]["weights"]:
            weight["quantization"] = {"dtype": "uint16", "scale": 8 / 65535, "min": -4.0, "original_dtype": "float32"}

    rough = read(write_model(tmp_path / "b", LAYERS, stored, change=quantised)).model
    for mine, theirs in zip(rough.weights, plain.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=8 / 65535)


def test_the_range_of_levels_can_be_stated(tmp_path: Path) -> None:
    """A network that reads 0 to 255 is the one for 0 to 1 with biases 255 times as large."""
    catalog = Catalog.installed()
    path = write_model(tmp_path, LAYERS, ARRAYS)
    large = {name: array * 255 if name.endswith("bias") else array for name, array in ARRAYS.items()}
    other = write_model(tmp_path / "other", LAYERS, large)
    import_bundle([path], tmp_path / "unit", catalog)
    import_bundle([other], tmp_path / "levels", catalog, options={"values": "levels"})
    picture = Picture(np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8))
    unit, levels = (
        Translator(load(tmp_path / name, catalog)).translate(picture).picture.color.astype(int)
        for name in ("unit", "levels")
    )
    assert np.abs(unit - levels).max() <= 1
    assert unit.std() > 5


def test_the_importer_recognises_its_files_by_their_content(tmp_path: Path) -> None:
    path = write_model(tmp_path, LAYERS, ARRAYS)
    assert isinstance(importer_of(path, Catalog.installed()), TfjsLayers)


def test_the_architectures_keep_their_contract() -> None:
    check_architecture(Rdn(width=2, blocks=1, convolutions=1, growth=1, head=(2, 2)), NetworkSpec(scale=2))
    check_architecture(Rrdn(width=2, blocks=1, dense_blocks=1, convolutions=1, growth=1), NetworkSpec(scale=2))


Change = Callable[[dict[str, Any]], object]


def layer(name: str, **config: Any) -> Change:
    def change(model: dict[str, Any]) -> None:
        found = model["modelTopology"]["model_config"]["config"]["layers"]
        next(each for each in found if each["name"] == name)["config"].update(config)

    return change


def weight(**more: Any) -> Change:
    return lambda model: model["weightsManifest"][0]["weights"][0].update(more)


def topology(**more: Any) -> Change:
    return lambda model: model["modelTopology"]["model_config"].update(more)


def reading(name: str, *sources: str) -> Change:
    def change(model: dict[str, Any]) -> None:
        found = model["modelTopology"]["model_config"]["config"]["layers"]
        next(each for each in found if each["name"] == name)["inbound_nodes"] = [[[each, 0, 0] for each in sources]]

    return change


REFUSED: dict[str, tuple[Change, str]] = {
    "a graph model": (lambda model: model.update(format="graph-model"), "a TensorFlow.js graph-model"),
    "no topology": (lambda model: model.pop("modelTopology"), "not a layers model"),
    "no weights": (lambda model: model.pop("weightsManifest"), "not a layers model"),
    "a sequential model": (topology(class_name="Sequential"), "a Sequential model"),
    "layers that are none": (topology(config={"layers": 3}), "not a layers model"),
    "weights elsewhere": (lambda m: m["weightsManifest"][0].update(paths=["../a.bin"]), "must lie beside"),
    "an absolute path": (lambda m: m["weightsManifest"][0].update(paths=["/etc/passwd"]), "must lie beside"),
    "weights that are missing": (lambda m: m["weightsManifest"][0].update(paths=["a.bin"]), "a.bin: cannot be read"),
    "too large arrays": (weight(shape=[10**6, 10**6]), "but the arrays have"),
    "a negative side": (weight(shape=[-1, 3]), "is not valid"),
    "integers": (weight(dtype="int32"), "arrays of type int32"),
    "strings": (weight(dtype="string"), "arrays of type string"),
    "a stride": (layer("F_0", strides=[2, 2]), "layer 'F_0': strides is [2, 2], expected [1, 1]"),
    "another activation": (layer("F_1_1_Relu", activation="tanh"), "layer 'F_1_1_Relu': activation is tanh"),
    "another padding": (layer("UPN3", padding="valid"), "layer 'UPN3': padding is valid, expected same"),
    "another interpolation": (layer("UPsample", interpolation="bilinear"), "interpolation is bilinear"),
    "another axis": (layer("LRLs_Concat", axis=1), "axis is 1, expected the last"),
    "another connection": (reading("GFF_2", "F_0"), "Conv2D of F_0, expected Conv2D of GFF_1"),
    "another order": (reading("LRLs_Concat", "LRL_2", "LRL_1"), "Concatenate of LRL_2, LRL_1"),
    "a layer too many": (
        lambda m: m["modelTopology"]["model_config"]["config"]["layers"].append(
            {"class_name": "Activation", "config": {"name": "more"}, "inbound_nodes": []}
        ),
        "the layer more is missing or too many",
    ),
    "another output": (
        lambda m: m["modelTopology"]["model_config"]["config"].update(output_layers=[["UPN3", 0, 0]]),
        "its outputs are UPN3",
    ),
    "other names": (
        weight(name="conv/kernel"),
        "neither an RDN nor an RRDN as ISR builds them; its layers are",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_models_are_refused(kind: str, tmp_path: Path) -> None:
    change, said = REFUSED[kind]
    path = write_model(tmp_path, copy.deepcopy(LAYERS), ARRAYS, change=change)
    with pytest.raises(InteropError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "3", '{"format": "layers-model"}', "[" * 100_000])
def test_what_is_no_model_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(InteropError):
        read(tmp_path / "model.json")


def test_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InteropError, match="one network without a name"):
        TfjsLayers().read(write_model(tmp_path, LAYERS, ARRAYS), key="params")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (reading("multiply_beta_8", "Pre_blocks_conv"), "the layer Beta_LFF_1_2 is missing or too many"),
        (layer("pixel_shuffle_7", scale=3), "layer 'Shuffle': scale is 3, expected 2"),
        (reading("RRDB_1_out", "Pre_blocks_conv", "LRL_1_2"), "layer 'RRDB_1_out': Add of Pre_blocks_conv, LRL_1_2"),
        (reading("multiply_beta_8", "LFF_1_1"), "two layers do the same"),
    ],
)
def test_another_rrdn_is_refused(change: Change, said: str, tmp_path: Path) -> None:
    layers = rrdn_layers()
    path = write_model(tmp_path, layers, random_arrays(layers), change=change)
    with pytest.raises(InteropError) as caught:
        read(path)
    assert said in str(caught.value)
