"""The architecture keeps its contract, and official state dicts become networks."""

import numpy as np
import pytest
from img2img_espcn import Espcn, recognise

import img2imgkit as kit
from img2imgkit.testing import check_architecture


def state(width: int = 8, scale: int = 3) -> dict[str, np.ndarray]:
    """A state dict as PyTorch saves it: kernels (out, in, h, w)."""
    shapes = {"conv1": (width, 1, 5, 5), "conv2": (width, width, 3, 3), "conv3": (width // 2, width, 3, 3)}
    shapes["conv4"] = (scale**2, width // 2, 3, 3)
    weights = {f"{name}.weight": np.zeros(shape, np.float32) for name, shape in shapes.items()}
    return {**weights, **{f"{name}.bias": np.zeros(shape[0], np.float32) for name, shape in shapes.items()}}


@pytest.mark.parametrize("channels", [1, 3])
def test_the_contract(channels: int) -> None:
    check_architecture(Espcn(width=4), kit.NetworkSpec(scale=2, channels=channels))


def test_official_state_dicts_are_recognised() -> None:
    assert recognise(state()) == {"width": 8, "scale": 3, "channels": 1}


def test_other_state_dicts_are_not() -> None:
    more = {**state(), "conv5.weight": np.zeros((1, 1, 3, 3))}
    odd = {**state(), "conv4.weight": np.zeros((7, 4, 3, 3)), "conv4.bias": np.zeros(7)}
    assert [recognise(each) for each in ({}, more, odd)] == [None, None, None]
