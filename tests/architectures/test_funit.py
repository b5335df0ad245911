"""FUNIT's checkpoints: the three networks together and apart, the critic, at any size."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

import keras  # noqa: E402

from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.interop import load_torch, put, read_torch  # noqa: E402
from img2imgkit.interop.load import FAMILIES  # noqa: E402

SMALL = Path(__file__).parents[1] / "fixtures"
LARGE = os.environ.get("IMG2IMGKIT_PARITY", "")
FOLDERS = [SMALL, *([Path(LARGE)] if LARGE else [])]
TOLERANCE = 2e-5  # of the largest output; the official code itself is 6e-6 away from float64
PARTS = {
    "content_encoder": ("enc_content.",),
    "class_encoder": ("enc_class_model.",),
    "adain_decoder": ("dec.", "mlp."),
}


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        named = {name.removeprefix("square__"): stored[name] for name in stored}
    return {name: np.moveaxis(array, 1, -1) if array.ndim == 4 else array for name, array in named.items()}


def assert_close(result: Any, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(result, wanted, atol=TOLERANCE * np.abs(wanted).max())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_generator_computes_what_the_official_one_computed(folder: Path) -> None:
    io = arrays(folder / "funit_gen" / "io.npz")
    model = load_torch(folder / "funit_gen" / "weights.pth")
    content, pictures = io["in__content"], io["in__class_images"]
    assert model.name == "few_shot_generator"
    assert_close(model([content, pictures]), io["out__y"])
    assert_close(model([content, pictures[:1]]), io["out__y_1shot"])
    codes = np.asarray(model.get_layer("class_encoder")(pictures))
    assert_close(model.get_layer("content_encoder")(content), io["out__content_code"])
    assert_close(codes, io["out__class_codes"][:, 0, 0])
    decoder = model.get_layer("adain_decoder")
    perceptron = keras.Model(decoder.inputs[1], decoder.get_layer("mlp2").output)
    assert_close(perceptron(codes.mean(0, keepdims=True)), io["out__adain_params"])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_critic_computes_what_the_official_one_computed(folder: Path) -> None:
    io = arrays(folder / "funit_dis" / "io.npz")
    model = load_torch(folder / "funit_dis" / "weights.pth")
    scores, features = model([io["in__x"], io["in__y"].astype(np.int32)])
    assert model.name == "class_critic"
    assert_close(scores[..., 0], io["out__0"])
    assert_close(features, io["out__1"])


def test_the_averaged_networks_are_taken_unless_the_others_are_asked_for() -> None:
    path = SMALL / "funit_gen" / "weights.pth"
    averaged, trained = (load_torch(path, part=part).get_weights() for part in (None, "gen"))
    [same] = [load_torch(path, part="gen_test").get_weights()]
    assert all(np.array_equal(a, b) for a, b in zip(averaged, same, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(averaged, trained, strict=True))


@pytest.mark.parametrize("network", PARTS)
def test_each_network_can_be_filled_by_itself(network: str) -> None:
    state = read_torch(SMALL / "funit_gen" / "weights.pth")["gen_test"]
    own = {name: array for name, array in state.items() if name.startswith(PARTS[network])}
    [(family, options)] = [(each, found) for each in FAMILIES if (found := each.recognise(each.clean(own))) is not None]
    model = family.build(**options)
    put(own, model)
    whole = load_torch(SMALL / "funit_gen" / "weights.pth").get_layer(network)
    assert family.name == network
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), whole.get_weights(), strict=True))


def test_the_arguments_are_read_off_names_and_shapes() -> None:
    given = {"funit_gen": "gen", "funit_dis": "dis"}
    states = {name: read_torch(SMALL / name / "weights.pth")[part] for name, part in given.items()}
    found = {
        name: [(each.name, options) for each in FAMILIES if (options := each.recognise(each.clean(state))) is not None]
        for name, state in states.items()
    }
    generator = {"content_downs": 3, "class_downs": 4, "blocks": 2, "code": 12, "mlp_width": 24, "mlp_layers": 3}
    assert found["funit_gen"] == [("few_shot_generator", {**generator, "width": 3, "channels": 3})]
    critic = {"classes": 7, "width": 3, "blocks": 10, "channels": 3, "spectral": False}
    assert found["funit_dis"] == [("class_critic", critic)]


@pytest.mark.parametrize(
    ("network", "options"),
    [
        ("few_shot_generator", {"content_downs": 1, "class_downs": 3, "blocks": 1, "mlp_layers": 2, "channels": 1}),
        ("few_shot_generator", {"content_downs": 4, "class_downs": 2, "blocks": 3, "mlp_layers": 5}),
        ("class_critic", {"classes": 1, "width": 2, "blocks": 2, "channels": 1}),
        ("class_critic", {"classes": 4, "width": 3, "blocks": 6, "spectral": True}),
        pytest.param("class_critic", {"classes": 2, "width": 600, "blocks": 4}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_any_size_is_recognised_and_filled(network: str, options: dict[str, Any]) -> None:
    small = {"width": 2, "code": 3, "mlp_width": 5} if network == "few_shot_generator" else {}
    [family] = [each for each in FAMILIES if each.name == network]
    model, random = family.build(**small, **options), np.random.default_rng(0)
    model.set_weights([random.normal(size=weight.shape) for weight in model.get_weights()])
    state = exported(model, family.places({**small, **options}))
    found = {each.name: result for each in FAMILIES if (result := each.recognise(each.clean(state))) is not None}
    assert list(found) == [network]
    assert found[network].items() >= {**small, **options}.items()
    again = family.build(**found[network])
    put({f"module.{name}": array for name, array in state.items()}, again)
    for mine, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def exported(model: keras.Model, places: Any) -> dict[str, np.ndarray]:
    """A model's weights as PyTorch would name and turn them."""
    state = {}
    for module, path in places:
        layer: Any = model
        for name in path.split("/"):
            layer = layer.get_layer(name)
        kernel = np.asarray(layer.kernel)
        spectral = "_orig" if hasattr(layer, "u") else ""
        state[f"{module}.weight{spectral}"] = kernel.transpose((3, 2, 0, 1) if kernel.ndim == 4 else (1, 0))
        if spectral:
            height, width, channels, _ = kernel.shape
            state[f"{module}.weight_u"] = np.asarray(layer.u)[0]
            state[f"{module}.weight_v"] = (
                np.asarray(layer.v).reshape(height, width, channels).transpose(2, 0, 1).ravel()
            )
        if layer.bias is not None:
            state[f"{module}.bias"] = np.asarray(layer.bias)
    return state


def test_a_generator_of_another_size_is_told_where_it_differs() -> None:
    state = read_torch(SMALL / "funit_gen" / "weights.pth")["gen"]
    [family] = [each for each in FAMILIES if each.name == "few_shot_generator"]
    model = family.build(width=3, code=11, mlp_width=24)
    with pytest.raises(InteropError, match=r"enc_class_model\.model\.6\.weight: its shape .* does not fit"):
        put(state, model)
