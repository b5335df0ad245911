"""From a state dict to a network: recognise the architecture and its options, build it, and assign each array."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from img2imgkit import backend
from img2imgkit.architectures import Architecture, NetworkSpec, State
from img2imgkit.errors import InteropError
from img2imgkit.exchange import ImportedNetwork, StateDict
from img2imgkit.formats.weights_file import read_weights
from img2imgkit.importing.matching import Architectures, checkpoint_of, fitting, recognised
from img2imgkit.importing.torch_weights import fitted, in_shapes
from img2imgkit.importing.weight_sets import state_dict_of, state_of

if TYPE_CHECKING:
    import keras


def load_torch(
    path: Path | str, installed: Architectures, architecture: str = "", key: str | None = None, **arguments: Any
) -> keras.Model:
    """Load the network in a file of PyTorch weights, recognised by the names and shapes of its arrays.

    The file's content decides whether it is read as a PyTorch checkpoint, safetensors or ``.npz``.

    Args:
        installed: architectures by name, such as ``Catalog.architectures``
        architecture: the architecture's name; "": recognise it
        key: the entry of the file that contains the network, such as "params_ema" or "model.state_dict"; None: the file
            itself, the usual entry, or the only one that contains a known network
        arguments: arguments of the network that override those read from the file, or that no file records, such as
            ``dropout``

    Raises:
        InteropError: the file cannot be read, or contains no network of an installed architecture.
    """
    return read_network(path, installed, architecture, key, **arguments).model


def read_network(
    path: Path | str, installed: Architectures, architecture: str = "", key: str | None = None, **arguments: Any
) -> ImportedNetwork:
    """Like ``load_torch``, but with the network's arguments, and the assumptions about what the file does not state."""
    path = Path(path)
    loaded = read_weights(path)
    try:
        about = {"architecture": architecture, "arguments": arguments, "source": path.name}
        return network_of(state_dict_of(loaded, key, **about), installed)
    except InteropError as error:
        raise InteropError(f"{path}: {error}", error.decided_by) from None


def network_of(given: StateDict, installed: Architectures) -> ImportedNetwork:
    """Build the network of a state dict, with its weights.

    Raises:
        InteropError: no installed architecture matches, several do, or the state dict is incomplete.
    """
    given = fitting(given, installed)
    state = given.arrays
    kind, found = recognised(state, installed, given.architecture)
    chosen, spec = _made(kind, {**found, **given.arguments})
    backend.load()
    broken = in_shapes(lambda: _not_finite(_fit(kind, state, _built(chosen, spec))))  # checks shapes, too
    if broken:
        raise InteropError(f"{broken[0]} of the network {kind.name!r} would contain NaN or infinity")
    model = _built(chosen, spec)
    _assign(_fit(kind, state, model))
    open_options = [each for each in checkpoint_of(kind).assumptions(found) if each.option not in given.arguments]
    assumptions = (*open_options, *given.assumptions)
    return ImportedNetwork(chosen, spec, model, assumptions, given.source, given.key, tuple(given.others))


def put(state: State, model: keras.Model, installed: Architectures, architecture: str = "") -> None:
    """Load a PyTorch state dict into one of img2imgkit's networks.

    Args:
        architecture: the architecture's name; "": recognise it

    Raises:
        InteropError: no installed architecture matches, or the state dict does not fit the model, which is then
            unchanged.
    """
    state = state_of(state)
    kind, _ = recognised(state, installed, architecture)
    _assign(_fit(kind, state, model))


def _made(kind: type[Architecture], arguments: Mapping[str, Any]) -> tuple[Architecture, NetworkSpec]:
    try:
        chosen, spec = kind.from_arguments(arguments)
    except (ValidationError, TypeError) as error:
        reason = str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else str(error)
        raise InteropError(f"{kind.name} cannot be built with {_shown(arguments)}: {reason}") from None
    if problem := chosen.problem(spec):
        raise InteropError(f"{kind.name} cannot be built with {_shown(arguments)}: {problem}")
    return chosen, spec


def _built(chosen: Architecture, spec: NetworkSpec) -> keras.Model:
    try:
        return chosen.build(spec)
    except Exception as error:  # arguments from a file can be wrong in any way
        stated = _shown(chosen.arguments(spec))
        raise InteropError(f"{chosen.name} cannot be built with {stated}: {error}") from error


def _shown(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


def _fit(kind: type[Architecture], state: State, model: keras.Model) -> list[tuple[Any, np.ndarray]]:
    checkpoint = checkpoint_of(kind)
    clean = checkpoint.clean(state)
    arguments = checkpoint.recognise(clean)
    assert arguments is not None
    return fitted(model, clean, checkpoint.places(arguments))


def _not_finite(values: list[tuple[Any, np.ndarray]]) -> list[str]:
    with np.errstate(over="ignore"):  # float64 may overflow
        return [variable.path for variable, array in values if not np.isfinite(array.astype("float32")).all()]


def _assign(values: list[tuple[Any, np.ndarray]]) -> None:
    for variable, array in values:
        variable.assign(array)
