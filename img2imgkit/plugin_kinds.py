"""The kinds of things that plugins provide, one row each: its contract and its hook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from img2imgkit.adversary import AdversarialLoss, Augmentation, Penalty
from img2imgkit.architectures import Architecture
from img2imgkit.data_kind import DataKind
from img2imgkit.degradations import Degradation
from img2imgkit.engine import Engine
from img2imgkit.exchange import Exporter, Importer
from img2imgkit.image_losses import Loss
from img2imgkit.metrics import PairMetric, SetMetric, SetsMetric
from img2imgkit.model_entry import ModelEntry
from img2imgkit.step import Sink, Source, Transform
from img2imgkit.task import Task


@dataclass(frozen=True)
class Kind:
    """One kind of thing that plugins provide.

    Attributes:
        singular: the noun used in messages
        contracts: each registered class must derive from one of these; empty: folders are registered instead of classes
        instances: whether instances of the contracts are registered, not classes
        refers_to: attributes that name a thing of another kind, mapped to that kind
        needs_keras: whether its classes compute with Keras; the others work where Keras cannot be imported, unless one
            of them loads a model. Nothing needs Keras to be registered and described
        training_only: whether only training uses it, so that bundles can be loaded without it
    """

    singular: str
    contracts: tuple[type, ...] = ()
    instances: bool = False
    refers_to: Mapping[str, str] = field(default_factory=dict)
    needs_keras: bool = False
    training_only: bool = False

    def check(self, thing: Any) -> None:
        """Raise TypeError for a wrong type or an abstract class."""
        if not self.contracts:
            if not isinstance(thing, Path):
                raise TypeError(f"a {self.singular} must be registered as its folder, a pathlib.Path; got {thing!r}")
            return
        if self.instances:
            if not isinstance(thing, self.contracts):
                raise TypeError(
                    f"a {self.singular} must be registered as a {self.contracts[0].__name__}; got {thing!r}"
                )
            return
        if not isinstance(thing, type) or not issubclass(thing, self.contracts):
            expected = " or ".join(base.__name__ for base in self.contracts)
            raise TypeError(f"a {self.singular} must be registered as a class derived from {expected}; got {thing!r}")
        if missing := sorted(getattr(thing, "__abstractmethods__", ())):
            raise TypeError(f"{thing.__name__} does not implement {', '.join(missing)}")


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "tasks": Kind("task", (Task,), needs_keras=True, refers_to={"data": "data_kinds"}),
        "data_kinds": Kind("data kind", (DataKind,)),
        "architectures": Kind("architecture", (Architecture,), needs_keras=True),
        "losses": Kind("loss", (Loss,), needs_keras=True, training_only=True),
        "adversarial_losses": Kind("adversarial loss", (AdversarialLoss,), needs_keras=True, training_only=True),
        "penalties": Kind("penalty", (Penalty,), needs_keras=True, training_only=True),
        "augmentations": Kind("augmentation", (Augmentation,), needs_keras=True, training_only=True),
        "degradations": Kind("degradation", (Degradation,), training_only=True),
        "steps": Kind("step", (Source, Transform, Sink)),
        "importers": Kind("importer", (Importer,)),
        "exporters": Kind("exporter", (Exporter,), needs_keras=True),
        "engines": Kind("engine", (Engine,)),
        "metrics": Kind("metric", (PairMetric, SetsMetric, SetMetric)),
        "bundles": Kind("bundle"),
        "model_index": Kind("model of an index", (ModelEntry,), instances=True),
    }
)
HOOKS: Mapping[str, str] = MappingProxyType({f"register_{kind}": kind for kind in KINDS})
