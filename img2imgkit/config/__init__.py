"""Strict options and the YAML they are read from, with the line and column of every key.

YAML is read with the scalars of YAML 1.2: ``no`` is a string, ``1e-4`` a float. Values are then validated by strict
pydantic models, so ``true`` is no number and ``"1"`` neither.
"""

from img2imgkit.config.document import Document, assignments, load_yaml, parse_yaml
from img2imgkit.config.names import KeyPath, dotted, suggestion
from img2imgkit.config.options import Config, Location, without_folders
from img2imgkit.config.validation import located, located_in, validate

__all__ = [
    "Config",
    "Document",
    "KeyPath",
    "Location",
    "assignments",
    "dotted",
    "load_yaml",
    "located",
    "located_in",
    "parse_yaml",
    "suggestion",
    "validate",
    "without_folders",
]
