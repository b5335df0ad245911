"""img2imgkit: a plugin-based toolkit for image-to-image translation.

``__init__.pyi`` states the public names: type checkers read it, and so does this module. A name is imported when it is
first used, so that ``import img2imgkit`` loads neither TensorFlow nor Keras.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

_STUB = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
_HOMES = {each.name: node.module for node in _STUB.body if isinstance(node, ast.ImportFrom) for each in node.names}

__version__ = "0.2.0"
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
