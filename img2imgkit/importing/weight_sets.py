"""Sets of weights in a file's content, at any depth and under any name, without what wrappers add to their names."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from img2imgkit.architectures import Assumption
from img2imgkit.errors import InteropError
from img2imgkit.exchange import StateDict
from img2imgkit.formats.pickled_names import Placeholder
from img2imgkit.formats.pickled_networks import PickledNetwork

# Entries of files that contain the weights for inference, in order of preference.
KEYS = ("params_ema", "gen_test", "params", "gen", "state_dict", "model", "dis")
AVERAGED = re.compile(r"(?:^|[._-])(?:ema|averaged?|avg|swa|gen_test)(?:[._-]|$)", re.IGNORECASE)
WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}  # modules that torch puts around others
PARALLEL = "module"  # the same of DataParallel and AveragedModel, but a usual name, too
OPTIMIZER = "param_groups"  # an entry that each optimizer's state has
STEPS = ".num_batches_tracked"  # a counter that belongs to a layer
MARKS = ("pro",)  # entries that mark a kind of network by their presence, whatever their value: Real-CUGAN's
MAX_DEPTH = 8
MAX_LOOKED = 1 << 18  # entries of a file that are looked at
MAX_SETS = 32
MAX_NAME = 200  # characters of a name in a file
SHOWN = 4  # names in an error

Sets = Mapping[str, Mapping[str, Any]]


def sets_in(loaded: Any, key: str | None = None) -> Sets:
    """The sets of weights in a file's content by their path: names of entries and indices of lists, with dots between.

    Args:
        key: the path of one, or of an entry that contains some; or a prefix of the names in a set, before a dot, alone
            or behind the set's path; None: all sets
    """
    found = _all_sets(loaded)
    if key is None:
        return found
    inside = {path: state for path, state in found.items() if path == key or path.startswith(f"{key}.")}
    if inside:
        return inside
    for path, state in found.items():
        word = key.removeprefix(f"{path}.")
        if inner := with_prefix(state, word):
            inside[_joined(path, word)] = inner
    return inside


def usual(paths: Collection[str]) -> str | None:
    """The path of the set that is meant if none is stated; None if several may be, or there is none.

    It is the only one; or of those with a name of a moving average the only one; or the first with a name of ``KEYS``.
    """
    averaged = [path for path in paths if AVERAGED.search(path)]
    left = averaged or list(paths)
    if len(left) == 1:
        return left[0]
    places = {path: KEYS.index(last) for path in left if (last := path.rpartition(".")[2]) in KEYS}
    first = [path for path, place in places.items() if place == min(places.values())]
    return first[0] if len(first) == 1 else None


def state_of(loaded: Any, key: str | None = None) -> dict[str, np.ndarray]:
    """The weights in a file's content, by the names of PyTorch's modules.

    Args:
        key: see ``sets_in``; None: the usual set

    Raises:
        InteropError: the file contains no weights, or several sets of them; or see ``cleaned``.
    """
    sets = sets_in(loaded, key)
    if not sets:
        raise no_set(loaded, key)
    path = usual(sets)
    if path is None:
        raise InteropError(f"several sets of weights, {listed(sets)}; state one of these as the key", "key")
    return cleaned(sets[path])


def state_dict_of(loaded: Any, key: str | None = None, **about: Any) -> StateDict:
    """The usual set of weights in a file's content, or the first one, beside the others that there are.

    Args:
        key: see ``sets_in``
        about: further fields of the result
    Raises:
        InteropError: the file contains no weights; or, of the only set, see ``cleaned``.
    """
    sets = sets_in(loaded, key)
    if not sets:
        raise no_set(loaded, key)
    path = usual(sets)
    path = next(iter(sets)) if path is None else path
    others = {other: state for other, state in sets.items() if other != path}
    if others:
        return StateDict(sets[path], key=path, others=others, **about)
    return StateDict(cleaned(sets[path]), key=path, assumptions=pickled_whole(sets[path]), **about)


def pickled_whole(state: Mapping[str, Any]) -> tuple[Assumption, ...]:
    """What to tell of weights that were read from a network which was pickled whole; nothing of others."""
    if not isinstance(state, PickledNetwork):
        return ()
    text = (
        f"the file contains a whole network, {state.kind}, not its weights alone; "
        "they were read out of it, and none of its code was run"
    )
    return (Assumption("", None, (), text),)


def no_set(loaded: Any, key: str | None) -> InteropError:
    """The error for a file without weights, or without those of this key."""
    wanted = f"no state dict named {key!r}" if key is not None else "no state dict"
    sets = _all_sets(loaded)
    if "" in sets:
        return InteropError(f"{wanted}, and no array's name begins with '{key}.'")
    if key is not None and sets:
        return InteropError(f"{wanted}; the file contains {listed(sets)}; state one of these as the key", "key")
    if not isinstance(loaded, dict):
        return InteropError(f"{wanted}; the file contains a {type(loaded).__name__}")
    entries = [f"{name!r}{_shown(entry)}" for name, entry in loaded.items()]
    return InteropError(f"{wanted}; the file contains {some(entries, 12) or 'nothing'}")


def cleaned(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of a set, without the names of wrappers around the network and without counters.

    Raises:
        InteropError: it contains something other than arrays and plain values, or a name or array is refused.
    """
    if longest := next((name for name in map(str, state) if len(name) > MAX_NAME), None):
        raise InteropError(f"{longest[:MAX_NAME]}...: a name of {len(longest)} characters")
    if stranger := next((name for name, value in state.items() if isinstance(value, Placeholder)), None):
        raise InteropError(f"{stranger}: a {state[stranger].name} among the weights, which is no array")
    arrays = [(unwrapped(str(name)), value) for name, value in state.items() if isinstance(value, np.ndarray)]
    arrays = [(name, array) for name, array in arrays if not _is_counter(name, array)]
    kept = dict(arrays)
    marked = {name: np.ones(1, np.float32) for name in MARKS if name in state}
    if len(kept) < len(arrays):
        raise InteropError(f"two of its arrays have the same name without {', '.join((PARALLEL, *sorted(WRAPPERS)))}")
    if empty := [name for name, array in kept.items() if array.size == 0]:
        raise InteropError(f"{some(empty)}: empty array")
    return {**kept, **marked}


def unwrapped(name: str) -> str:
    """An array's name without those of modules that only wrap others."""
    parts = [part for part in name.split(".") if part not in WRAPPERS]
    while len(parts) > 1 and parts[0] == PARALLEL:
        del parts[0]
    return ".".join(parts)


def with_prefix(state: Any, word: str) -> dict[str, Any]:
    """The arrays whose names begin with a word and a dot, without that prefix; empty if ``state`` is not a dict."""
    names = {name: unwrapped(name) for name in state if _is_name(name)} if isinstance(state, dict) else {}
    inside = {full[len(word) + 1 :]: state[name] for name, full in names.items() if full.startswith(f"{word}.")}
    return PickledNetwork(state.kind, inside) if isinstance(state, PickledNetwork) else inside


def prefixes_in(state: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Prefixes of names that may each be those of a network: what all share, or what divides them, without the dot."""
    shared: list[str] = []
    names = [unwrapped(name).split(".") for name in state if _is_name(name)]
    while names and all(len(parts) > len(shared) + 1 for parts in names):
        word = names[0][len(shared)]
        if any(parts[len(shared)] != word for parts in names):
            break
        shared.append(word)
        yield ".".join(shared)
    yield from dict.fromkeys(".".join(parts[: len(shared) + 1]) for parts in names if len(parts) > len(shared) + 1)


def listed(paths: Any) -> str:
    """Paths for an error."""
    return some([*map(repr, paths)], 12)


def some(names: list[str], most: int = SHOWN) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(name[:MAX_NAME] for name in names[:most]) + more


def _all_sets(loaded: Any) -> dict[str, Mapping[str, Any]]:
    """All sets in breadth. Those whose names have no dots, as those of a single layer, count only if no others exist.

    Each container is looked into once, so that this takes time in proportion to the content.
    """
    found: dict[str, Mapping[str, Any]] = {}
    states: dict[int, bool] = {}
    left, looked, entered = deque([("", loaded, 0)]), 0, set()
    while left and len(found) < MAX_SETS and looked < MAX_LOOKED:
        path, value, depth = left.popleft()
        if states.setdefault(id(value), _is_state(value)):
            found[path] = value
        elif id(value) not in entered and depth < MAX_DEPTH:
            entered.add(id(value))
            inside = [(_joined(path, name), entry, depth + 1) for name, entry in _entries(value)]
            looked += len(inside)
            left.extend(inside)
    dotted = {path: state for path, state in found.items() if any("." in name for name in state if _is_name(name))}
    return dotted or found


def _entries(value: Any) -> Iterator[tuple[Any, Any]]:
    """The containers in a container that may be or contain weights, by name or index."""
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        pairs = value.items() if OPTIMIZER not in value else ()
    elif isinstance(value, (list, tuple)):
        pairs = enumerate(value)
    for name, entry in pairs:
        if isinstance(entry, (dict, list, tuple)) and (isinstance(name, int) or _is_name(name)):
            yield name, entry


def _is_state(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    arrays = [isinstance(name, str) and isinstance(array, np.ndarray) for name, array in value.items()]
    return bool(arrays) and sum(arrays) > len(arrays) / 2  # some contain a version number


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and len(name) <= MAX_NAME


def _is_counter(name: str, array: np.ndarray) -> bool:
    """Whether an array is a single integer, which no weight is, such as ``n_averaged``."""
    return array.ndim == 0 and array.dtype.kind in "iub" and not name.endswith(STEPS)


def _joined(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)


def _shown(entry: Any) -> str:
    """For an error: what an entry is if it is not plain data."""
    return f" (a {entry.name})" if isinstance(entry, Placeholder) else ""
