"""MoSR: what its official code states, computed with NumPy, by each upsampler."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from checkpoints import INSTALLED, recognised

from img2imgkit import backend

backend.load()

from img2imgkit.exchange import StateDict  # noqa: E402
from img2imgkit.importing import network_of  # noqa: E402

RNG = np.random.default_rng(0)
WIDTH, HIDDEN, CONVOLVED, SIZE, BLOCKS, SCALE = 4, 6, 5, 5, 2, 2
State = Mapping[str, np.ndarray]


def checkpoint(last: str, written: int) -> State:
    """Arrays with the official names and shapes; a convolution for each module."""
    shapes = {"gblocks.0": (WIDTH, 3, 3, 3)}
    for number in range(1, BLOCKS + 1):
        block = f"gblocks.{number}"
        shapes |= {f"{block}.norm": (WIDTH,), f"{block}.fc1": (2 * HIDDEN, WIDTH, 3, 3)}
        shapes |= {f"{block}.conv": (CONVOLVED, 1, SIZE, SIZE), f"{block}.fc2": (WIDTH, HIDDEN, 3, 3)}
    after = ((2 * WIDTH, WIDTH, 3, 3), (WIDTH, 2 * WIDTH, 3, 3), (WIDTH, WIDTH, 1, 1))
    shapes |= {f"gblocks.{BLOCKS + 1 + 2 * number}": shape for number, shape in enumerate(after)}
    shapes |= {"shortcut.block.0": (WIDTH, 3, 3, 3), "shortcut.block.2": (WIDTH, WIDTH, 3, 3)}
    shapes |= {"shortcut.conv11": (WIDTH, 3, 1, 1), last: (written, WIDTH, 3, 3)}
    state = {}
    for name, shape in shapes.items():
        state[f"{name}.weight"] = RNG.normal(0, 0.3, shape).astype(np.float32)
        state[f"{name}.bias"] = RNG.normal(0, 0.1, shape[0]).astype(np.float32)
    return state


def convolved(x: np.ndarray, state: State, name: str) -> np.ndarray:
    """Shapes: (C, H, W) -> (out, H, W)"""
    kernel, size = state[f"{name}.weight"], state[f"{name}.weight"].shape[-1]
    wide = np.pad(x, ((0, 0), (size // 2, size // 2), (size // 2, size // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, (size, size), axis=(1, 2))
    depthwise = kernel.shape[1] == 1
    made = np.einsum(
        "chwyx,cyx->chw" if depthwise else "chwyx,ocyx->ohw", windows, kernel[:, 0] if depthwise else kernel
    )
    return np.asarray(made + state[f"{name}.bias"][:, None, None])


def mish(x: np.ndarray) -> np.ndarray:
    return np.asarray(x * np.tanh(np.log1p(np.exp(x))))


def features(x: np.ndarray, state: State) -> np.ndarray:
    """Everything before the upsampler. Shapes: (3, H, W) -> (WIDTH, H, W)"""
    y = convolved(x, state, "gblocks.0")
    for number in range(1, BLOCKS + 1):
        block = f"gblocks.{number}"
        normal = (y - y.mean(0)) / np.sqrt(y.var(0) + 1e-6)
        normal = state[f"{block}.norm.weight"][:, None, None] * normal + state[f"{block}.norm.bias"][:, None, None]
        gate, plain, seen = np.split(convolved(normal, state, f"{block}.fc1"), (HIDDEN, 2 * HIDDEN - CONVOLVED), axis=0)
        inside = np.concatenate([plain, convolved(seen, state, f"{block}.conv")])
        y = mish(convolved(mish(gate) * inside, state, f"{block}.fc2")) + (y - 0.5)
    for number in (1, 3):
        y = mish(convolved(y, state, f"gblocks.{BLOCKS + number}"))
    y = convolved(y, state, f"gblocks.{BLOCKS + 5}")
    short = mish(convolved(mish(convolved(x, state, "shortcut.block.0")), state, "shortcut.block.2"))
    return y + (short + convolved(x, state, "shortcut.conv11") - 0.5)


def shuffled(x: np.ndarray) -> np.ndarray:
    """Shapes: (3 * SCALE^2, H, W) -> (SCALE * H, SCALE * W, 3)"""
    height, width = x.shape[1:]
    split = x.reshape(3, SCALE, SCALE, height, width).transpose(3, 1, 4, 2, 0)
    return split.reshape(SCALE * height, SCALE * width, 3)


def output(x: np.ndarray, state: State) -> np.ndarray:
    given = StateDict(dict(state))
    return np.asarray(network_of(given, INSTALLED).model(x[None]))[0]


@pytest.mark.parametrize(("last", "times"), [("upsampler.0", 1), ("upsampler.in_to_k", 8)])
def test_a_pixel_shuffle_of_one_convolution_or_of_the_mean_of_eight(last: str, times: int) -> None:
    state = checkpoint(last, times * 3 * SCALE**2)
    [options] = [found["mosr"] for found in [recognised(state)] if list(found) == ["mosr"]]
    stated = {"width": WIDTH, "hidden": HIDDEN, "convolved": CONVOLVED, "kernel_size": SIZE, "blocks": BLOCKS}
    assert options == {**stated, "scale": SCALE, "channels": 3, "out_channels": 3, "upsampler": "pixelshuffle"}
    x = RNG.uniform(0, 1, (6, 7, 3)).astype(np.float32)
    made = convolved(features(x.transpose(2, 0, 1), state), state, last)
    wanted = shuffled(made.reshape(times, -1, *made.shape[1:]).mean(axis=0))
    np.testing.assert_allclose(output(x, state), wanted, atol=1e-5 * np.abs(wanted).max())


def test_samples_at_computed_positions() -> None:
    """Samples that are all at the pixels themselves repeat them."""
    state = {key: array for key, array in checkpoint("upsampler.0", 1).items() if not key.startswith("upsampler")}
    count = 2 * 4 * SCALE**2
    state |= {
        "upsampler.offset.weight": np.zeros((count, WIDTH, 1, 1), np.float32),
        "upsampler.offset.bias": np.zeros(count, np.float32),
        "upsampler.scope.weight": np.zeros((count, WIDTH, 1, 1), np.float32),
        "upsampler.init_pos": np.zeros((1, count, 1, 1), np.float32),
        "upsampler.end_conv.weight": RNG.normal(0, 1, (3, WIDTH, 1, 1)).astype(np.float32),
        "upsampler.end_conv.bias": np.zeros(3, np.float32),
    }
    [options] = recognised(state).values()
    assert (options["scale"], options["upsampler"]) == (SCALE, "dysample")
    x = RNG.uniform(0, 1, (6, 7, 3)).astype(np.float32)
    wanted = convolved(features(x.transpose(2, 0, 1), state), state, "upsampler.end_conv").transpose(1, 2, 0)
    wanted = wanted.repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    np.testing.assert_allclose(output(x, state), wanted, atol=1e-5 * np.abs(wanted).max())
