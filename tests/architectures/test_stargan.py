"""StarGAN's checkpoints: recognised, loaded, with the outputs of the official code."""

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

from img2imgkit.architectures.stargan.network import domain_critic, stargan_generator  # noqa: E402
from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.importing import load_torch, put, read_torch, state_of_model  # noqa: E402

SMALL = Path(__file__).parents[1] / "fixtures"
LARGE = os.environ.get("IMG2IMGKIT_PARITY", "")
TOLERANCE = 2e-5  # of the largest output; the official generator itself is 5e-6 away from float64
PLACES = (SMALL, Path(LARGE)) if LARGE else (SMALL,)
FOLDERS = [folder for place in PLACES for folder in sorted(place.glob("stargan_?"))]


def cases(folder: Path) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
    """Inputs and outputs, in channels-last order, of what training and test compute officially.

    They never leave training mode; what its evaluation mode would give, with running statistics, is not made here.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    with np.load(folder / "io.npz") as stored:
        for case in config["cases"]:
            if not case["name"].endswith("_eval"):
                inputs, outputs = (
                    [last(stored[entry["key"]]) for entry in case[side].values()] for side in ("inputs", "outputs")
                )
                yield inputs, outputs


def last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_checkpoint_computes_what_the_official_network_computed(folder: Path) -> None:
    model = load_torch(folder / "weights.pth", INSTALLED)
    for inputs, outputs in cases(folder):
        made = model(inputs if len(inputs) > 1 else inputs[0])
        for result, wanted in zip(made if isinstance(made, list) else [made], outputs, strict=True):
            np.testing.assert_allclose(result, wanted, atol=TOLERANCE * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("stargan_G", {"code": 5, "width": 6, "blocks": 6, "channels": 3}),
        ("stargan_D", {"size": (128, 128), "classes": 5, "width": 3, "layers": 6, "channels": 3}),
    ],
)
def test_the_arguments_are_inferred_from_names_and_shapes(name: str, options: dict[str, Any]) -> None:
    state = read_torch(SMALL / name / "weights.pth")
    assert list(recognised(state).values()) == [options]


@pytest.mark.parametrize(
    ("network", "options"),
    [
        ("stargan", {"code": 1, "width": 3, "blocks": 0, "channels": 1}),
        ("stargan", {"code": 7, "width": 2, "blocks": 12, "channels": 3}),
        ("stargan-critic", {"size": (8, 8), "classes": 1, "width": 2, "layers": 1, "channels": 1}),
        ("stargan-critic", {"size": (24, 24), "classes": 3, "width": 2, "layers": 3, "channels": 3}),
    ],
    ids=str,
)
def test_any_size_is_recognised_and_loaded(network: str, options: dict[str, Any]) -> None:
    model = randomised(network, **options)
    state = with_statistics(state_of_model(model, checkpoint_of(network).places(options)))
    assert recognised(state) == {network: options}
    again = built(network, **options)
    put({f"module.{name}": array for name, array in state.items()}, again, INSTALLED)
    for mine, theirs in zip(again.trainable_variables, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def with_statistics(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As the official code writes it: its norms keep running statistics, and never use them."""
    scales = {name.removesuffix(".weight"): array for name, array in state.items() if array.ndim == 1}
    norms = [module for module in scales if module + ".weight" in state and state[module + ".weight"].ndim == 1]
    running = {f"{module}.running_{leaf}": np.ones_like(scales[module]) for module in norms for leaf in ("mean", "var")}
    return {**state, **running, **{f"{module}.num_batches_tracked": np.int64(3) for module in norms}}


def test_running_statistics_change_nothing() -> None:
    state = dict(read_torch(SMALL / "stargan_G" / "weights.pth"))
    without = {name: array for name, array in state.items() if "running" not in name}
    assert len(without) < len(state)
    one, other = stargan_generator(5, 6), stargan_generator(5, 6)
    put(state, one, INSTALLED)
    put(without, other, INSTALLED)
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


def test_a_critic_of_another_size_is_reported() -> None:
    state = read_torch(SMALL / "stargan_D" / "weights.pth")
    with pytest.raises(InteropError, match=r"conv2\.weight: its shape \(5, 96, 2, 2\) does not fit logits"):
        put(state, domain_critic((64, 64), 5, 3), INSTALLED)
