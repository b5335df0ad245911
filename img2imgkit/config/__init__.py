"""Strict options and the YAML files they are read from, with the line and column of every key.

Scalars follow YAML 1.2: ``no`` is a string, ``1e-4`` a float. Strict pydantic models then validate the values, so
neither ``true`` nor ``"1"`` is accepted as a number.
"""

from img2imgkit.config.document import Document, assignments, load_yaml, parse_yaml
from img2imgkit.config.names import KeyPath, dotted, suggestion
from img2imgkit.config.options import Config, Location, without_folders
from img2imgkit.config.validation import absolute_paths_in, validate, with_absolute_paths

__all__ = [
    "Config",
    "Document",
    "KeyPath",
    "Location",
    "absolute_paths_in",
    "assignments",
    "dotted",
    "load_yaml",
    "parse_yaml",
    "suggestion",
    "validate",
    "with_absolute_paths",
    "without_folders",
]
