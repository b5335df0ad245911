"""Checkpoints of super-resolution networks: recognised, loaded, with the outputs of the official code."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED, built, checkpoint_of, randomised, recognised

from img2imgkit import backend

backend.load()

from img2imgkit.architectures import reordered  # noqa: E402
from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.exchange import StateDict  # noqa: E402
from img2imgkit.importing import load_torch, network_of, put, read_torch, state_of_model  # noqa: E402

SMALL = Path(__file__).parents[1] / "fixtures"
LARGE = os.environ.get("IMG2IMGKIT_PARITY", "")
FOLDERS = [folder for place in (SMALL, Path(LARGE)) if place != Path() for folder in sorted(place.glob("sr_*"))]
MEAN = (0.4488, 0.4371, 0.4040)
LARGE_NETWORKS = (  # slow to build
    *("sr_atd", "sr_cunet_x1", "sr_cunet_x3", "sr_dat", "sr_drct", "sr_hat", "sr_omnisr", "sr_rgt"),
    *("sr_swinir_x2", "sr_swinir_x4"),
)
UNTOLD = {"sr_edsr_x4": {"residual_scale": 0.1}}  # what leaves no trace in the file


def last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def inputs_of(model: Any, x: np.ndarray) -> Any:
    """The inputs of a network: SRMD reads the constant maps behind the picture as a code."""
    channels = model.inputs[0].shape[-1]
    return x if len(model.inputs) == 1 else [x[..., :channels], x[:, 0, 0, channels:]]


def state_of(name: str) -> dict[str, np.ndarray]:
    loaded = read_torch(SMALL / name / "weights.pth")
    return dict(next((loaded[key] for key in ("params_ema", "params") if key in loaded), loaded))


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
        made = model(inputs_of(model, io[given["key"]]), training=case["mode"] == "train")
        official = wanted.pop("y")
        np.testing.assert_allclose(made, official, atol=3e-5 * max(1, np.abs(official).max() / 10))
        if wanted:  # what the power iteration of spectral norm left
            moved = {name.removeprefix("state_after:"): array for name, array in wanted.items()}
            expected = load_torch(folder / "weights.pth", INSTALLED)
            put({**read_torch(folder / "weights.pth")["params"], **moved}, expected, INSTALLED)
            for mine, theirs in zip(model.weights, expected.weights, strict=True):
                np.testing.assert_allclose(mine, theirs, atol=1e-5, err_msg=mine.path)


@pytest.mark.parametrize(
    ("name", "network", "options"),
    [
        ("sr_msrresnet_x2", "srresnet", {"scale": 2, "width": 10, "blocks": 3, "channels": 3, "out_channels": 3}),
        (
            "sr_edsr_x2",
            "edsr",
            {
                **{"scale": 2, "width": 12, "blocks": 4, "residual_scale": 1.0, "gain": 255.0},
                **{"mean": MEAN, "levels": False},
            },
        ),
        (
            "sr_edsr_original_x4",
            "edsr",
            {
                **{"scale": 4, "width": 12, "blocks": 4, "residual_scale": 1.0, "gain": 255.0},
                **{"mean": MEAN, "levels": True},
            },
        ),
        (
            "sr_rrdb_x1",
            "rrdb",
            {
                **{"scale": 1, "width": 10, "blocks": 2, "growth": 6, "unshuffle": 4, "inner": False},
                **{"channels": 3, "out_channels": 3},
            },
        ),
        (
            "sr_esrganplus_x4",
            "rrdb",
            {
                **{"scale": 4, "width": 12, "blocks": 2, "growth": 6, "unshuffle": 1, "inner": True},
                **{"channels": 3, "out_channels": 3},
            },
        ),
        (
            "sr_span_x4",
            "span",
            {
                **{"scale": 4, "width": 8, "channels": 3, "out_channels": 3},
                **{"centred": True, "gain": 255.0, "mean": MEAN},
            },
        ),
        (
            "sr_realplksr_x4_ln",
            "realplksr",
            {
                **{"scale": 4, "width": 16, "blocks": 2, "channels": 3, "kernel_size": 17, "large": 4},
                **{"attention": True, "layer_norm": True, "norm_groups": 4},
                **{"upsampler": "pixelshuffle", "sampling_groups": 4},
            },
        ),
        (
            "sr_realplksr_x2_dysample_gn",
            "realplksr",
            {
                **{"scale": 2, "width": 16, "blocks": 2, "channels": 3, "kernel_size": 9, "large": 4},
                **{"attention": True, "layer_norm": False, "norm_groups": 4},
                **{"upsampler": "dysample", "sampling_groups": 4},
            },
        ),
        (
            "sr_rcan_x4",
            "rcan",
            {
                **{"scale": 4, "width": 16, "groups": 2, "blocks": 3, "reduction": 4},
                **{"gain": 255.0, "mean": MEAN, "levels": True},
            },
        ),
        (
            "sr_srvgg_x4",
            "srvgg",
            {**{"scale": 4, "width": 16, "depth": 6, "activation": "prelu"}, **{"channels": 3, "out_channels": 3}},
        ),
        (
            "sr_srvgg_x2_leaky",
            "srvgg",
            {**{"scale": 2, "width": 12, "depth": 3, "activation": "leaky_relu"}, **{"channels": 3, "out_channels": 3}},
        ),
        (
            "sr_plksr_x4",
            "plksr",
            {
                **{"scale": 4, "width": 16, "blocks": 2, "channels": 3, "mixer": "doubled"},
                **{"kernel_size": 9, "large": 4, "attention": True},
            },
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
        ("edsr", {"scale": 8, "width": 2, "blocks": 1, "levels": True}),
        ("rrdb", {"scale": 4, "width": 2, "blocks": 1, "growth": 2, "unshuffle": 1, "inner": True, "channels": 4}),
        ("rrdb", {"scale": 2, "width": 3, "blocks": 1, "growth": 2, "unshuffle": 1, "channels": 3}),
        ("rrdb", {"scale": 4, "width": 2, "blocks": 1, "growth": 1, "unshuffle": 2, "channels": 1}),
        ("srvgg", {"scale": 1, "width": 2, "depth": 0, "activation": "prelu", "channels": 3}),
        ("srvgg", {"scale": 3, "width": 2, "depth": 11, "activation": "leaky_relu", "channels": 1}),
        ("srvgg", {"scale": 2, "width": 2, "depth": 1, "activation": "prelu", "channels": 4}),
        ("span", {"scale": 1, "width": 2, "channels": 3}),
        ("span", {"scale": 3, "width": 3, "channels": 3}),
        ("rcan", {"scale": 3, "width": 4, "groups": 2, "blocks": 1, "reduction": 2}),
        ("rcan", {"scale": 2, "width": 4, "groups": 1, "blocks": 2, "reduction": 4, "levels": True}),
        (
            "realplksr",
            {
                **{"scale": 3, "width": 4, "blocks": 1, "kernel_size": 3, "large": 4, "channels": 1},
                **{"attention": False, "layer_norm": False, "norm_groups": 4},
            },
        ),
        (
            "realplksr",
            {
                **{"scale": 3, "width": 4, "blocks": 2, "kernel_size": 5, "large": 1, "channels": 3},
                **{"upsampler": "dysample", "sampling_groups": 3},
            },
        ),
        (
            "realplksr",
            {
                **{"scale": 1, "width": 4, "blocks": 1, "kernel_size": 3, "large": 2, "channels": 3},
                **{"upsampler": "dysample", "sampling_groups": 3},
            },
        ),
        ("srresnet", {"scale": 4, "width": 3, "blocks": 2, "channels": 1, "out_channels": 3}),
        ("rrdb", {"scale": 4, "width": 3, "blocks": 1, "growth": 2, "channels": 3, "out_channels": 1}),
        ("rrdb", {"scale": 1, "width": 3, "blocks": 1, "growth": 2, "channels": 1, "out_channels": 3, "unshuffle": 1}),
        ("rrdb", {"scale": 2, "width": 2, "blocks": 1, "growth": 1, "channels": 4, "out_channels": 3}),
        ("srvgg", {"scale": 3, "width": 2, "depth": 1, "channels": 1, "out_channels": 3}),
        ("span", {"scale": 4, "width": 2, "channels": 3, "out_channels": 1}),
        ("span", {"scale": 2, "width": 2, "channels": 4, "out_channels": 3, "centred": False}),
        ("mosr", {"scale": 2, "width": 4, "blocks": 1, "hidden": 6, "convolved": 4, "channels": 1, "out_channels": 3}),
        (
            "mosr",
            {
                **{"scale": 2, "width": 4, "blocks": 1, "hidden": 6, "convolved": 4, "channels": 3, "out_channels": 1},
                "upsampler": "dysample",
            },
        ),
        ("plksr", {"scale": 3, "width": 4, "blocks": 1, "mixer": "plain", "kernel_size": 3, "large": 4, "channels": 1}),
        (
            "plksr",
            {
                "scale": 2,
                "width": 4,
                "blocks": 2,
                "mixer": "inverted",
                "kernel_size": 5,
                "large": 1,
                "attention": False,
            },
        ),
        ("unet-critic", {"channels": 1, "width": 2}),
        ("vgg-critic", {"size": 128, "width": 2, "channels": 3}),
        ("vgg-critic", {"size": 256, "width": 1, "channels": 1}),
    ],
    ids=str,
)
def test_any_size_is_recognised_and_loaded(network: str, options: dict[str, Any]) -> None:
    model = randomised(network, **options)
    chosen, spec = INSTALLED[network].from_arguments(options)
    state = state_of_model(model, checkpoint_of(network).places(chosen.arguments(spec)))
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
        ("sr_span_x4", "conv_1.conv.1", (16, 5, 3, 3)),
        ("sr_span_x4", "upsampler.0", (45, 8, 3, 3)),
        ("sr_realplksr_x4_ln", "feats.4", (45, 16, 3, 3)),
        ("sr_realplksr_x2_dysample_gn", "to_img.offset", (30, 12, 1, 1)),
        ("sr_rcan_x4", "tail.0.0", (16, 16, 3, 3)),
        ("sr_edsr_original_x4", "head.0", (12, 1, 3, 3)),
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


def test_span_without_the_branches_of_training_gives_the_same() -> None:
    branched, model = state_of("sr_span_x4"), built("span", scale=4, width=8)
    put(branched, model, INSTALLED)
    whole = state_of_model(model, checkpoint_of("span").places({}))
    assert not any(".sk." in name for name in whole)
    assert {name for name in branched if "eval_conv" in name} < whole.keys()
    stored = {**branched, **{name: np.full_like(branched[name], 9) for name in branched if "eval_conv" in name}}
    again = built("span", scale=4, width=8)
    for state in (stored, shuffled_back(whole, "upsampler.0", 3)):
        put(state, again, INSTALLED)
        for mine, theirs in zip(again.weights, model.weights, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def shuffled_back(state: dict[str, np.ndarray], module: str, channels: int) -> dict[str, np.ndarray]:
    """A state dict of ours with a convolution before a pixel shuffle in PyTorch's order."""
    names = (f"{module}.weight", f"{module}.bias")
    return {**state, **{name: reordered(state[name], 0, len(state[name]) // channels) for name in names}}


def test_span_may_mark_that_it_subtracts_no_mean() -> None:
    state = state_of("sr_span_x4")
    [plain] = recognised({**state, "no_norm": np.zeros(1, np.float32)}).values()
    assert not plain["centred"]
    assert not [*checkpoint_of("span").assumptions(plain)]
    given = network_of(StateDict({**state, "no_norm": np.zeros(1, np.float32)}), INSTALLED)
    assert given.architecture.centred is False  # type: ignore[attr-defined]


RCAN_NAMES = [
    (r"body\.(\d+)\.body\.(\d+)\.body\.3\.conv_du\.0", r"body.\1.residual_group.\2.rcab.3.attention.1"),
    (r"body\.(\d+)\.body\.(\d+)\.body\.3\.conv_du\.2", r"body.\1.residual_group.\2.rcab.3.attention.3"),
    (r"body\.(\d+)\.body\.(\d+)\.body\.(\d)", r"body.\1.residual_group.\2.rcab.\3"),
    (r"body\.(\d+)\.body\.3", r"body.\1.conv"),
]
EDSR_NAMES = [(r"body\.(\d+)\.body\.0", r"body.\1.conv1"), (r"body\.(\d+)\.body\.2", r"body.\1.conv2")]
TAIL = [
    *((r"head\.0", "conv_first"), (r"tail\.1", "conv_last"), (r"tail\.0\.(\d)", r"upsample.\1")),
    (r"body\.\d+", "conv_after_body"),
]


@pytest.mark.parametrize(
    ("name", "own"), [("sr_rcan_x4", [*RCAN_NAMES, *TAIL]), ("sr_edsr_original_x4", [*EDSR_NAMES, *TAIL])]
)
def test_networks_that_store_their_mean_are_those_of_basicsr_on_levels(name: str, own: list[tuple[str, str]]) -> None:
    state, other = state_of(name), {}
    for key, array in state.items():
        module, _, leaf = key.rpartition(".")
        renamed = next((re.sub(old, new, module) for old, new in own if re.fullmatch(old, module)), module)
        if not module.endswith("_mean"):
            other[f"{renamed}.{leaf}"] = array
    sign = {"sub_mean": -255.0, "add_mean": 255.0}
    for module, factor in sign.items():
        state[f"{module}.weight"] = np.eye(3, dtype=np.float32)[..., None, None]
        state[f"{module}.bias"] = np.float32(factor) * np.array(MEAN, np.float32)
    given = [network_of(StateDict(each), INSTALLED) for each in (state, other)]
    assert [each.architecture.official_values for each in given] == ["levels", "unit"]
    assert [{each.option for each in one.assumptions} & {"gain", "mean"} for one in given] == [set(), {"gain", "mean"}]
    x = np.random.default_rng(0).uniform(0, 1, (1, 6, 7, 3)).astype(np.float32)
    on_levels, on_units = (each.model(x * scale) / scale for each, scale in zip(given, (255, 1), strict=True))
    np.testing.assert_allclose(on_levels, on_units, atol=1e-5)


def test_what_a_file_does_not_state_is_reported() -> None:
    given = {"residual_scale": 1.0, "gain": 255.0, "mean": (0, 0, 0), "width": 64, "levels": False}
    edsr = checkpoint_of("edsr").assumptions(given)
    assert [(each.option, each.value) for each in edsr] == [*given.items()][:3]
    assert not [*checkpoint_of("srvgg").assumptions({"activation": "prelu"})]
    [activation] = checkpoint_of("srvgg").assumptions({"activation": "leaky_relu"})
    assert (activation.option, activation.value, activation.others) == ("activation", "leaky_relu", ("relu",))
    [groups] = checkpoint_of("realplksr").assumptions({"layer_norm": False, "norm_groups": 4})
    assert (groups.option, groups.value) == ("norm_groups", 4)
    assert not [*checkpoint_of("realplksr").assumptions({"layer_norm": True})]
    [scale] = checkpoint_of("rrdb").assumptions({"scale": 2, "unshuffle": 1})
    assert (scale.option, scale.value, scale.others) == ("scale", 2, (3,))
    for stated in ({"scale": 4, "unshuffle": 1}, {"scale": 2, "unshuffle": 2}, {"scale": 1, "unshuffle": 4}):
        assert not [*checkpoint_of("rrdb").assumptions(stated)]


def test_a_network_that_enlarges_3_times_has_the_arrays_of_one_that_enlarges_twice() -> None:
    options: dict[str, Any] = {"width": 4, "blocks": 1, "growth": 2, "channels": 3, "unshuffle": 1, "inner": False}
    places = [*checkpoint_of("rrdb").places({**options, "scale": 3})]
    assert places == [*checkpoint_of("rrdb").places({**options, "scale": 2})]
    state = state_of_model(built("rrdb", **options, scale=3), places)
    twice = network_of(StateDict(state), INSTALLED)
    thrice = network_of(StateDict(state, arguments={"scale": 3}), INSTALLED)
    assert [each.option for each in twice.assumptions] == ["scale"]
    assert (twice.spec.scale, thrice.spec.scale, thrice.assumptions) == (2, 3, ())
