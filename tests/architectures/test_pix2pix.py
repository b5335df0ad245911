"""Official checkpoints of pix2pix, CycleGAN and CUT: recognised, loaded, with the outputs of the official code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED, built, checkpoint_of, randomised, recognised

from img2imgkit import backend

backend.load()

from img2imgkit.architectures.resnet.network import resnet, resnet_features  # noqa: E402
from img2imgkit.exchange import StateDict  # noqa: E402
from img2imgkit.importing import load_torch, network_of, put, read_torch, state_of_model  # noqa: E402

SMALL = Path(__file__).parents[1] / "fixtures"
LARGE = os.environ.get("IMG2IMGKIT_PARITY", "")
TOLERANCE = 1e-5  # of the largest output; the official code itself is about 2e-6 away from float64


def official(folder: Path) -> list[Path]:
    return sorted(path.parent for kind in ("junyanz", "cut") for path in folder.glob(f"{kind}_*/weights.pth"))


FOLDERS = official(SMALL) + (official(Path(LARGE)) if LARGE else [])


def cases(folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray], dict[str, np.ndarray], int]]:
    """Each case with its inputs and outputs, in channels-last order."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    with np.load(folder / "io.npz") as stored:
        for case in config["cases"]:
            inputs, outputs = (
                {name: last(stored[entry["key"]]) for name, entry in case[side].items()}
                for side in ("inputs", "outputs")
            )
            yield case, inputs, outputs, config.get("every", 1)


def last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def assert_close(result: Any, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(result, wanted, atol=TOLERANCE * np.abs(wanted).max())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_checkpoint_computes_what_the_official_network_computed(folder: Path) -> None:
    for case, inputs, outputs, every in cases(folder):
        without = {"dropout": 0.0} if case["mode"] == "train_nodropout" else {}
        model = load_torch(folder / "weights.pth", INSTALLED, **without)
        if model.name == "patch_sample":
            gathered = [
                inputs[f"feat{i}"].reshape(1, -1, width)[:, inputs[f"ids{i}"]] for i, width in layers_of(inputs)
            ]
            for result, wanted in zip(model(gathered), outputs.values(), strict=True):
                assert_close(result[0], wanted)
            continue
        result = model(inputs["input"], training=case["mode"].startswith("train"))
        assert_close(result[:, ::every, ::every], outputs["y"])
        taps = {name: int(name.removeprefix("feat_layer")) for name in outputs if name != "y"}
        if taps:
            features = resnet_features(model, tuple(taps.values()))(inputs["input"])
            for feature, name in zip(features, taps, strict=True):
                assert_close(feature[:, ::every, ::every], outputs[name])


def layers_of(inputs: dict[str, np.ndarray]) -> Iterator[tuple[int, int]]:
    return ((number, inputs[f"feat{number}"].shape[-1]) for number in range(len(inputs) // 2))


def test_image_statistics_are_those_of_the_official_test_mode() -> None:
    folder = SMALL / "junyanz_unet128_batch"
    [(_, inputs, outputs, every)] = [each for each in cases(folder) if each[0]["name"] == "batchstats"]
    model = load_torch(folder / "weights.pth", INSTALLED, statistics="image")
    assert_close(model(inputs["input"])[:, ::every, ::every], outputs["y"])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("junyanz_unet128_batch", {"depth": 7, "width": 4, "norm": "batch", "channels": 3, "out_channels": 3}),
        (
            "cut_resnet4_antialias_rect",
            {
                **{"blocks": 4, "width": 6, "norm": "instance", "dropout": 0.0, "channels": 1, "out_channels": 3},
                **{"antialias": True, "antialias_up": True, "padding": "reflect"},
            },
        ),
        (
            "junyanz_patchgan_none",
            {"channels": 3, "width": 6, "layers": 2, "norm": "none", "spectral": False, "antialias": False},
        ),
        ("junyanz_pixel_batch", {"channels": 6, "width": 16, "norm": "batch"}),
        ("cut_patchsampleF", {"widths": (3, 8, 16, 16), "width": 24}),
    ],
)
def test_the_arguments_are_inferred_from_names_and_shapes(name: str, options: dict[str, Any]) -> None:
    state = read_torch(SMALL / name / "weights.pth")
    assert list(recognised(state).values()) == [options]


KINDS: list[tuple[str, dict[str, Any]]] = [
    *(("unet", {"depth": depth, "width": 2, "norm": norm}) for depth in (2, 3, 6) for norm in ("batch", "none")),
    ("unet", {"depth": 4, "width": 3, "norm": "instance", "channels": 1, "out_channels": 2}),
    *(
        (
            "resnet",
            {"blocks": 2, "width": 2, "norm": norm, "dropout": dropout, "padding": padding, "antialias": antialias},
        )
        for norm, dropout, padding, antialias in (
            ("batch", 0.0, "reflect", False),
            ("batch", 0.5, "zero", False),
            ("instance", 0.5, "reflect", True),
            ("none", 0.0, "zero", True),
        )
    ),
    ("resnet", {"blocks": 1, "width": 2, "antialias": True, "antialias_up": False}),
    *(
        ("patch", {"layers": layers, "width": 2, "norm": norm, "antialias": antialias, "spectral": spectral})
        for layers, norm, antialias, spectral in (
            (1, "batch", False, False),
            (4, "instance", True, False),
            (3, "none", False, True),
            (2, "none", True, False),
            (2, "batch", True, True),
        )
    ),
    *(("pixel", {"width": 3, "norm": norm}) for norm in ("batch", "instance", "none")),
    ("patch-projection", {"widths": (2, 5, 3), "width": 4}),
]


@pytest.mark.parametrize(("network", "options"), KINDS, ids=str)
def test_any_size_is_recognised_and_loaded(network: str, options: dict[str, Any]) -> None:
    model = randomised(network, **options)
    complete = {"antialias": False, "norm": "instance", "dropout": 0.0, "padding": "reflect", **options}
    complete.setdefault("antialias_up", complete["antialias"])
    state = with_filters(state_of_model(model, checkpoint_of(network).places(complete)), network, complete)
    found = recognised(state)
    twice = {"pix2pixhd"} if network == "resnet" else set()  # the same network with two halvings
    assert found.keys() - twice == {network}
    assert found[network].items() >= options.items()
    assert network_of(StateDict(state), INSTALLED).kind == network
    again = built(network, **found[network])
    put({f"module.{name}": array for name, array in state.items()}, again, INSTALLED)
    for mine, theirs in zip(again.trainable_variables, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def with_filters(state: dict[str, np.ndarray], network: str, options: dict[str, Any]) -> dict[str, np.ndarray]:
    """As the official code writes it: a blur's constant kernel is a buffer of the module behind each activation."""
    found = dict(state)
    if options["antialias"]:
        found["model.7.filt" if network == "resnet" else "model.2.filt"] = np.zeros((2, 1, 3, 3), np.float32)
    if options["antialias_up"] and network == "resnet":
        blocks = options["blocks"] + (12 if options["antialias"] else 10)
        found[f"model.{blocks}.filt"] = np.zeros((8, 1, 4, 4), np.float32)
    return found


def test_running_statistics_of_early_instance_norms_are_dropped() -> None:
    state = read_torch(SMALL / "junyanz_resnet6_instance" / "weights.pth")
    early = {
        **state,
        **{f"model.{i}.running_{leaf}": np.ones(6, np.float32) for i in (2, 5) for leaf in ("mean", "var")},
    }
    model, same = resnet(6, 6), resnet(6, 6)
    put(early, model, INSTALLED)
    put(state, same, INSTALLED)
    for mine, theirs in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.skipif(not LARGE, reason="IMG2IMGKIT_PARITY names no folder")
def test_a_file_with_statistics_of_early_instance_norms_computes_the_same() -> None:
    folder = Path(LARGE) / "junyanz_resnet9_instance"
    names = ("weights_legacy_instancenorm_stats", "weights")
    early, same = (load_torch(folder / f"{name}.pth", INSTALLED) for name in names)
    x = np.linspace(-1, 1, 16 * 16 * 3, dtype=np.float32).reshape(1, 16, 16, 3)
    np.testing.assert_array_equal(early(x), same(x))
