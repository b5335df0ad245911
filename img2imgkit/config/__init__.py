"""Strict options and the YAML files they are read from, with the line and column of every key.

Scalars follow YAML 1.2: ``no`` is a string, ``1e-4`` a float. Strict pydantic models then validate the values, so
neither ``true`` nor ``"1"`` is accepted as a number.
"""

from img2imgkit.config.document import Document, assignments, load_yaml, parse_yaml
from img2imgkit.config.names import KeyPath, dotted, suggestion
from img2imgkit.config.options import Config, Location, without_folders
from img2imgkit.config.validation import with_absolute_paths, absolute_paths_in, validate

__all__ = [
    "Config",
    "Document",
    "KeyPath",
    "Location",
    "assignments",
    "dotted",
    "load_yaml",
    "with_absolute_paths",
    "absolute_paths_in",
    "parse_yaml",
    "suggestion",
    "validate",
    "without_folders",
]
