"""Networks that PyTorch pickled whole (``torch.save(model)``): their arrays, without making any of their modules.

A module is pickled as the name of its class and its attributes. Its parameters, its buffers and the modules inside it
are mappings among these, which is all that is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from img2imgkit.formats.archive import Refused
from img2imgkit.formats.pickled_names import MAX_NAME, Placeholder

PARAMETERS, BUFFERS, MODULES = "_parameters", "_buffers", "_modules"
UNSAVED = "_non_persistent_buffers_set"  # buffers that a state dict does not contain
MAX_DEPTH = 64  # of modules inside modules
MAX_ENTRIES = 1 << 15  # modules and arrays of a network


class PickledNetwork(dict[str, Any]):
    """The state dict of a network that was pickled whole.

    Attributes:
        kind: the name of its class, with its module
    """

    def __init__(self, kind: str, state: Mapping[str, Any]) -> None:
        super().__init__(state)
        self.kind = kind


def is_network(attributes: Any) -> bool:
    """Whether these attributes of an instance are those of a module."""
    return type(attributes) is dict and all(name in attributes for name in (PARAMETERS, BUFFERS, MODULES))


def network_state(network: Placeholder) -> PickledNetwork:
    """The arrays of a network by the names that its state dict would have.

    Raises:
        Refused: its modules contain each other, are too many, or their names are not plain.
    """
    return PickledNetwork(network.name, dict(_named(network)))


def _named(network: Placeholder) -> Iterator[tuple[str, Any]]:
    waiting, seen = [("", network, 0)], 0
    while waiting:
        prefix, module, depth = waiting.pop()
        inside = []
        for kind, name, value in _entries(module):
            seen += 1
            if seen > MAX_ENTRIES or depth > MAX_DEPTH:
                raise Refused(f"its {network.name} has too many modules, or they contain each other")
            if kind == MODULES and type(value) is Placeholder and value.attributes is not None:
                inside.append((f"{prefix}{name}.", value, depth + 1))
            else:
                yield f"{prefix}{name}", value
        waiting += reversed(inside)


def _entries(module: Placeholder) -> Iterator[tuple[str, str, Any]]:
    """What a module has: which kind, its name, and the array, or the module, or something else, which is no weight."""
    attributes = module.attributes or {}
    unsaved = attributes.get(UNSAVED)
    left_out = unsaved.members if type(unsaved) is Placeholder else ()
    for kind in (PARAMETERS, BUFFERS, MODULES):
        entries = attributes[kind]
        if not isinstance(entries, dict):
            raise Refused(f"the {kind} of its {module.name} are no mapping")
        for name, value in entries.items():
            if type(name) is not str or len(name) > MAX_NAME:
                raise Refused(f"an entry of its {module.name} has a name that is not plain")
            if value is not None and not (kind == BUFFERS and name in left_out):
                yield kind, name, value if isinstance(value, (np.ndarray, Placeholder)) else Placeholder(_type(value))


def _type(value: Any) -> str:
    return f"builtins.{type(value).__name__}"
