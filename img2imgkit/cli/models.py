"""``img2img models``: the installed bundles, according to their ``bundle.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from img2imgkit.bundle import describe
from img2imgkit.catalog import Catalog
from img2imgkit.cli import show_json
from img2imgkit.cli.console import json_option, show_table, warn_of_broken
from img2imgkit.errors import BundleError

_HEADINGS = ("name", "task", "scale", "parameters", "size", "licence", "scores")


@click.command()
@json_option
def command(as_json: bool) -> None:
    """List the installed bundles; damaged ones are listed with the error."""
    catalog = Catalog.installed()
    rows = [_described(catalog, name, folder) for name, folder in catalog.bundles.items()]
    if as_json:
        show_json(rows)
    else:
        show_table(_HEADINGS, [_line(row) for row in rows])
    warn_of_broken(catalog)


def _described(catalog: Catalog, name: str, folder: Path) -> dict[str, Any]:
    place = {"name": name, "plugin": catalog.owner("bundles", name).name, "folder": str(folder)}
    try:
        manifest = describe(folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except (BundleError, OSError) as error:
        return {**place, "damaged": str(error)}
    return {
        **place,
        "task": manifest.task,
        "scale": manifest.contract.scale,
        "parameters": manifest.weights.parameters,
        "bytes": size,
        "licence": manifest.licence,
        "description": manifest.description,
        "scores": [score.model_dump(exclude_defaults=True) for score in manifest.scores],
    }


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    if "damaged" in row:
        return (row["name"], f"damaged: {row['damaged']}", *[""] * (len(_HEADINGS) - 2))
    scores = ", ".join(map(_score, row["scores"]))
    counts = f"x{row['scale']}", f"{row['parameters']:,}", f"{row['bytes'] / 1e6:.1f} MB"
    return (row["name"], row["task"], *counts, row["licence"], scores)


def _score(score: dict[str, Any]) -> str:
    choices = "".join(f", {name} {value}" for name, value in score.get("choices", {}).items())
    return f"{score['set']} {score['metric']} {score['value']:.4g} ({score['protocol']}{choices})"
