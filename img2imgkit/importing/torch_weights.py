"""PyTorch state dicts: map their arrays to the variables of Keras layers and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from img2imgkit.architectures import Places, State
from img2imgkit.architectures.state_dict import IGNORED
from img2imgkit.errors import InteropError
from img2imgkit.importing.weight_sets import SHOWN, some

if TYPE_CHECKING:
    import keras

Found = TypeVar("Found")
LEAVES = {
    **{"weight": ("kernel", "gamma", "alpha"), "bias": ("bias", "beta")},
    **{"running_mean": ("moving_mean",), "running_var": ("moving_variance",)},
    **{"weight_orig": ("kernel",), "weight_u": ("u",), "weight_v": ("v",), "init_pos": ("init_pos",)},
    **{"relative_position_bias_table": ("table",), "temperature": ("temperature",), "gamma": ("factors",)},
    **{"td": ("tokens",), "scale": ("sharpness",), "logit_scale": ("logit_scale",), "sigma": ("sigma",)},
}


def in_shapes(look: Callable[[], Found]) -> Found:
    """Call ``look`` such that networks that it builds have shapes but no weights, so they take no memory.

    It runs in a thread of its own: Keras would initialise the weights as soon as the same thread built another network.
    """
    import keras

    def looked() -> Found:
        with keras.StatelessScope(initialize_variables=False):
            return look()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(looked).result()


def fitted(model: keras.Model, state: State, places: Places) -> list[tuple[Any, np.ndarray]]:
    """Pair each variable of the model with its value from a state dict, without assigning it.

    Kernels, stored as (out, in, h, w) or (in, out, h, w) for transposed convolutions, are transposed to Keras's order
    by the same permutation of axes.

    Raises:
        InteropError: a name is missing on either side, or a shape differs.
    """
    left = [name for name in state if not name.endswith(IGNORED)]
    taken: list[tuple[Any, np.ndarray]] = []
    layers = dict(_layers(model))
    for module, layer in places:
        for name in [name for name in left if name.rpartition(".")[0] == module and layer in layers]:
            taken.append(_fit(layers[layer], name, state[name]))
            left.remove(name)
    if left:
        raise InteropError(f"{some(left)} do not belong to the network {model.name!r}")
    given = {id(variable) for variable, _ in taken}
    weights = {id(variable): variable for layer in model.layers for variable in layer.weights}
    if missing := [variable.path for key, variable in weights.items() if key not in given]:
        raise InteropError(f"{some(missing)} of the network {model.name!r} are missing in the file")
    return taken


def state_of_model(model: keras.Model, places: Places) -> dict[str, np.ndarray]:
    """A model's variables as a PyTorch state dict: the inverse of ``fitted``.

    Args:
        places: see ``Checkpoint``; layers that the model does not have are skipped
    """
    layers, state = dict(_layers(model)), {}
    for module, name in places:
        layer: Any = layers.get(name)
        kernel = tuple(layer.kernel.shape) if hasattr(layer, "kernel") else ()
        spectral = hasattr(layer, "u")
        for leaf, attributes in LEAVES.items():
            found = [getattr(layer, each) for each in attributes if getattr(layer, each, None) is not None]
            if found and leaf != ("weight" if spectral else "weight_orig"):
                state[f"{module}.{leaf}"] = _turned_back(leaf, np.asarray(found[0]), kernel)
    return state


def _layers(model: keras.Model, inside: str = "") -> Iterator[tuple[str, Any]]:
    """All layers with their names; the layers of a nested network as its name, a slash and their own name."""
    for layer in model.layers:
        yield f"{inside}{layer.name}", layer
        if hasattr(layer, "layers"):
            yield from _layers(layer, f"{inside}{layer.name}/")


def _fit(layer: Any, name: str, array: np.ndarray) -> tuple[Any, np.ndarray]:
    """The layer's variable of that name, and the array in its axis order."""
    leaf = name.rpartition(".")[2]
    if array.dtype.kind != "f":
        raise InteropError(f"{name}: has type {array.dtype}, but weights are floating-point numbers")
    variable = next((found for each in LEAVES.get(leaf, ()) if (found := getattr(layer, each, None)) is not None), None)
    if variable is None:
        raise InteropError(f"{name} does not belong to the layer {layer.name!r}")
    turned = _turned(leaf, array, tuple(layer.kernel.shape) if leaf == "weight_v" else ())
    if turned.ndim == 1 and len(variable.shape) == 3:  # a PReLU's slope for each channel
        turned = turned[None, None]
    if tuple(turned.shape) != tuple(variable.shape):
        raise InteropError(
            f"{name}: its shape {array.shape} does not fit {variable.path} of shape {tuple(variable.shape)}"
        )
    return variable, turned


def _turned(leaf: str, array: np.ndarray, kernel: tuple[int, ...]) -> np.ndarray:
    if leaf in ("weight", "weight_orig") and array.ndim > 1:
        return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
    if leaf == "weight_u":
        return array[None]
    if leaf == "weight_v":  # in the order (in, h, w); Keras's is (h, w, in)
        height, width, channels, _ = kernel
        return array.reshape(channels, height, width).transpose(1, 2, 0).reshape(1, -1)
    return array


def _turned_back(leaf: str, array: np.ndarray, kernel: tuple[int, ...]) -> np.ndarray:
    """The inverse of ``_turned``."""
    if leaf in ("weight", "weight_orig") and array.ndim > 1:
        return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T if array.ndim == 2 else array.ravel()
    if leaf == "weight_u":
        return array[0]
    if leaf == "weight_v":
        return array.reshape(kernel[:3]).transpose(2, 0, 1).ravel()
    return array


def summary(state: State) -> str:
    """A short summary of a state dict for errors."""
    first = ", ".join(f"{name} {array.shape}" for name, array in list(state.items())[:SHOWN])
    return f"it contains {len(state)} arrays: {first}{', ...' if len(state) > SHOWN else ''}"
