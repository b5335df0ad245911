"""Which engine runs what."""

from __future__ import annotations

from collections.abc import Callable

from img2imgkit import backend
from img2imgkit.bundle import Bundle
from img2imgkit.inference.engine import Engine
from img2imgkit.inference.exported import ExportedModel
from img2imgkit.inference.network import Network
from img2imgkit.inference.settings import Settings


def engine_of(
    model: Bundle | ExportedModel, settings: Settings, device: str
) -> tuple[Engine, Callable[[], Engine] | None]:
    """What runs a model's tiles, and what makes the same in float32 where it computes in less.

    Raises:
        ConfigError: there is no such device, or an exported model cannot be run so.
        BundleError: an exported model is refused, or cannot be opened.
    """
    if isinstance(model, ExportedModel):
        return model.engine(settings, device), None
    names, single = backend.devices(device), settings.batch == 1
    engine = Network(model.task, model.nets, settings.precision, names, single)
    if settings.precision == "float32":
        return engine, None
    return engine, lambda: Network(model.task, model.nets, "float32", names[:1], single)
