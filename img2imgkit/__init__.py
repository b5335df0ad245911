"""img2imgkit: a plugin-based toolkit for image-to-image translation.

Names are imported when first used, so that ``import img2imgkit`` loads neither TensorFlow nor Keras.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog
    from img2imgkit.config import Config, Location
    from img2imgkit.errors import InteropError
    from img2imgkit.exchange import Adoption, Exporter, Foreign, Importer, Port, Program, Taken
    from img2imgkit.hookspecs import hookimpl
    from img2imgkit.images import Metadata, Picture
    from img2imgkit.item import Entry, Item
    from img2imgkit.step import Planning, Rendering, Resources, Sink, Source, Step, Transform
    from img2imgkit.task import Geometry, Networks, Task

_HOME = {
    "Adoption": "exchange",
    "Catalog": "catalog",
    "Config": "config",
    "Entry": "item",
    "Exporter": "exchange",
    "Foreign": "exchange",
    "Geometry": "task",
    "Importer": "exchange",
    "InteropError": "errors",
    "Item": "item",
    "Location": "config",
    "Metadata": "images",
    "Networks": "task",
    "Picture": "images",
    "Planning": "step",
    "Port": "exchange",
    "Program": "exchange",
    "Rendering": "step",
    "Resources": "step",
    "Side": "task",
    "Sink": "step",
    "Source": "step",
    "Step": "step",
    "Taken": "exchange",
    "Task": "task",
    "Transform": "step",
    "hookimpl": "hookspecs",
}

__version__ = "0.1.0"
__all__ = [
    "Adoption",
    "Catalog",
    "Config",
    "Entry",
    "Exporter",
    "Foreign",
    "Geometry",
    "Importer",
    "InteropError",
    "Item",
    "Location",
    "Metadata",
    "Networks",
    "Picture",
    "Planning",
    "Port",
    "Program",
    "Rendering",
    "Resources",
    "Side",
    "Sink",
    "Source",
    "Step",
    "Taken",
    "Task",
    "Transform",
    "__version__",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'img2imgkit' has no attribute {name!r}")
    return getattr(import_module(f"img2imgkit.{_HOME[name]}"), name)
