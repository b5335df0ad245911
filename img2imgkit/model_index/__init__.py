"""Models by name: an index of what package registries carry, and the models that a user has added from it.

index        the entries of the project's own index
adding       fetch a model, import it, and keep it in the user's folder
user_models  the user's folder of models: what is there, whether it is intact, where, and removing it
fetching/    packages of each kind: fetched, compared with their digest, and read
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from img2imgkit.hooks import hookimpl
from img2imgkit.model_entry import ModelEntry, read_index
from img2imgkit.model_index.adding import Added, add_model, refuse_licence
from img2imgkit.model_index.user_models import (
    Kept,
    added_models,
    problems_of,
    remove_model,
    where,
)
from img2imgkit.places import Places

__all__ = [
    "Added",
    "Kept",
    "add_model",
    "added_models",
    "problems_of",
    "refuse_licence",
    "remove_model",
    "where",
]


@hookimpl
def register_model_index(register: Callable[[ModelEntry], None]) -> None:
    """Register the entries of the project's own index."""
    for entry in read_index(Path(__file__).with_name("index.yaml")):
        register(entry)


@hookimpl
def register_bundles(register: Callable[[Path], None]) -> None:
    """Register the bundles in the user's folder of models."""
    for kept in added_models(Places.of_user()).values():
        if kept.is_bundle:
            register(kept.folder)
