"""A plugin installed or uninstalled, and loaded in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

from img2imgkit.config import suggestion
from img2imgkit.distributions.environment import PACKAGE, managed_elsewhere, pins
from img2imgkit.distributions.installers import Change, Wanted, canonical, installer
from img2imgkit.errors import InstallError
from img2imgkit.hooks import GROUP

SECONDS = 120  # until a plugin that is still loading counts as broken
LISTING = ("-P", "-m", f"{PACKAGE}.cli", "plugins", "list", "--json")  # of a fresh process
RESTRICTION = "IMG2IMG_PLUGINS"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Installation:
    """What an installation would change."""

    wanted: Wanted
    changes: tuple[Change, ...]


def plan_installation(what: str, editable: bool = False, upgrade: bool = False) -> Installation:
    """Ask the installer what it would change. What img2imgkit needs keeps its versions.

    Args:
        what: the name of a distribution, with its version if that matters, a folder, a wheel, or an address
        editable: whether a folder is used in place
        upgrade: whether a newer version replaces an installed one

    Raises:
        InstallError: it cannot be installed, would change what img2imgkit needs, or another program manages this
            environment. Nothing was changed.
    """
    if what.startswith("-"):
        raise InstallError(f"{what!r} is an option of the installer; state the plugin to install")
    if reason := managed_elsewhere("install", what, editable):
        raise InstallError(reason)
    wanted = Wanted(what, editable, upgrade, pins())
    return Installation(wanted, tuple(map(_with_installed, installer().plan(wanted))))


def install(installation: Installation) -> list[Row]:
    """Install what was planned, and load its plugins in a fresh process.

    Returns:
        a row of ``load_in_fresh_process`` for each plugin that was installed

    Raises:
        InstallError: it could not be installed, or a plugin hangs while it is loaded.
    """
    installer().install(installation.wanted)
    names = {canonical(change.name) for change in installation.changes}
    return [row for row in load_in_fresh_process() if canonical(row["distribution"]) in names]


def load_in_fresh_process() -> list[Row]:
    """Each installed plugin with what it brings, and why it is broken, as the list of plugins states it.

    Raises:
        InstallError: the list could not be made: a plugin hangs or ends the process.
    """
    environment = {name: value for name, value in os.environ.items() if name != RESTRICTION}
    command = [sys.executable, *LISTING]
    pipes: Any = {"stdin": subprocess.DEVNULL, "capture_output": True}
    try:
        done = subprocess.run(command, env=environment, timeout=SECONDS, check=False, **pipes)
    except subprocess.TimeoutExpired as late:
        said = (late.stderr or b"").decode("utf-8", "replace")
        raise InstallError(f"the plugins were still loading after {SECONDS} s: {_last_line(said)}") from None
    try:
        found: list[Row] = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.decode("utf-8", "replace")
        raise InstallError(f"the plugins cannot be loaded: exit code {done.returncode}: {_last_line(said)}") from None
    return found


def distribution_of(name: str) -> str:
    """The installed distribution of a plugin, by its own name or that of the plugin.

    Raises:
        InstallError: there is none, or it is img2imgkit, or it has no plugin.
    """
    points = [point for point in metadata.entry_points(group=GROUP) if point.dist is not None]
    owners = {canonical(point.dist.name): point.dist.name for point in points if point.dist}
    plugins = {point.name: point.dist.name for point in points if point.dist}
    found = owners.get(canonical(name)) or plugins.get(name)
    if found is None:
        raise InstallError(_not_found(name, [*owners, *plugins]))
    if canonical(found) == PACKAGE:
        raise InstallError(f"{name!r} is part of img2imgkit itself, which is not uninstalled here")
    return found


def uninstall(distribution: str) -> None:
    """Uninstall a distribution that ``distribution_of`` returned.

    Raises:
        InstallError: it could not be uninstalled, or another program manages this environment.
    """
    if reason := managed_elsewhere("uninstall", distribution):
        raise InstallError(reason)
    installer().uninstall(distribution)


def _not_found(name: str, known: Sequence[str]) -> str:
    try:
        found = metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return f"no plugin {name!r} is installed{suggestion(name, known)}"
    return (
        f"{found.name} {found.version} is installed, but is no plugin of img2imgkit: uninstall it as you installed it"
    )


def _with_installed(change: Change) -> Change:
    try:
        return change if change.before else replace(change, before=metadata.version(change.name))
    except metadata.PackageNotFoundError:
        return change


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing was said"
