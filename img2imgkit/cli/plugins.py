"""``img2img plugins``: what each plugin provides, and which plugins are broken."""

from __future__ import annotations

from typing import Any

import click

from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.cli import show_json
from img2imgkit.cli.console import json_option, one_line, show_table, warn_of_broken
from img2imgkit.plugin_kinds import KINDS


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List the plugins, what they provide, and which are broken.

    IMG2IMG_PLUGINS=a,b loads only these plugins; empty, only the built-in ones.
    """
    catalog = Catalog.installed()
    brought = {kind: _by_plugin(catalog, kind) for kind in KINDS}
    rows = [_row(catalog, plugin, brought) for plugin in catalog.plugins]
    if as_json:
        show_json(rows)
    else:
        show_table(("name", "distribution", "hooks", "brings", "broken"), [_line(row) for row in rows])
    warn_of_broken(catalog)


def _by_plugin(catalog: Catalog, kind: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in getattr(catalog, kind):
        found.setdefault(catalog.owner(kind, name).name, []).append(name)
    return found


def _row(catalog: Catalog, plugin: Plugin, brought: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "hooks": list(catalog.hooks(plugin.name)),
        "brings": {kind: names[plugin.name] for kind, names in brought.items() if plugin.name in names},
        "broken": [one_line(broken) for broken in catalog.broken if broken.plugin == plugin.name],
    }


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    brings = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in row["brings"].items())
    distribution = f"{row['distribution']} {row['version']}".strip()
    return row["name"], distribution, ", ".join(row["hooks"]), brings, "; ".join(row["broken"])
