"""Checkpoints of the official code: recognised, filled, and computing what the official networks computed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.interop import foreign_from_state, load_torch, put, read_torch  # noqa: E402
from img2imgkit.interop.load import FAMILIES  # noqa: E402
from img2imgkit.interop.state import state_of  # noqa: E402
from img2imgkit.nn import patch_critic, resnet, resnet_features  # noqa: E402

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
        model = load_torch(folder / "weights.pth", **without)
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
    model = load_torch(folder / "weights.pth", statistics="image")
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
def test_the_arguments_are_read_off_names_and_shapes(name: str, options: dict[str, Any]) -> None:
    state = read_torch(SMALL / name / "weights.pth")
    found = [recognised for family in FAMILIES if (recognised := family.recognise(family.clean(state))) is not None]
    assert found == [options]


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
        ("patch_critic", {"layers": layers, "width": 2, "norm": norm, "antialias": antialias, "spectral": spectral})
        for layers, norm, antialias, spectral in (
            (1, "batch", False, False),
            (4, "instance", True, False),
            (3, "none", False, True),
            (2, "none", True, False),
            (2, "batch", True, True),
        )
    ),
    *(("pixel_critic", {"width": 3, "norm": norm}) for norm in ("batch", "instance", "none")),
    ("patch_sample", {"widths": (2, 5, 3), "width": 4}),
]


@pytest.mark.parametrize(("network", "options"), KINDS, ids=str)
def test_any_size_is_recognised_and_filled(network: str, options: dict[str, Any]) -> None:
    [family] = [each for each in FAMILIES if each.name == network]
    model, random = family.build(**options), np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    complete = {"antialias": False, "norm": "instance", "dropout": 0.0, "padding": "reflect", **options}
    complete.setdefault("antialias_up", complete["antialias"])
    state = exported(model, family.places(complete), complete)
    recognised = {each.name: found for each in FAMILIES if (found := each.recognise(each.clean(state))) is not None}
    twice = {"pix2pixhd_generator"} if network == "resnet" else set()  # the same network with two halvings
    assert next(iter(recognised)) == network
    assert recognised.keys() - twice == {network}
    assert recognised[network].items() >= options.items()
    again = family.build(**recognised[network])
    put({f"module.{name}": array for name, array in state.items()}, again)
    for mine, theirs in zip(again.trainable_variables, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def exported(model: Any, places: Any, options: dict[str, Any]) -> dict[str, np.ndarray]:
    """A model's weights as PyTorch would name and turn them."""
    state = {}
    for module, name in places:
        layer = model.get_layer(name)
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            axes = (3, 2, 0, 1) if len(kernel.shape) == 4 else (1, 0)
            spectral = "_orig" if hasattr(layer, "u") else ""
            state[f"{module}.weight{spectral}"] = np.asarray(kernel).transpose(axes)
            if spectral:
                state[f"{module}.weight_u"] = np.asarray(layer.u)[0]
                state[f"{module}.weight_v"] = np.asarray(layer.v)[0]
            if layer.bias is not None:
                state[f"{module}.bias"] = np.asarray(layer.bias)
        else:
            theirs = zip(("weight", "bias", "running_mean", "running_var"), layer.get_weights(), strict=True)
            state |= {f"{module}.{leaf}": array for leaf, array in theirs}
    if options["antialias"]:  # officially a buffer of the module behind each activation
        state["model.7.filt" if model.name == "resnet" else "model.2.filt"] = np.zeros((2, 1, 3, 3), np.float32)
    if options["antialias_up"] and model.name == "resnet":
        blocks = options["blocks"] + (12 if options["antialias"] else 10)
        state[f"model.{blocks}.filt"] = np.zeros((8, 1, 4, 4), np.float32)
    return state


def test_running_statistics_of_early_instance_norms_are_dropped() -> None:
    state = read_torch(SMALL / "junyanz_resnet6_instance" / "weights.pth")
    early = {
        **state,
        **{f"model.{i}.running_{leaf}": np.ones(6, np.float32) for i in (2, 5) for leaf in ("mean", "var")},
    }
    model, same = resnet(6, 6), resnet(6, 6)
    put(early, model)
    put(state, same)
    for mine, theirs in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.skipif(not LARGE, reason="IMG2IMGKIT_PARITY names no folder")
def test_a_file_with_statistics_of_early_instance_norms_computes_the_same() -> None:
    folder = Path(LARGE) / "junyanz_resnet9_instance"
    early, same = load_torch(folder / "weights_legacy_instancenorm_stats.pth"), load_torch(folder / "weights.pth")
    x = np.linspace(-1, 1, 16 * 16 * 3, dtype=np.float32).reshape(1, 16, 16, 3)
    np.testing.assert_array_equal(early(x), same(x))


def test_a_file_from_before_torch_1_6_holds_the_same() -> None:
    folder = SMALL / "junyanz_pixel_batch"
    old, new = (load_torch(folder / f"{name}.pth").get_weights() for name in ("weights_oldformat", "weights"))
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(old, new, strict=True))


class TestErrors:
    @pytest.fixture
    def state(self) -> dict[str, np.ndarray]:
        return dict(read_torch(SMALL / "junyanz_patchgan_none" / "weights.pth"))

    def test_an_unknown_network_is_told_what_was_seen_and_what_is_known(self) -> None:
        kernel = np.zeros((2, 3, 1, 1), np.float32)
        with pytest.raises(InteropError, match=r"unet, resnet.*holds 1 arrays: strange\.weight \(2, 3, 1, 1\)"):
            put({"strange.weight": kernel}, resnet(1, 2))

    def test_a_network_asked_for_by_name_must_be_the_one(self) -> None:
        path = SMALL / "junyanz_pixel_batch" / "weights.pth"
        assert load_torch(path, network="pixel_critic").name == "pixel_critic"
        with pytest.raises(InteropError, match=r"weights\.pth: no unet network: it holds 9 arrays"):
            load_torch(path, network="unet")
        with pytest.raises(InteropError, match="'vnet': known are unet"):
            load_torch(path, network="vnet")

    def test_a_model_of_another_size_keeps_its_weights(self, state: dict[str, np.ndarray]) -> None:
        model = patch_critic(3, 5, 2, "none")
        before = model.get_weights()
        with pytest.raises(InteropError, match=r"model\..*weight: its shape .* does not fit"):
            put(state, model)
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))

    @pytest.mark.parametrize(
        ("model", "reason"),
        [
            ((3, 6, 3, "none"), r"model\.8\.weight: its shape .* does not fit conv3/kernel"),
            ((3, 6, 1, "none"), r"model\.8\.weight, model\.8\.bias have no place in the network 'patch_critic'"),
            ((3, 6, 2, "batch"), r"norm1/gamma.* are not in the file"),
        ],
    )
    def test_a_model_with_other_layers_is_told_which(self, state: Any, model: Any, reason: str) -> None:
        if model[2] == 1:  # let the convolution before fit
            state["model.5.weight"], state["model.5.bias"] = np.zeros((1, 12, 4, 4)), np.zeros(1)
        with pytest.raises(InteropError, match=reason):
            put(state, patch_critic(*model))

    def test_shapes_that_belie_the_files_size_take_no_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shapes = {"net.0.weight": (200_000, 1, 1, 1), "net.0.bias": (200_000,)}
        state = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        state |= {f"net.{number}.weight": np.zeros((1, 1, 1, 1), np.float32) for number in (2, 5)}
        monkeypatch.setattr("img2imgkit.interop.load.read_torch", lambda path: state)
        with pytest.raises(InteropError, match=r"net\.2\.weight: its shape .* \(1, 1, 200000, 400000\)"):  # 320 GB
            load_torch("small.pth")
        assert patch_critic(3, 2, 1).built  # nor does Keras take it later

    def test_a_file_with_several_networks_asks_for_the_part(self) -> None:
        network = {"a": np.zeros(1), "b": np.ones(2)}
        assert state_of({"step": 3, "params": network}) == network
        assert state_of({"G": network, "D": {}}, "G") == network
        with pytest.raises(InteropError, match="'G', 'D'; name one of these"):
            state_of({"G": network, "D": network})
        with pytest.raises(InteropError, match="'x'; the file holds 'G'"):
            state_of({"G": network}, "x")
        with pytest.raises(InteropError, match="holds a list"):
            state_of([1])

    def test_the_file_is_named(self, tmp_path: Path) -> None:
        shutil.copy(SMALL / "junyanz_pixel_batch" / "io.npz", tmp_path / "io.pth")
        with pytest.raises(InteropError, match=r"io\.pth: "):
            load_torch(tmp_path / "io.pth")


def test_a_network_inside_of_others_is_told_and_taken_by_what_its_names_begin_with() -> None:
    """As PyTorch Lightning keeps a whole module."""
    state = read_torch(SMALL / "junyanz_pixel_batch" / "weights.pth")
    held = {"state_dict": {f"{word}.{name}": array for word in ("netD", "net2") for name, array in state.items()}}
    with pytest.raises(InteropError, match=r"begin with 'netD\.' are of a pixel_critic: state the part 'netD'"):
        foreign_from_state(state_of(held))
    assert foreign_from_state(state_of(held, "netD")).family == "pixel_critic"
    with pytest.raises(InteropError, match="no state dict called 'netG'"):
        state_of(held, "netG")
