"""Bundles by name or folder, loaded with their networks, and written."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit import backend
from img2imgkit.bundle.manifest import (
    FORMAT,
    MANIFEST,
    WEIGHTS,
    ComponentVersion,
    Contract,
    Manifest,
    PluginVersion,
    WeightsFile,
    describe,
)
from img2imgkit.bundle.weights import packed, read_weights, variables_of
from img2imgkit.components import choices_in, resolve
from img2imgkit.config import parse_yaml, suggestion, validate, without_folders
from img2imgkit.errors import BundleError, ConfigError, NotInstalled
from img2imgkit.files import write_whole
from img2imgkit.task import Networks, Task

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog, Plugin


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle: its manifest, its task, and the generators with their weights."""

    folder: Path
    manifest: Manifest
    task: Task
    nets: Networks

    def choosing(self, choices: Mapping[str, Any]) -> Bundle:
        """The same networks under a task with these choices. Raises ConfigError: it has no such choices."""
        return replace(self, task=_with_choices(self.task, choices)) if choices else self


def locate(reference: str, base: Path, catalog: Catalog) -> Path:
    """The folder of a bundle that is named by its path (from ``base``) or by its registered name.

    Raises:
        NotInstalled: it looks like a name, and none of that name is registered.
        BundleError: it looks like a path, and there is no such folder.
    """
    if reference in catalog.bundles:
        return catalog.bundles[reference]
    try:
        path = base / Path(reference).expanduser()
    except RuntimeError as error:  # ~somebody who is not there
        raise BundleError(f"bundle {reference!r}: {error}") from None
    if path.is_dir():
        return path
    if path.is_file():
        raise BundleError(f"{path}: a file, and a bundle is a folder; exported models can be translated with, no more")
    if any(mark in reference for mark in ("/", "\\", ".")):
        raise BundleError(f"{path}: no such folder")
    return Path(catalog.get("bundles", reference))


def task_of(folder: Path, catalog: Catalog, choices: Mapping[str, Any] | None = None) -> Task:
    """The task of a bundle, with these choices, without its networks; raises as ``load`` does.

    Raises:
        ConfigError: the task has no such choices.
    """
    return task_from(describe(folder), str(folder), catalog, choices)


def task_from(manifest: Manifest, place: str, catalog: Catalog, choices: Mapping[str, Any] | None = None) -> Task:
    """The task that a description is of, likewise.

    Args:
        place: what is described, for errors
    """
    task = _task(place, manifest, catalog)
    return _with_choices(task, choices) if choices else task


def load(folder: Path, catalog: Catalog) -> Bundle:
    """Build the networks of a bundle, put its weights in, and let go of all but the generators.

    Raises:
        BundleError: its weights are damaged or do not fit, or its options are none of its task's.
        NotInstalled: its task or its data kind is not installed; the text names the distribution that had it.
    """
    manifest = describe(folder)
    task = _task(str(folder), manifest, catalog)
    backend.load()
    try:
        nets = Networks(task.build().generators)
    except Exception as error:
        message = f"{folder}: task {manifest.task!r} cannot build networks from its options: {error}"
        raise BundleError(message) from error
    path = folder / manifest.weights.file
    for variable, array in read_weights(path, manifest.weights.sha256, variables_of(nets)):
        variable.assign(array)
    return Bundle(folder, manifest, task, nets)


def save(folder: Path, task: Task, nets: Networks, name: str, catalog: Catalog, **about: Any) -> Manifest:
    """Write a bundle of the task's generators; ``about`` fills description, licence, training, scores, ...

    A bundle that is there is replaced at once, by the rename of its description: until then the old one is whole, and
    from then on the new one. Other files in the folder stay.
    """
    owner = catalog.owner("tasks", task.name)
    contract = Contract.model_validate({"data": task.data, **asdict(task.geometry())})
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {key: np.asarray(variable.numpy()) for key, variable in variables_of(nets).items()}
    data = packed(arrays)
    sha256, parameters = hashlib.sha256(data).hexdigest(), sum(array.size for array in arrays.values())
    manifest = Manifest(
        format=FORMAT,
        name=name,
        task=task.name,
        plugin=_version_of(owner),
        options=without_folders(task.options.model_dump(mode="json")),
        components=_components(task, catalog),
        contract=contract,
        weights=WeightsFile(file=f"weights-{sha256[:12]}.npz", sha256=sha256, parameters=parameters),
        **about,
    )
    write_whole(folder / manifest.weights.file, data)
    write_whole(folder / MANIFEST, json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n")
    for old in folder.glob("weights*.npz"):
        if old.name != manifest.weights.file and re.fullmatch(WEIGHTS, old.name):
            old.unlink()
    return manifest


def _task(place: str, manifest: Manifest, catalog: Catalog) -> Task:
    try:
        task_class: type[Task] = catalog.get("tasks", manifest.task)
    except NotInstalled as error:
        there = any(plugin.name == manifest.plugin.name for plugin in catalog.plugins)
        if there and (data := manifest.contract.data) not in catalog.data_kinds:
            claim = f"the data kind {data!r} of its task {manifest.task!r} is not installed"
            raise NotInstalled(f"{place}: {claim}{suggestion(data, catalog.data_kinds)}") from None
        raise NotInstalled(f"{place}: install {manifest.plugin}, which it was made with: {error}") from None
    _prove_installed(place, manifest, catalog)
    try:
        options = validate(task_class.Options, parse_yaml("", place), data=manifest.options)
        task = task_class(resolve(options, catalog))
    except ConfigError as error:
        raise BundleError(f"{place}: its options do not fit task {manifest.task!r} as installed:\n{error}") from None
    own, stated = (task.data, task.geometry()), (manifest.contract.data, manifest.contract.geometry())
    if own != stated:
        raise BundleError(f"{place}: its contract {stated} is not what task {task.name!r} as installed does: {own}")
    return task


def _components(task: Task, catalog: Catalog) -> tuple[ComponentVersion, ...]:
    """The components that the task's options chose, each once."""
    chosen = {(choice.catalog_kind, choice.kind) for choice in choices_in(task.options)}
    found = []
    for kind, name in sorted(chosen):
        owner = catalog.owner(kind, name)
        found.append(ComponentVersion(kind=kind, name=name, plugin=_version_of(owner)))
    return tuple(found)


def _version_of(plugin: Plugin) -> PluginVersion:
    return PluginVersion(name=plugin.name, version=plugin.version, distribution=plugin.distribution)


def _prove_installed(place: str, manifest: Manifest, catalog: Catalog) -> None:
    """Raises NotInstalled: one of its components is missing; the text names the distribution that had it."""
    for each in manifest.components:
        try:
            catalog.get(each.kind, each.name)
        except NotInstalled as error:
            raise NotInstalled(f"{place}: install {each.plugin}, which it was made with: {error}") from None


def _with_choices(task: Task, choices: Mapping[str, Any]) -> Task:
    chosen = validate(task.Choices, parse_yaml("", f"task {task.name!r}"), at=("choices",), data=choices)
    return type(task)(task.options, task.weights, chosen)
