"""YAML as plain data, with the scalars of YAML 1.2's core schema and the position of each node."""

from __future__ import annotations

import re
from typing import Any

import yaml

from img2imgkit.config.names import KeyPath

Marks = dict[KeyPath, tuple[int, int]]
MAX_BYTES = 1 << 20  # of a file, refused before it is parsed; the largest real ones have a few KB
MAX_NODES = 100_000  # aliases can expand a short file without limit
MAX_DIGITS = 400  # enough for any number; Python refuses to parse very long ones

_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    "bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), "tTfF"),
    "null": (re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    "int": (re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"), "-+0123456789"),
    "float": (
        re.compile(
            r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        ),
        "-+.0123456789",
    ),
}


class _Loader(yaml.SafeLoader):
    """Safe YAML with the scalar rules of YAML 1.2's core schema, and a limit on the number of nodes."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._nodes += 1
        _prove_count(self._nodes)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}
for _kind, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(f"^(?:{_pattern.pattern})$"), list(_first))


def plain(text: str) -> tuple[Any, Marks]:
    """Parse YAML text into plain data, with the line and column of every node by its path.

    Raises:
        yaml.YAMLError: invalid YAML, a repeated key, an unsupported tag, or too many entries.
        RecursionError: nested too deeply.
    """
    marks: Marks = {}
    return _plain(yaml.compose(text, Loader=_Loader), (), marks), marks


def _plain(node: yaml.Node | None, key: KeyPath, marks: Marks) -> Any:
    if node is None:
        return None
    _prove_count(len(marks))
    marks.setdefault(key, _place(node))
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
        return [_plain(child, (*key, number), marks) for number, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
        return _mapping(node, key, marks)
    return _scalar(node)


def _mapping(node: yaml.MappingNode, key: KeyPath, marks: Marks) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name_node, child in node.value:
        if not isinstance(name_node, yaml.ScalarNode):
            raise _error("a key must be plain text", name_node)
        name = str(name_node.value)
        if name in found:
            raise _error(f"duplicate key {name!r}", name_node)
        marks[(*key, name)] = _place(name_node)
        found[name] = _plain(child, (*key, name), marks)
    return found


def _scalar(node: yaml.Node) -> Any:
    kind, text = node.tag.removeprefix(_TAG), node.value
    if node.tag == f"{_TAG}str":
        return text
    if not isinstance(node, yaml.ScalarNode) or kind not in _SCALARS:
        raise _error(f"the tag {node.tag!r} is not supported", node)
    if not _SCALARS[kind][0].fullmatch(text):
        raise _error(f"{text!r} is not a valid {kind}", node)
    if kind in ("int", "float") and len(text) > MAX_DIGITS:
        raise _error(f"a number has {len(text)} digits; at most {MAX_DIGITS} are allowed", node)
    return _value(kind, text)


def _value(kind: str, text: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))
    return float(re.sub(r"\.(inf|nan)$", r"\1", text.lower()))


def _prove_count(nodes: int) -> None:
    if nodes > MAX_NODES:
        raise yaml.YAMLError(f"more than {MAX_NODES} entries")


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
