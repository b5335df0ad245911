"""A new project with one plugin, written from the templates of its kind.

A template is a complete project whose plugin is called "newcomer"; its files have the additional suffix ``.txt``.
"""

from __future__ import annotations

import ast
import keyword
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from img2imgkit.catalog import Catalog
from img2imgkit.errors import ConfigError
from img2imgkit.files import read_text
from img2imgkit.plugin_kinds import KINDS

TEMPLATES: Mapping[str, str] = MappingProxyType(
    {
        "task": "tasks",
        "step": "steps",
        "source": "steps",
        "sink": "steps",
        "exporter": "exporters",
        "importer": "importers",
        "architecture": "architectures",
        "data-kind": "data_kinds",
        "metric": "metrics",
    }
)
"""The templates, and the kind of thing that the plugin of each registers."""

PLACE = Path(__file__).with_name("templates")
PREFIX, STORED = "img2img-", ".txt"
_SHARED, _MAX_BYTES = "shared", 1 << 20
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_HIDDEN = {"github": ".github", "gitignore": ".gitignore"}  # the first part of a path in a project


@dataclass(frozen=True)
class NewProject:
    """A project that was written.

    Attributes:
        folder: its folder, named as its distribution
        files: all of its files
        written: the number of lines of the module that the author goes on with, without empty ones
    """

    folder: Path
    files: tuple[Path, ...]
    written: int


def new_project(name: str, template: str, output: Path, catalog: Catalog) -> NewProject:
    """Write a project into a new folder below ``output``.

    Args:
        name: of what the plugin registers, such as "old-photo"; the distribution is then "img2img-old-photo"
        template: one of ``TEMPLATES``
        catalog: what is installed, where the name must be free

    Raises:
        ConfigError: the name cannot be used, or the folder exists.
        OSError: the folder cannot be written.
    """
    name = name.removeprefix(PREFIX)
    files = rendered(name, template)
    _refuse_taken(name, TEMPLATES[template], catalog)
    folder = output / f"{PREFIX}{name}"
    if folder.exists() or folder.is_symlink():
        raise ConfigError(f"{folder}: already exists; choose another name or place, or remove it")
    output.mkdir(parents=True, exist_ok=True)
    folder.mkdir()
    try:
        for path, text in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="\n")
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return NewProject(folder, tuple(folder / path for path in files), lines_of(files, template))


def rendered(name: str, template: str) -> dict[Path, str]:
    """The files of a project by their paths in it. A file that two templates have is one after the other.

    Raises:
        ConfigError: the name cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"name {name!r}: expected small letters, digits and dashes, such as 'old-photo'")
    module, title = f"img2img_{name.replace('-', '_')}", "".join(map(str.capitalize, name.split("-")))
    if keyword.iskeyword(title):
        raise ConfigError(f"name {name!r}: its class would be called {title}, a word of Python's; choose another name")
    found: dict[Path, str] = {}
    for part in (_SHARED, template):
        for stored, text in _stored(PLACE / part):
            path = Path(str(stored).replace("img2img_newcomer", module))
            named = text.replace("img2img_newcomer", module).replace("Newcomer", title).replace("newcomer", name)
            found[path] = found.get(path, "") + named
    for path, text in found.items():
        if path.suffix == ".py" and title in _imported(text):
            raise ConfigError(f"name {name!r}: {path.name} imports something called {title}; choose another name")
    return found


def lines_of(files: Mapping[Path, str], template: str) -> int:
    """The lines, without empty ones, of the module that the author of a new plugin goes on with."""
    (text,) = (text for path, text in files.items() if path.name == f"{template.replace('-', '_')}.py")
    return sum(bool(line.strip()) for line in text.splitlines())


def _stored(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files of a template, with their paths in a project."""
    for path in sorted(folder.rglob(f"*{STORED}")):
        first, *rest = path.relative_to(folder).parts
        inside = Path(_HIDDEN.get(first.removesuffix(STORED), first), *rest)
        yield inside.with_name(inside.name.removesuffix(STORED)), read_text(path, _MAX_BYTES)


def _imported(text: str) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {each.asname or each.name for node in nodes for each in node.names}
    own = {name for node in nodes if isinstance(node, ast.ImportFrom) and "img2img_" in (node.module or "")
           for name in (each.name for each in node.names)}  # fmt: skip
    return names - own


def _refuse_taken(name: str, kind: str, catalog: Catalog) -> None:
    """Refuse the name of an installed plugin or thing: the second one of a name is broken."""
    if name in getattr(catalog, kind):
        owner = catalog.owner(kind, name).name
        raise ConfigError(f"name {name!r}: plugin {owner!r} already has a {KINDS[kind].singular} of that name")
    for plugin in catalog.plugins:
        if plugin.name == name:
            raise ConfigError(f"name {name!r}: {plugin.distribution} already has a plugin of that name")
