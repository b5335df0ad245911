"""Checkpoints of pix2pixHD and of SPADE's critics: recognised, loaded, with the outputs of the official code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from checkpoints import INSTALLED, built, checkpoint_of, randomised, recognised

from img2imgkit import backend

backend.load()

from img2imgkit.architectures.multiscale.network import multiscale_critic  # noqa: E402
from img2imgkit.architectures.pix2pixhd.network import pix2pixhd_generator  # noqa: E402
from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.importing import load_torch, put, read_torch, state_of_model  # noqa: E402

SMALL = Path(__file__).parents[1] / "fixtures"
LARGE = os.environ.get("IMG2IMGKIT_PARITY", "")
TOLERANCE = 3e-5  # of the largest output; the official generators themselves are 1e-5 away from float64
PLACES = (SMALL, Path(LARGE)) if LARGE else (SMALL,)
FOLDERS = [
    folder for place in PLACES for kind in ("pix2pixhd_*", "spade_multiscaleD") for folder in sorted(place.glob(kind))
]


def last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_checkpoint_computes_what_the_official_network_computed(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    with np.load(folder / "io.npz") as stored:
        io = {name: last(stored[name]) for name in stored.files}
    for case in config["cases"]:
        model = load_torch(folder / "weights.pth", INSTALLED)
        inputs = [io[given["key"]] for given in case["inputs"].values()]
        made = model(inputs if len(inputs) > 1 else inputs[0], training=case["mode"] == "train")
        wanted = {name: io[entry["key"]] for name, entry in case["outputs"].items()}
        after = {name: wanted.pop(name) for name in list(wanted) if name.startswith("state_after:")}
        for result, array in zip(keras.tree.flatten(made), wanted.values(), strict=True):
            np.testing.assert_allclose(result, array, atol=TOLERANCE * np.abs(array).max())
        if after:
            moved = {name.removeprefix("state_after:"): array for name, array in after.items()}
            expected = load_torch(folder / "weights.pth", INSTALLED)
            put({**read_torch(folder / "weights.pth"), **moved}, expected, INSTALLED)
            for mine, theirs in zip(model.weights, expected.weights, strict=True):
                np.testing.assert_allclose(mine, theirs, atol=1e-5, err_msg=mine.path)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        (
            "pix2pixhd_local",
            {
                **{"channels": 9, "width": 2, "downs": 3, "blocks": 9, "enhancers": 1, "local_blocks": 3},
                **{"norm": "instance", "out_channels": 3},
            },
        ),
        ("pix2pixhd_encoder", {"out_channels": 3, "width": 4, "downs": 4, "norm": "instance", "channels": 3}),
        (
            "pix2pixhd_multiscaleD",
            {
                **{"channels": 12, "width": 8, "layers": 3, "scales": 2},
                **{"norm": "instance", "spectral": False, "use_bias": True},
            },
        ),
        (
            "spade_multiscaleD",
            {
                **{"channels": 9, "width": 6, "layers": 3, "scales": 2},
                **{"norm": "instance", "spectral": True, "use_bias": False},
            },
        ),
    ],
)
def test_the_arguments_are_inferred_from_names_and_shapes(name: str, options: dict[str, Any]) -> None:
    state = read_torch(SMALL / name / "weights.pth")
    assert list(recognised(state).values()) == [options]


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize(
    ("network", "options"),
    [
        ("pix2pixhd", {"channels": 4, "width": 2, "downs": 1, "blocks": 1}),
        ("pix2pixhd", {"channels": 1, "width": 1, "downs": 2, "blocks": 2, "enhancers": 2}),
        (
            "pix2pixhd",
            {"channels": 2, "width": 2, "downs": 3, "blocks": 1, "enhancers": 1, "local_blocks": 1},
        ),
        ("instance-encoder", {"out_channels": 5, "width": 2, "downs": 1}),
        ("multiscale", {"channels": 2, "width": 2, "layers": 1, "scales": 3}),
    ],
    ids=str,
)
def test_any_size_is_recognised_and_loaded(network: str, options: dict[str, Any], norm: str) -> None:
    options = {**options, "norm": norm}
    model = randomised(network, **options)
    complete = {"enhancers": 0, "local_blocks": 3, **options}
    state = state_of_model(model, checkpoint_of(network).places(complete))
    if network == "multiscale":  # our places are named as our layers
        state = {_matched(name, options["scales"]): array for name, array in state.items()}
    found = recognised(state)
    assert list(found) == [network]
    assert found[network].items() >= options.items()
    again = built(network, **found[network])
    put(state, again, INSTALLED)
    for mine, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def _matched(name: str, scales: int) -> str:
    """pix2pixHD's name for one of ours, such as scale0_norm1.weight."""
    module, leaf = name.split(".")
    scale, part = module.removeprefix("scale").split("_")
    inside, number = part[:4], part[4:]
    return f"scale{scales - 1 - int(scale)}_layer{number}.{int(inside == 'norm')}.{leaf}"


def test_critics_without_feature_matching_have_other_names() -> None:
    state = read_torch(SMALL / "pix2pixhd_multiscaleD" / "weights.pth")
    plain = {}
    for name, array in state.items():
        scale, number = int(name[5]), int(name[12])
        plain[f"layer{scale}.{max(0, 3 * number - 1)}.{name.rpartition('.')[2]}"] = array
    assert "layer1.11.bias" in plain
    one, other = multiscale_critic(12, 8), multiscale_critic(12, 8)
    put(state, one, INSTALLED)
    put(plain, other, INSTALLED)
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def test_the_scale_of_full_size_is_officially_the_last() -> None:
    state = dict(read_torch(SMALL / "pix2pixhd_multiscaleD" / "weights.pth"))
    model = multiscale_critic(12, 8)
    put(state, model, INSTALLED)
    kernel = np.asarray(model.get_layer("scale0_conv0").kernel)
    np.testing.assert_array_equal(kernel, state["scale1_layer0.0.weight"].transpose(2, 3, 1, 0))


def test_with_two_downsampling_steps_it_is_cyclegans_network_unless_named() -> None:
    state = read_torch(SMALL / "trainstep_pix2pixhd" / "weights_init.pth")["G"]
    model = pix2pixhd_generator(9, width=3, downs=2, blocks=2)
    with pytest.raises(InteropError, match="do not belong"):
        put(state, model, INSTALLED)
    put(state, model, INSTALLED, "pix2pixhd")
    kernel = np.asarray(model.get_layer("output").get_layer("last_conv").kernel)
    np.testing.assert_array_equal(kernel, state["model.19.weight"].transpose(2, 3, 1, 0))
