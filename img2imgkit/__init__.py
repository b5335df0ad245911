"""img2imgkit: a plugin-based toolkit for image-to-image translation.

Names are imported when first used, so that ``import img2imgkit`` loads neither TensorFlow nor Keras.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from img2imgkit.adversary import (
        AdversarialLoss,
        AdversarialLossChoice,
        Adversary,
        Augmentation,
        AugmentationChoice,
        Penalty,
        PenaltyChoice,
        PointwiseLoss,
    )
    from img2imgkit.architectures import Architecture, ArchitectureChoice, Assumption, Checkpoint, NetworkSpec
    from img2imgkit.catalog import Catalog
    from img2imgkit.components import Choice, Component, choice, resolve
    from img2imgkit.config import Config, Location
    from img2imgkit.degradations import Degradation, DegradationChoice
    from img2imgkit.errors import InteropError
    from img2imgkit.exchange import (
        Exporter,
        FromFile,
        Importable,
        ImportedNetwork,
        Importer,
        ImportPlan,
        Port,
        Program,
        SavedWeights,
        StateDict,
        by_role,
    )
    from img2imgkit.geometry import Geometry
    from img2imgkit.hooks import hookimpl
    from img2imgkit.image_losses import Loss, LossChoice
    from img2imgkit.images import Metadata, Picture
    from img2imgkit.step import Entry, Item, Listing, Planning, Rendering, Resources, Sink, Source, Step, Transform
    from img2imgkit.task import Networks, Task

_HOME = {
    "AdversarialLoss": "adversary",
    "AdversarialLossChoice": "adversary",
    "Adversary": "adversary",
    "Architecture": "architectures",
    "ArchitectureChoice": "architectures",
    "Assumption": "architectures",
    "Augmentation": "adversary",
    "AugmentationChoice": "adversary",
    "Catalog": "catalog",
    "Checkpoint": "architectures",
    "Choice": "components",
    "Component": "components",
    "Config": "config",
    "Degradation": "degradations",
    "DegradationChoice": "degradations",
    "Entry": "step",
    "Exporter": "exchange",
    "FromFile": "exchange",
    "Geometry": "geometry",
    "ImportPlan": "exchange",
    "Importable": "exchange",
    "ImportedNetwork": "exchange",
    "Importer": "exchange",
    "InteropError": "errors",
    "Item": "step",
    "Listing": "step",
    "Location": "config",
    "Loss": "image_losses",
    "LossChoice": "image_losses",
    "Metadata": "images",
    "NetworkSpec": "architectures",
    "Networks": "task",
    "Penalty": "adversary",
    "PenaltyChoice": "adversary",
    "Picture": "images",
    "Planning": "step",
    "PointwiseLoss": "adversary",
    "Port": "exchange",
    "Program": "exchange",
    "Rendering": "step",
    "Resources": "step",
    "SavedWeights": "exchange",
    "Side": "task",
    "Sink": "step",
    "Source": "step",
    "StateDict": "exchange",
    "Step": "step",
    "Task": "task",
    "Transform": "step",
    "by_role": "exchange",
    "choice": "components",
    "hookimpl": "hooks",
    "resolve": "components",
}

__version__ = "0.1.0"
__all__ = [
    "AdversarialLoss",
    "AdversarialLossChoice",
    "Adversary",
    "Architecture",
    "ArchitectureChoice",
    "Assumption",
    "Augmentation",
    "AugmentationChoice",
    "Catalog",
    "Checkpoint",
    "Choice",
    "Component",
    "Config",
    "Degradation",
    "DegradationChoice",
    "Entry",
    "Exporter",
    "FromFile",
    "Geometry",
    "ImportPlan",
    "Importable",
    "ImportedNetwork",
    "Importer",
    "InteropError",
    "Item",
    "Listing",
    "Location",
    "Loss",
    "LossChoice",
    "Metadata",
    "NetworkSpec",
    "Networks",
    "Penalty",
    "PenaltyChoice",
    "Picture",
    "Planning",
    "PointwiseLoss",
    "Port",
    "Program",
    "Rendering",
    "Resources",
    "SavedWeights",
    "Side",
    "Sink",
    "Source",
    "StateDict",
    "Step",
    "Task",
    "Transform",
    "__version__",
    "by_role",
    "choice",
    "hookimpl",
    "resolve",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'img2imgkit' has no attribute {name!r}")
    return getattr(import_module(f"img2imgkit.{_HOME[name]}"), name)
