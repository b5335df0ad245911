"""Checkpoints in tests: which architectures recognise one, and networks built as one says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from img2imgkit.architectures import Architecture, Checkpoint
from img2imgkit.catalog import Catalog
from img2imgkit.exchange import ImportedNetwork

INSTALLED: Mapping[str, type[Architecture]] = Catalog.installed({"IMG2IMG_PLUGINS": ""}).architectures


def checkpoint_of(architecture: str) -> Checkpoint:
    """How checkpoints of it look."""
    found = INSTALLED[architecture].checkpoint
    assert found is not None
    return found


def recognised(state: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Every architecture that recognises a state dict, with the arguments that it reads off."""
    known = {name: kind.checkpoint for name, kind in INSTALLED.items() if kind.checkpoint is not None}
    found = {name: each.recognise(each.clean(state)) for name, each in known.items()}
    return {name: arguments for name, arguments in found.items() if arguments is not None}


def built(architecture: str, **arguments: Any) -> Any:
    """A network with fresh weights."""
    chosen, spec = INSTALLED[architecture].from_arguments(arguments)
    return chosen.build(spec)


def randomised(architecture: str, **arguments: Any) -> Any:
    """A network with random numbers in every variable."""
    model, random = built(architecture, **arguments), np.random.default_rng(0)
    for variable in model.weights:
        if "seed_generator" not in variable.path:
            variable.assign(random.normal(size=variable.shape))
    return model


def imported(architecture: str, model: Any = None, **arguments: Any) -> ImportedNetwork:
    """A network as an import finds it, without a file."""
    return ImportedNetwork(*INSTALLED[architecture].from_arguments(arguments), model)
