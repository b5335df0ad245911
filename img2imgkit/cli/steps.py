"""``img2img steps``: the steps that pipelines consist of."""

from __future__ import annotations

from typing import Any

import click

from img2imgkit.catalog import Catalog
from img2imgkit.cli import say, show_json
from img2imgkit.cli.console import json_option, show_options, show_rows, warn_of_broken
from img2imgkit.schema import first_line, option_rows
from img2imgkit.step import Step, kind_of


@click.command()
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the steps that pipelines consist of; with NAME, its options."""
    catalog = Catalog.installed()
    if name is None:
        rows = [_summary(catalog, step) for step in catalog.steps.values()]
        show_rows(("name", "plugin", "kind", "about"), rows, as_json)
    else:
        _show(catalog, name, as_json)
    warn_of_broken(catalog)


def _show(catalog: Catalog, name: str, as_json: bool) -> None:
    step: type[Step] = catalog.get("steps", name)
    options = option_rows(step.Options)
    if as_json:
        show_json({**_summary(catalog, step), "options": options})
        return
    say(f"{name} ({kind_of(step)}): {first_line(step)}\n")
    show_options(options)


def _summary(catalog: Catalog, step: type[Step]) -> dict[str, Any]:
    return {
        "name": step.name,
        "plugin": catalog.owner("steps", step.name).name,
        "kind": kind_of(step),
        "about": first_line(step),
    }
