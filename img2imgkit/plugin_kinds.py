"""The kinds of things that plugins bring, one row for each: what a thing of that kind derives from, and its hook."""

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
from img2imgkit.exchange import Exporter, Importer
from img2imgkit.image_losses import Loss
from img2imgkit.metrics import PairMetric, SetMetric, SetsMetric
from img2imgkit.step import Sink, Source, Transform
from img2imgkit.task import Task


@dataclass(frozen=True)
class Kind:
    """One kind of thing that plugins bring.

    Attributes:
        singular: what one of them is called in messages
        contracts: the classes one of which each must derive from; none: it is registered by its folder
        refers_to: attributes of each of them that name a thing of another kind, and that kind
    """

    singular: str
    contracts: tuple[type, ...] = ()
    refers_to: Mapping[str, str] = field(default_factory=dict)

    def check(self, thing: Any) -> None:
        """Refuse what no command could list: a wrong type, or an abstract class. Raises TypeError."""
        if not self.contracts:
            if not isinstance(thing, Path):
                raise TypeError(f"a {self.singular} is registered by its folder, a pathlib.Path, not {thing!r}")
            return
        if not isinstance(thing, type) or not issubclass(thing, self.contracts):
            expected = " or ".join(base.__name__ for base in self.contracts)
            raise TypeError(f"a {self.singular} is registered by its class, derived from {expected}, not {thing!r}")
        if missing := sorted(getattr(thing, "__abstractmethods__", ())):
            raise TypeError(f"{thing.__name__} lacks {', '.join(missing)}")


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "tasks": Kind("task", (Task,), refers_to={"data": "data_kinds"}),
        "data_kinds": Kind("data kind", (DataKind,)),
        "architectures": Kind("architecture", (Architecture,)),
        "losses": Kind("loss", (Loss,)),
        "adversarial_losses": Kind("adversarial loss", (AdversarialLoss,)),
        "penalties": Kind("penalty", (Penalty,)),
        "augmentations": Kind("augmentation", (Augmentation,)),
        "degradations": Kind("degradation", (Degradation,)),
        "steps": Kind("step", (Source, Transform, Sink)),
        "importers": Kind("importer", (Importer,)),
        "exporters": Kind("exporter", (Exporter,)),
        "metrics": Kind("metric", (PairMetric, SetsMetric, SetMetric)),
        "bundles": Kind("bundle"),
    }
)
HOOKS: Mapping[str, str] = MappingProxyType({f"register_{kind}": kind for kind in KINDS})
