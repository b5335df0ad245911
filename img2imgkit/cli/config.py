"""``img2img config``: the user's configuration file and settings, and applying them."""

from __future__ import annotations

import tempfile
from typing import Any

import click

from img2imgkit.cli import say, show_json
from img2imgkit.cli.console import json_option, show_rows
from img2imgkit.places import Places, UserConfig, UserSettings, variable
from img2imgkit.schema import DIALECT


@click.command()
@json_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the configuration file instead.")
def command(as_json: bool, schema: bool) -> None:
    """Show the path of the user's configuration file, and each setting with its value and origin.

    The YAML file is optional, and img2img never writes it. IMG2IMG_HOME changes the folder that contains it; a
    variable such as IMG2IMG_THREADS overrides the setting of that name.

    \b
    img2img config --schema > config.schema.json
    and as the first line of the file:
    # yaml-language-server: $schema=config.schema.json
    """
    if schema:
        show_json({"$schema": DIALECT, **UserConfig.model_json_schema(), "title": "img2imgkit user file"})
        return
    places = Places.of_user()
    rows = _rows(UserSettings.read(places))
    if as_json:
        show_json({**_plain(places), "settings": rows})
        return
    missing = "" if places.file.exists() else "  (does not exist)"
    say(f"file   {places.file}{missing}\ndata   {places.data}\ncache  {places.cache}\n")
    headings = ("setting", "value", "from", "variable", "about")
    show_rows(headings, rows, as_json=False)


def apply_user_settings() -> UserConfig:
    """Read the user's settings and use their folder for temporary files.

    Raises:
        ConfigError: the user's configuration file or a variable is invalid.
    """
    config = UserSettings.read(Places.of_user()).config
    if config.scratch:
        tempfile.tempdir = str(config.scratch)
    return config


def _plain(places: Places) -> dict[str, Any]:
    return {
        "file": str(places.file),
        "exists": places.file.exists(),
        "data": str(places.data),
        "cache": str(places.cache),
    }


def _rows(settings: UserSettings) -> list[dict[str, Any]]:
    values = settings.config.model_dump(mode="json")
    return [
        {
            "setting": name,
            "value": values[name],
            "from": settings.origins[name],
            "variable": variable(name),
            "about": info.description,
        }
        for name, info in UserConfig.model_fields.items()
    ]
