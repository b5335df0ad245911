"""Checkpoints of BasicSR, ESRGAN and Real-ESRGAN: recognised, loaded, with the outputs of the official code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED, built, checkpoint_of, randomised, recognised

from img2imgkit import backend

backend.load()

from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.exchange import StateDict  # noqa: E402
from img2imgkit.importing import load_torch, network_of, put, read_torch, state_of_model  # noqa: E402

SMALL = Path(__file__).parents[1] / "fixtures"
LARGE = os.environ.get("IMG2IMGKIT_PARITY", "")
FOLDERS = [folder for place in (SMALL, Path(LARGE)) if place != Path() for folder in sorted(place.glob("sr_*"))]
LARGE_NETWORKS = ("sr_dat", "sr_drct", "sr_hat", "sr_omnisr", "sr_swinir_x2", "sr_swinir_x4")  # slow to build
UNTOLD = {"sr_edsr_x4": {"residual_scale": 0.1}}  # what leaves no trace in the file


def last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def state_of(name: str) -> dict[str, np.ndarray]:
    loaded = read_torch(SMALL / name / "weights.pth")
    return dict(loaded["params"])


def marked(folder: Path) -> Any:
    marks = [pytest.mark.slow] if folder.name.startswith(LARGE_NETWORKS) else []
    return pytest.param(folder, id=f"{folder.parent.name}-{folder.name}", marks=marks)


@pytest.mark.parametrize("folder", [*map(marked, FOLDERS)])
def test_a_checkpoint_computes_what_the_official_network_computed(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    with np.load(folder / "io.npz") as stored:
        io = {name: last(stored[name]) for name in stored.files}
    for case in config["cases"]:
        model = load_torch(folder / "weights.pth", INSTALLED, **UNTOLD.get(folder.name, {}))
        [given] = case["inputs"].values()
        wanted = {name: io[entry["key"]] for name, entry in case["outputs"].items()}
        made = model(io[given["key"]], training=case["mode"] == "train")
        np.testing.assert_allclose(made, wanted.pop("y"), atol=3e-5)
        if wanted:  # what the power iteration of spectral norm left
            moved = {name.removeprefix("state_after:"): array for name, array in wanted.items()}
            expected = load_torch(folder / "weights.pth", INSTALLED)
            put({**read_torch(folder / "weights.pth")["params"], **moved}, expected, INSTALLED)
            for mine, theirs in zip(model.weights, expected.weights, strict=True):
                np.testing.assert_allclose(mine, theirs, atol=1e-5, err_msg=mine.path)


@pytest.mark.parametrize(
    ("name", "network", "options"),
    [
        ("sr_msrresnet_x2", "srresnet", {"scale": 2, "width": 10, "blocks": 3, "channels": 3}),
        (
            "sr_edsr_x2",
            "edsr",
            {
                **{"scale": 2, "width": 12, "blocks": 4, "residual_scale": 1.0, "gain": 255.0},
                "mean": (0.4488, 0.4371, 0.4040),
            },
        ),
        ("sr_rrdb_x1", "rrdb", {"scale": 1, "width": 10, "blocks": 2, "growth": 6, "unshuffle": 4, "channels": 3}),
        ("sr_srvgg_x4", "srvgg", {"scale": 4, "width": 16, "depth": 6, "activation": "prelu", "channels": 3}),
        (
            "sr_srvgg_x2_leaky",
            "srvgg",
            {"scale": 2, "width": 12, "depth": 3, "activation": "leaky_relu", "channels": 3},
        ),
        ("sr_unetD", "unet-critic", {"channels": 3, "width": 8, "skip": True}),
    ],
)
def test_the_arguments_are_inferred_from_names_and_shapes(name: str, network: str, options: dict[str, Any]) -> None:
    assert recognised(state_of(name)) == {network: options}


@pytest.mark.parametrize(
    ("network", "options"),
    [
        ("srresnet", {"scale": 3, "width": 2, "blocks": 1, "channels": 1}),
        ("srresnet", {"scale": 8, "width": 3, "blocks": 2, "channels": 3}),
        ("edsr", {"scale": 3, "width": 2, "blocks": 1}),
        ("edsr", {"scale": 1, "width": 2, "blocks": 0}),
        ("rrdb", {"scale": 2, "width": 3, "blocks": 1, "growth": 2, "unshuffle": 1, "channels": 3}),
        ("rrdb", {"scale": 4, "width": 2, "blocks": 1, "growth": 1, "unshuffle": 2, "channels": 1}),
        ("srvgg", {"scale": 1, "width": 2, "depth": 0, "activation": "prelu", "channels": 3}),
        ("srvgg", {"scale": 3, "width": 2, "depth": 11, "activation": "leaky_relu", "channels": 1}),
        ("unet-critic", {"channels": 1, "width": 2}),
        ("vgg-critic", {"size": 128, "width": 2, "channels": 3}),
        ("vgg-critic", {"size": 256, "width": 1, "channels": 1}),
    ],
    ids=str,
)
def test_any_size_is_recognised_and_loaded(network: str, options: dict[str, Any]) -> None:
    model = randomised(network, **options)
    state = state_of_model(model, checkpoint_of(network).places(options))
    found = recognised(state)
    assert list(found) == [network]
    assert found[network].items() >= options.items()
    again = built(network, **options)
    put(state, again, INSTALLED)
    for mine, theirs in zip(again.weights, model.weights, strict=True):
        assert np.sort(np.ravel(mine)) == pytest.approx(np.sort(np.ravel(theirs)))  # channels may have moved


SEQUENCE = {"conv_first": "model.0", "conv_hr": "model.8", "conv_last": "model.10", "conv_body": "model.1.sub.2"}
TRUNK = {"conv_body": "trunk_conv", "conv_hr": "HRconv", "conv_up1": "upconv1", "conv_up2": "upconv2"}


@pytest.mark.parametrize(
    ("plain", "dense"),
    [
        ({**SEQUENCE, "conv_up1": "model.3", "conv_up2": "model.6"}, "model.1.sub.{}.RDB{}.conv{}.0"),
        (TRUNK, "RRDB_trunk.{}.RDB{}.conv{}"),
    ],
    ids=["sequence", "trunk"],
)
def test_esrgan_under_its_earlier_names_gives_the_same(plain: dict[str, str], dense: str) -> None:
    state, early = state_of("sr_rrdb_x1"), {}
    for name, array in state.items():
        module, _, leaf = name.rpartition(".")
        if module.startswith("body."):
            _, block, inside, conv = module.split(".")
            module = dense.format(block, inside[-1], conv[-1])
        early[f"{plain.get(module, module)}.{leaf}"] = array
    assert not early.keys() & {"conv_up1.weight", "body.0.rdb1.conv1.weight", "conv_body.weight"}
    [options] = recognised(early).values()
    assert recognised(early) == recognised(state)
    one, other = built("rrdb", **options), built("rrdb", **options)
    put(state, one, INSTALLED)
    put(early, other, INSTALLED)
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(one.weights, other.weights, strict=True))


@pytest.mark.parametrize(
    ("name", "module", "shape"),
    [
        ("sr_srvgg_x4", "body.14", (45, 16, 3, 3)),
        ("sr_srvgg_x4", "body.14", (48,)),
        ("sr_rrdb_x1", "conv_first", (10, 27, 3, 3)),
        ("sr_rrdb_x1", "conv_last", (48, 10, 3, 3)),
        ("sr_msrresnet_x2", "upconv1", (50, 10, 3, 3)),
        ("sr_edsr_x2", "conv_first", (12, 1, 3, 3)),
        ("sr_edsr_x2", "upsample.0", (12, 12, 3, 3)),
    ],
    ids=str,
)
def test_impossible_shapes_are_not_recognised(name: str, module: str, shape: tuple[int, ...]) -> None:
    state = {**state_of(name), f"{module}.weight": np.zeros(shape, np.float32)}
    with pytest.raises(InteropError):
        network_of(StateDict(state), INSTALLED)


def test_what_a_file_does_not_state_is_reported() -> None:
    given = {"residual_scale": 1.0, "gain": 255.0, "mean": (0, 0, 0), "width": 64}
    edsr = checkpoint_of("edsr").assumptions(given)
    assert [(each.option, each.value) for each in edsr] == [*given.items()][:3]
    assert not [*checkpoint_of("srvgg").assumptions({"activation": "prelu"})]
    [activation] = checkpoint_of("srvgg").assumptions({"activation": "leaky_relu"})
    assert (activation.option, activation.value, activation.others) == ("activation", "leaky_relu", ("relu",))
    assert not [*checkpoint_of("rrdb").assumptions({})]
