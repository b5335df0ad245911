"""``img2img config``: the user's configuration file and settings, and applying them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any, TypeVar

import click

from img2imgkit.cli import say, show_json
from img2imgkit.cli.console import json_option, show_rows
from img2imgkit.config import assignments
from img2imgkit.errors import ConfigError
from img2imgkit.images.formats import readable
from img2imgkit.images.limits import set_limits
from img2imgkit.places import Places, UserConfig, UserSettings, variable

Command = TypeVar("Command", bound="click.Command | Callable[..., Any]")
LIMITS = "img2imgkit.limits"  # the key of the option's values in click's context


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
        from img2imgkit.schema import DIALECT  # which imports the training room

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


def limits_option(command: Command) -> Command:
    """Add the option that overrides limits of the user's file; ``apply_user_settings`` uses it."""
    return click.option(
        "--limits",
        multiple=True,
        metavar="KEY=VALUE",
        expose_value=False,
        callback=_keep,
        help="Override a limit of the user's file: pixels, bytes, seconds, memory, or formats=[PNG,JPEG].",
    )(command)


def _keep(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> None:
    context.meta[LIMITS] = value


def apply_user_settings() -> UserConfig:
    """Read the user's settings, use their folder for temporary files, and decode pictures under their limits.

    Raises:
        ConfigError: the user's configuration file, a variable or an option is invalid.
    """
    context = click.get_current_context(silent=True)
    stated = context.meta.get(LIMITS, ()) if context else ()
    config = UserSettings.read(
        Places.of_user(), limits=assignments(stated, "--limits", "seconds=10"), source="--limits"
    ).config
    if config.scratch:
        tempfile.tempdir = str(config.scratch)
    if unknown := set(config.limits.formats) - readable():
        known = ", ".join(sorted(readable()))
        raise ConfigError(f"limits.formats: unknown format {', '.join(sorted(unknown))}; expected some of {known}")
    set_limits(config.limits)
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
