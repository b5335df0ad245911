"""FUNIT's checkpoints: the three networks together and separately, the critic, at any size."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED, built, checkpoint_of, randomised, recognised

from img2imgkit import backend

backend.load()

import keras  # noqa: E402

from img2imgkit.architectures import NetworkSpec  # noqa: E402
from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.importing import load_torch, put, read_network, read_torch, state_of_model  # noqa: E402

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
    model = load_torch(folder / "funit_gen" / "weights.pth", INSTALLED)
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
    model = load_torch(folder / "funit_dis" / "weights.pth", INSTALLED)
    scores, features = model([io["in__x"], io["in__y"].astype(np.int32)])
    assert model.name == "class_critic"
    assert_close(scores[..., 0], io["out__0"])
    assert_close(features, io["out__1"])


def test_the_averaged_networks_are_loaded_by_default() -> None:
    path = SMALL / "funit_gen" / "weights.pth"
    averaged, trained = (load_torch(path, INSTALLED, key=part).get_weights() for part in (None, "gen"))
    [same] = [load_torch(path, INSTALLED, key="gen_test").get_weights()]
    assert all(np.array_equal(a, b) for a, b in zip(averaged, same, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(averaged, trained, strict=True))


@pytest.mark.parametrize("network", PARTS)
def test_each_network_can_be_loaded_separately(network: str) -> None:
    state = read_torch(SMALL / "funit_gen" / "weights.pth")["gen_test"]
    own = {name: array for name, array in state.items() if name.startswith(PARTS[network])}
    [(architecture, arguments)] = recognised(own).items()
    model = built(architecture, **arguments)
    put(own, model, INSTALLED)
    whole = load_torch(SMALL / "funit_gen" / "weights.pth", INSTALLED).get_layer(network)
    assert (architecture, model.name) == (network.replace("_", "-"), network)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), whole.get_weights(), strict=True))


def test_the_parts_have_the_options_of_the_whole() -> None:
    whole = read_network(SMALL / "funit_gen" / "weights.pth", INSTALLED)
    parts = whole.architecture.subnetworks()
    specs = {"adain_decoder": NetworkSpec(24, 3, scale=8, code=12)}
    assert parts.keys() == PARTS.keys()
    for layer, part in parts.items():
        made = part.build(specs.get(layer, whole.spec))
        assert [tuple(v.shape) for v in made.weights] == [tuple(v.shape) for v in whole.model.get_layer(layer).weights]


def test_the_arguments_are_inferred_from_names_and_shapes() -> None:
    given = {"funit_gen": "gen", "funit_dis": "dis"}
    states = {name: read_torch(SMALL / name / "weights.pth")[part] for name, part in given.items()}
    found = {name: recognised(state) for name, state in states.items()}
    generator = {"content_downs": 3, "class_downs": 4, "blocks": 2, "code": 12, "mlp_width": 24, "mlp_layers": 3}
    assert found["funit_gen"] == {"funit": {**generator, "width": 3, "channels": 3}}
    critic = {"classes": 7, "width": 3, "blocks": 10, "channels": 3, "spectral": False}
    assert found["funit_dis"] == {"class-critic": critic}


@pytest.mark.parametrize(
    ("network", "options"),
    [
        ("funit", {"content_downs": 1, "class_downs": 3, "blocks": 1, "mlp_layers": 2, "channels": 1}),
        ("funit", {"content_downs": 4, "class_downs": 2, "blocks": 3, "mlp_layers": 5}),
        ("class-critic", {"classes": 1, "width": 2, "blocks": 2, "channels": 1}),
        ("class-critic", {"classes": 4, "width": 3, "blocks": 6, "spectral": True}),
        pytest.param("class-critic", {"classes": 2, "width": 600, "blocks": 4}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_any_size_is_recognised_and_loaded(network: str, options: dict[str, Any]) -> None:
    small = {"width": 2, "code": 3, "mlp_width": 5} if network == "funit" else {}
    model = randomised(network, **small, **options)
    state = state_of_model(model, checkpoint_of(network).places({**small, **options}))
    found = recognised(state)
    assert list(found) == [network]
    assert found[network].items() >= {**small, **options}.items()
    again = built(network, **found[network])
    put({f"module.{name}": array for name, array in state.items()}, again, INSTALLED)
    for mine, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_error_for_a_generator_of_another_size_names_the_difference() -> None:
    state = read_torch(SMALL / "funit_gen" / "weights.pth")["gen"]
    model = built("funit", width=3, code=11, mlp_width=24)
    with pytest.raises(InteropError, match=r"enc_class_model\.model\.6\.weight: its shape .* does not fit"):
        put(state, model, INSTALLED)
