"""Which installed architecture a state dict belongs to, and which of a file's sets of weights belongs to any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from img2imgkit.architectures import Architecture, Checkpoint, State
from img2imgkit.errors import InteropError
from img2imgkit.exchange import StateDict
from img2imgkit.importing.known_networks import name_of
from img2imgkit.importing.torch_weights import summary
from img2imgkit.importing.weight_sets import cleaned, listed, pickled_whole, prefixes_in, usual, with_prefix

if TYPE_CHECKING:
    import numpy as np

MAX_ARRAYS = 4_000  # of a network; the largest have about a thousand
MAX_WORDS = 8  # prefixes of names that are looked at
ONNX = (
    "in a pipeline it runs as ONNX: export it with PyTorch's torch.onnx.export, and describe the file in a translate "
    "step, such as {bundle: model.onnx, describe: {scale: 4, values: unit}}"
)
Architectures = Mapping[str, type[Architecture]]


def fitting(given: StateDict, installed: Architectures) -> StateDict:
    """The set of weights in a file, or a network among those of one set, that an architecture recognises.

    The usual set wins; then the only one that fits, or of several the only one that makes pictures. If none does, the
    result is the usual set, with which ``recognised`` fails.

    Raises:
        InteropError: several fit, or something among the weights is no array.
    """
    known = _known(installed, given.architecture)
    sets = {given.key: given.arrays, **given.others}
    path = usual(sets)
    if path is not None and _kinds(sets[path], known):
        return _only(given, path, sets)
    fits = _narrowed({path: kinds for path, state in sets.items() if (kinds := _kinds(state, known))})
    if len(fits) == 1:
        return _only(given, next(iter(fits)), sets)
    if fits:
        each = ", ".join(f"{path!r} ({', '.join(kind.name for kind in kinds)})" for path, kinds in fits.items())
        raise InteropError(f"several networks, {each}; state one of these as the key", "key")
    inside = {
        f"{path}.{word}" if path else word: state
        for path, whole in islice(sets.items(), MAX_WORDS)
        for word, state in _inside(whole)
    }
    within = _narrowed({key: kinds for key, state in inside.items() if (kinds := _kinds(state, known))})
    if len(within) > 1:
        each = "; ".join(
            f"those that begin with '{key}.' form a {kinds[0].name}: state the key {key!r}"
            for key, kinds in within.items()
        )
        raise InteropError(f"its names are of several networks: {each}", "key")
    if within:
        key = next(iter(within))
        return _only(given, key, {key: inside[key]})
    taken = _only(given, given.key if path is None else path, sets)
    if len(sets) == 1:
        return taken
    try:
        recognised(taken.arrays, installed, given.architecture)
    except InteropError as error:
        reason = f"none of its sets of weights, {listed(sets)}, is of a known network; {taken.key!r}: {error}"
        raise InteropError(reason, error.decided_by) from None
    return taken


def recognised(state: State, installed: Architectures, wanted: str = "") -> tuple[type[Architecture], dict[str, Any]]:
    """The architecture of a state dict, and its network's arguments.

    Args:
        wanted: the architecture's name; "": recognise it

    Raises:
        InteropError: none matches, or several do.
    """
    known, failed = _known(installed, wanted), list[str]()
    found = _matches(state, known, failed)
    if len(found) > 1:
        both = " and ".join(_named(known[name]) for name in found)
        raise InteropError(f"{both} all match: state the architecture; {summary(state)}", "architecture")
    for name, arguments in found.items():
        return known[name], arguments
    if wanted:
        raise InteropError("; ".join([f"not a {wanted} network: {summary(state)}", *failed]))
    looks = name_of(state)
    reason = (
        f"it looks like {looks}, but with these arrays matches no installed architecture"
        if looks
        else f"matches no installed architecture ({', '.join(known)})"
    )
    raise InteropError("; ".join([f"{reason}: {summary(state)}", ONNX, *failed]))


def checkpoint_of(kind: type[Architecture]) -> Checkpoint:
    """The layout of an architecture's checkpoints, which it has."""
    assert kind.checkpoint is not None
    return kind.checkpoint


def _known(installed: Architectures, wanted: str) -> Architectures:
    """The architectures whose checkpoints can be read; only the stated one, if one is."""
    known = {name: kind for name, kind in installed.items() if kind.checkpoint is not None}
    if wanted and wanted not in known:
        raise InteropError(f"architecture {wanted!r}: checkpoints can be read of {', '.join(known)}")
    return {wanted: known[wanted]} if wanted else known


def _matches(state: State, known: Architectures, failed: list[str]) -> dict[str, dict[str, Any]]:
    """The arguments that each matching architecture reads off, without those that yield to others.

    Args:
        failed: collects a sentence for each architecture that fails
    """
    every = {name: _read_off(kind, state, failed) for name, kind in known.items()}
    found = {name: arguments for name, arguments in every.items() if arguments is not None}
    yielding = {name for name in found if any(other in found for other in checkpoint_of(known[name]).yields_to)}
    return {name: arguments for name, arguments in found.items() if name not in yielding}


def _read_off(kind: type[Architecture], state: State, failed: list[str]) -> dict[str, Any] | None:
    """The network's arguments if the architecture matches. An architecture that fails does not affect the others."""
    checkpoint = checkpoint_of(kind)
    try:
        return checkpoint.recognise(checkpoint.clean(state))
    except Exception as error:  # from a plugin, or caused by contradictory names and shapes of a hostile file
        failed.append(f"{_named(kind)} failed: {type(error).__name__}: {error}")
        return None


def _kinds(state: Mapping[str, Any], known: Architectures) -> list[type[Architecture]]:
    """The architectures that match a set of weights; none if it cannot be one of a network."""
    try:
        return [known[name] for name in _matches(_arrays(state), known, [])]
    except InteropError:
        return []


def _narrowed(fits: Mapping[str, list[type[Architecture]]]) -> Mapping[str, list[type[Architecture]]]:
    """Those that make pictures, if any do, and of these the usual one, if there is one."""
    pictures = {path: kinds for path, kinds in fits.items() if any(kind.makes_pictures for kind in kinds)}
    fits = pictures or fits
    path = usual(fits)
    return fits if path is None else {path: fits[path]}


def _inside(state: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What may be networks within a set of weights: other toolkits save several together."""
    return [(word, with_prefix(state, word)) for word in islice(prefixes_in(state), MAX_WORDS)]


def _only(given: StateDict, key: str, sets: Mapping[str, Mapping[str, Any]]) -> StateDict:
    """The state dict of this key alone."""
    others = {path: state for path, state in sets.items() if path != key}
    told = (*given.assumptions, *pickled_whole(sets[key]))
    return replace(given, arrays=_arrays(sets[key]), key=key, others=others, assumptions=told)


def _arrays(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if len(state) > MAX_ARRAYS:
        raise InteropError(f"{len(state)} arrays are more than any supported network has")
    return cleaned(state)


def _named(kind: type[Architecture]) -> str:
    """The architecture's name, with its module if a plugin provides it."""
    return kind.name if kind.__module__.startswith("img2imgkit.") else f"{kind.name} (from {kind.__module__})"
