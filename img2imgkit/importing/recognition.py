"""From a state dict to a network: recognise the architecture and its options, build it, and assign each array."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from img2imgkit import backend
from img2imgkit.architectures import Architecture, Checkpoint, NetworkSpec, State
from img2imgkit.errors import InteropError
from img2imgkit.exchange import ImportedNetwork, StateDict
from img2imgkit.formats.torch_file import read_torch
from img2imgkit.importing.torch_weights import fitted, in_shapes, state_of, summary, with_prefix

if TYPE_CHECKING:
    import keras

MAX_ARRAYS = 4_000  # the largest networks have about a thousand
MAX_WORDS = 8  # prefixes of names to look at for an error message
Architectures = Mapping[str, type[Architecture]]


def load_torch(
    path: Path | str, installed: Architectures, architecture: str = "", key: str | None = None, **arguments: Any
) -> keras.Model:
    """Load the network in a PyTorch checkpoint, recognised by the names and shapes of its arrays.

    Args:
        installed: architectures by name, such as ``Catalog.architectures``
        architecture: the architecture's name; "": recognise it
        key: the entry of the file that contains the network, such as "params_ema"; None: the file itself, or the usual
            entry
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
    loaded = read_torch(path)
    try:
        given = StateDict(state_of(loaded, key), architecture, arguments, source=path.name)
        return network_of(given, installed)
    except InteropError as error:
        raise InteropError(f"{path}: {error}", error.decided_by) from None


def network_of(given: StateDict, installed: Architectures) -> ImportedNetwork:
    """Build the network of a state dict, with its weights.

    Raises:
        InteropError: no installed architecture matches, several do, or the state dict is incomplete.
    """
    if len(given.arrays) > MAX_ARRAYS:
        raise InteropError(f"{len(given.arrays)} arrays are more than any supported network has")
    state = state_of(dict(given.arrays))
    kind, found = _recognised(state, installed, given.architecture)
    chosen, spec = _made(kind, {**found, **given.arguments})
    backend.load()
    broken = in_shapes(lambda: _not_finite(_fit(kind, state, _built(chosen, spec))))  # checks shapes, too
    if broken:
        raise InteropError(f"{broken[0]} of the network {kind.name!r} would contain NaN or infinity")
    model = _built(chosen, spec)
    _assign(_fit(kind, state, model))
    open_options = [each for each in _checkpoint(kind).assumptions(found) if each.option not in given.arguments]
    return ImportedNetwork(chosen, spec, model, (*open_options, *given.assumptions), given.source)


def put(state: State, model: keras.Model, installed: Architectures, architecture: str = "") -> None:
    """Load a PyTorch state dict into one of img2imgkit's networks.

    Args:
        architecture: the architecture's name; "": recognise it

    Raises:
        InteropError: no installed architecture matches, or the state dict does not fit the model, which is then
            unchanged.
    """
    state = state_of(state)
    kind, _ = _recognised(state, installed, architecture)
    _assign(_fit(kind, state, model))


def _recognised(state: State, installed: Architectures, wanted: str) -> tuple[type[Architecture], dict[str, Any]]:
    known = {name: kind for name, kind in installed.items() if kind.checkpoint is not None}
    if wanted and wanted not in known:
        raise InteropError(f"architecture {wanted!r}: checkpoints can be read of {', '.join(known)}")
    failed: list[str] = []
    found = {
        name: arguments
        for name, kind in known.items()
        if wanted in ("", name) and (arguments := _read_off(kind, state, failed)) is not None
    }
    claims = [name for name in found if not any(other in found for other in _checkpoint(known[name]).yields_to)]
    if len(claims) > 1:
        both = " and ".join(_named(known[name]) for name in claims)
        raise InteropError(f"{both} all match: state the architecture; {summary(state)}", "architecture")
    if claims:
        return known[claims[0]], found[claims[0]]
    named = f"not a {wanted} network" if wanted else f"matches no installed architecture ({', '.join(known)})"
    raise InteropError(f"{named}: {summary(state)}{'; '.join(['', *failed])}{_inside(state, known)}")


def _named(kind: type[Architecture]) -> str:
    """The architecture's name, with its module if a plugin provides it."""
    return kind.name if kind.__module__.startswith("img2imgkit.") else f"{kind.name} (from {kind.__module__})"


def _inside(state: State, known: Architectures) -> str:
    """For an error: networks among the arrays with a common prefix, because other toolkits save several together."""
    words = list(dict.fromkeys(name.partition(".")[0] for name in state))[:MAX_WORDS]
    found = {
        word: name
        for word in words
        for name, kind in known.items()
        if (inner := with_prefix(state, word)) and _read_off(kind, inner, []) is not None
    }
    hints = [f"those that begin with '{word}.' form a {name}: state the key {word!r}" for word, name in found.items()]
    return "; ".join(["", *hints])


def _read_off(kind: type[Architecture], state: State, failed: list[str]) -> dict[str, Any] | None:
    """The network's arguments if the architecture matches. An architecture that fails does not affect the others.

    Args:
        failed: collects a sentence for each architecture that fails
    """
    checkpoint = _checkpoint(kind)
    try:
        return checkpoint.recognise(checkpoint.clean(state))
    except Exception as error:  # from a plugin, or caused by contradictory names and shapes of a hostile file
        failed.append(f"{_named(kind)} failed: {type(error).__name__}: {error}")
        return None


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
    checkpoint = _checkpoint(kind)
    clean = checkpoint.clean(state)
    arguments = checkpoint.recognise(clean)
    assert arguments is not None
    return fitted(model, clean, checkpoint.places(arguments))


def _checkpoint(kind: type[Architecture]) -> Checkpoint:
    assert kind.checkpoint is not None
    return kind.checkpoint


def _not_finite(values: list[tuple[Any, np.ndarray]]) -> list[str]:
    with np.errstate(over="ignore"):  # float64 may overflow
        return [variable.path for variable, array in values if not np.isfinite(array.astype("float32")).all()]


def _assign(values: list[tuple[Any, np.ndarray]]) -> None:
    for variable, array in values:
        variable.assign(array)
