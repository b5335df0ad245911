"""``img2img schema``: JSON Schema for editors of pipeline and training files."""

from __future__ import annotations

import click

from img2imgkit.catalog import Catalog
from img2imgkit.cli import show_json
from img2imgkit.cli.console import warn_of_broken
from img2imgkit.schema import pipeline_schema, train_schema


@click.command()
@click.argument("kind", type=click.Choice(["pipeline", "train"]))
def command(kind: str) -> None:
    """Print the JSON Schema of a pipeline or training file, with the options of everything that is installed.

    \b
    img2img schema pipeline > pipeline.schema.json
    and as the first line of a pipeline file:
    # yaml-language-server: $schema=pipeline.schema.json
    """
    catalog = Catalog.installed()
    show_json(pipeline_schema(catalog) if kind == "pipeline" else train_schema(catalog))
    warn_of_broken(catalog)
