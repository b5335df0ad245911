"""What official code computes: inputs, expected values, and the critics that its penalties were taken of."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "fixtures" / "losses"


@dataclass(frozen=True)
class Entry:
    """One call of official code."""

    name: str
    args: dict[str, Any]
    inputs: dict[str, Any]  # arrays, or lists of them; NHWC where they are images or maps
    expected: dict[str, Any]

    @property
    def value(self) -> Any:
        return self.expected["value"]


@cache
def _arrays() -> dict[str, np.ndarray]:
    with np.load(FOLDER / "official.npz") as file:
        return {key: file[key] for key in file.files}


@cache
def _document() -> dict[str, Any]:
    return dict(json.loads((FOLDER / "official.json").read_text(encoding="utf-8")))


def names(prefix: str) -> list[str]:
    """The entries whose names begin so."""
    return [name for name in _document() if name.startswith(prefix)]


def entry(name: str) -> Entry:
    """One entry, with its arrays in our layout."""
    stated = _document()[name]
    inputs = {key: _read(value) for key, value in stated["inputs"].items()}
    expected = {k: _read(v["array"]) if isinstance(v, dict) else v for k, v in stated["expected"].items()}
    return Entry(name, stated["args"], inputs, expected)


def _read(place: Any) -> Any:
    if isinstance(place, list):
        return [_read(each) for each in place]
    array = _arrays()[place]
    return np.moveaxis(array, 1, -1) if array.ndim == 4 else array


def weights(name: str) -> dict[str, np.ndarray]:
    """The state dict of the official critic of that name."""
    return {key.partition("/")[2]: value for key, value in _arrays().items() if key.startswith(f"{name}/")}


def critic(name: str) -> Callable[[Any], Any]:
    """The official critic of that name with its weights, from (N, H, W, 3) to its map of scores."""
    found = weights(name)
    network = {"junyanz_critic": _junyanz, "stargan_critic": _stargan, "funit_critic": _funit}[name]
    return lambda x: network(found, x)


def _conv(weights: dict[str, np.ndarray], name: str, x: Any, stride: int, pad: int, mode: str = "constant") -> Any:
    from keras import ops

    if pad:
        x = ops.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)], mode=mode)
    x = ops.conv(x, weights[f"{name}.weight"].transpose(2, 3, 1, 0), strides=stride, padding="valid")
    return x + weights[f"{name}.bias"] if f"{name}.bias" in weights else x


def _junyanz(weights: dict[str, np.ndarray], x: Any) -> Any:
    """NLayerDiscriminator with one layer and no normalisation."""
    from keras import ops

    x = ops.leaky_relu(_conv(weights, "model.0", x, 2, 1), 0.2)
    x = ops.leaky_relu(_conv(weights, "model.2", x, 1, 1), 0.2)
    return _conv(weights, "model.5", x, 1, 1)


def _stargan(weights: dict[str, np.ndarray], x: Any) -> Any:
    from keras import ops

    for name in ("main.0", "main.2", "main.4"):
        x = ops.leaky_relu(_conv(weights, name, x, 2, 1), 0.01)
    return _conv(weights, "conv1", x, 1, 1)


def _funit(weights: dict[str, np.ndarray], x: Any) -> Any:
    """GPPatchMcResDis with four residual blocks; one that has no shortcut of its own adds to its activation."""
    from keras import ops

    def block(name: str, x: Any) -> Any:
        own = f"{name}.conv_s.conv.weight" in weights
        active = ops.leaky_relu(x, 0.2)
        shortcut = _conv(weights, f"{name}.conv_s.conv", x, 1, 0) if own else active
        x = ops.leaky_relu(_conv(weights, f"{name}.conv_0.conv", active, 1, 1, "reflect"), 0.2)
        return shortcut + _conv(weights, f"{name}.conv_1.conv", x, 1, 1, "reflect")

    x = _conv(weights, "cnn_f.0.conv", x, 1, 3, "reflect")
    x = block("cnn_f.2", block("cnn_f.1", x))
    x = ops.average_pool(ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect"), 3, 2, "valid")
    x = block("cnn_f.6", block("cnn_f.5", x))
    return _conv(weights, "cnn_c.0.conv", ops.leaky_relu(x, 0.2), 1, 0)
