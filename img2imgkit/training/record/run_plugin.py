"""The plugin of a run's task, as the run folder has it on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from img2imgkit.bundle import PluginVersion, not_installed
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.errors import NotInstalled
from img2imgkit.files import read_text

ENVIRONMENT, CONFIG = "environment.json", "config.json"
PLUGIN = "plugin"  # the key in the environment
_MAX_BYTES = 4 << 20


def record_of(plugin: Plugin) -> dict[str, Any]:
    """What the environment of a run states of the plugin of its task."""
    version = PluginVersion(name=plugin.name, version=plugin.version, distribution=plugin.distribution)
    return {PLUGIN: version.model_dump()}


def prove_task_installed(folder: Path, catalog: Catalog) -> None:
    """Do nothing if the task of a run is installed, or if the folder does not tell.

    Raises:
        NotInstalled: the task is missing; the text names the distribution that the run used.
    """
    try:
        task = json.loads(read_text(folder / CONFIG, _MAX_BYTES))["task"]
        used = json.loads(read_text(folder / ENVIRONMENT, _MAX_BYTES))[PLUGIN]
        plugin = PluginVersion(**used)
    except (OSError, ValueError, LookupError, TypeError):  # no run yet, or an older one: nothing is on record
        return
    try:
        catalog.get("tasks", str(task))
    except NotInstalled as error:
        raise not_installed(str(folder), plugin, catalog, error) from None
