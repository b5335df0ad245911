"""SPADE's checkpoints: recognised, loaded, with the outputs of the official code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED, built, checkpoint_of, randomised, recognised

from img2imgkit import backend

backend.load()

from img2imgkit.architectures.spade import receptive_radius  # noqa: E402
from img2imgkit.architectures.spade.network import spade_generator, style_encoder  # noqa: E402
from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.importing import load_torch, put, read_torch, state_of_model  # noqa: E402

SMALL = Path(__file__).parents[1] / "fixtures"
LARGE = os.environ.get("IMG2IMGKIT_PARITY", "")
TOLERANCE = 3e-5  # of the largest output; the official generator itself is 1e-5 away from float64
PLACES = (SMALL, Path(LARGE)) if LARGE else (SMALL,)
STATED: Mapping[str, Mapping[str, Any]] = {
    "spade_more_vae_nospectral": {"upsampling": "more", "size": (64, 64)}
}  # leave no trace
FOLDERS = [
    folder
    for place in PLACES
    for folder in sorted(place.glob("spade_*"))
    if folder.name in ("spade_encoder", "spade_normal", *STATED)
]


def cases(folder: Path) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
    """Inputs and outputs, in channels-last order."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    with np.load(folder / "io.npz") as stored:
        for case in config["cases"]:
            inputs, outputs = (
                [last(stored[entry["key"]]) for entry in case[side].values()] for side in ("inputs", "outputs")
            )
            yield inputs, outputs


def last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_checkpoint_computes_what_the_official_network_computed(folder: Path) -> None:
    model = load_torch(folder / "weights.pth", INSTALLED, **STATED.get(folder.name, {}))
    for inputs, outputs in cases(folder):
        made = model(inputs if len(inputs) > 1 else inputs[0])
        for result, wanted in zip(made if isinstance(made, list) else [made], outputs, strict=True):
            np.testing.assert_allclose(result, wanted, atol=TOLERANCE * np.abs(wanted).max())


GENERATOR = {"channels": 3, "width": 2, "norm": "batch", "spectral": False, "kernel_size": 1, "out_channels": 3}


@pytest.mark.parametrize(
    ("name", "part", "options"),
    [
        ("spade_more_vae_nospectral", None, {**GENERATOR, "upsampling": "normal", "code": 8, "size": (32, 32)}),
        ("spade_encoder", None, {"width": 2, "code": 256, "channels": 3}),
        ("trainstep_spade", "G", {**GENERATOR, "channels": 4, "width": 1, "spectral": True, "upsampling": "normal"}),
    ],
)
def test_the_arguments_are_inferred_from_names_and_shapes(name: str, part: str | None, options: dict[str, Any]) -> None:
    loaded = read_torch(next((SMALL / name).glob("weights*.pth")))
    state = loaded if part is None else loaded[part]
    assert list(recognised(state).values()) == [options]


@pytest.mark.parametrize(
    ("network", "options"),
    [
        ("spade", {"channels": 5, "width": 2, "norm": "instance", "kernel_size": 3, "upsampling": "most"}),
        ("spade", {"channels": 1, "width": 3, "upsampling": "most", "kernel_size": 1}),
        ("spade", {"channels": 2, "width": 1, "kernel_size": 1, "code": 3, "size": (64, 128)}),
        ("spade", {"channels": 2, "width": 1, "kernel_size": 5, "code": 3, "size": (96, 96)}),
        ("style-encoder", {"width": 1, "code": 5, "channels": 1}),
    ],
    ids=str,
)
def test_any_size_is_recognised_and_loaded(network: str, options: dict[str, Any]) -> None:
    model = randomised(network, **options)
    complete = {"upsampling": "normal", **options}
    state = split(state_of_model(model, checkpoint_of(network).places(complete)))
    found = recognised(state)
    assert list(found) == [network]
    assert found[network].items() >= options.items()
    again = built(network, **found[network])
    put({f"module.{name}": array for name, array in state.items()}, again, INSTALLED)
    for mine, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def split(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As the official code writes it: gamma and beta come from a convolution each."""
    found = {}
    for name, array in state.items():
        halves = np.split(array, 2) if "mlp_modulation" in name else [array]
        parts = ("mlp_gamma", "mlp_beta") if len(halves) == 2 else ("mlp_modulation",)
        found |= {name.replace("mlp_modulation", part): half for part, half in zip(parts, halves, strict=True)}
    return found


class TestErrors:
    @pytest.fixture
    def state(self) -> dict[str, np.ndarray]:
        return dict(read_torch(SMALL / "trainstep_spade" / "weights_init.pth")["G"])

    def test_the_error_names_gamma_without_beta(self, state: dict[str, np.ndarray]) -> None:
        del state["up_0.norm_s.mlp_beta.weight"]
        with pytest.raises(InteropError, match="matches no installed architecture"):
            put(state, spade_generator(4, 1, kernel_size=1), INSTALLED)

    def test_the_error_names_a_missing_statistic(self, state: dict[str, np.ndarray]) -> None:
        del state["up_0.norm_s.param_free_norm.running_var"]
        with pytest.raises(InteropError, match="up_0_norm_s_free/moving_variance"):
            put(state, spade_generator(4, 1, kernel_size=1), INSTALLED)

    def test_another_networks_weights_are_refused(self, state: dict[str, np.ndarray]) -> None:
        with pytest.raises(InteropError, match=r"does not fit|do not belong"):
            put(state, style_encoder(1, 5), INSTALLED)


@pytest.mark.slow
@pytest.mark.parametrize(("kernel_size", "upsampling"), [(1, "normal"), (3, "normal")])
def test_the_receptive_radius_in_the_label_map_is_exact(kernel_size: int, upsampling: Any) -> None:
    radius = receptive_radius(kernel_size, upsampling)
    unit = 32
    side = -(-(2 * radius + unit) // unit) * unit
    model = spade_generator(1, 1, "batch", False, kernel_size, upsampling)
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:  # every input shows through such weights
        fan = np.prod(variable.shape[:-1]) if len(variable.shape) > 1 else 100
        variable.assign(random.normal(0, 1 / np.sqrt(fan), variable.shape))
    labels = np.random.default_rng(0).integers(0, 2, (1, side, side, 1)).astype(np.float32)
    furthest = 0
    for middle in (radius // unit * unit, radius // unit * unit + unit - 1):
        before = np.asarray(model(labels))[0, middle, middle]
        for reach in (radius, radius - unit):
            away = np.abs(np.arange(side) - middle) > reach
            changed = np.where((away[:, None] | away)[None, :, :, None], 1 - labels, labels)
            apart = np.abs(np.asarray(model(changed))[0, middle, middle] - before).max()
            furthest = max(furthest, reach) if apart > 1e-6 else furthest
    assert furthest == radius - unit
