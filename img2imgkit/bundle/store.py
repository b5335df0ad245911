"""Locate, load and save bundles."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img2imgkit import backend
from img2imgkit.bundle.engine_form import remove_form
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
from img2imgkit.plugin_kinds import KINDS
from img2imgkit.task import Networks, Task

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog, Plugin


TRAINING_ONLY = frozenset(name for name, kind in KINDS.items() if kind.training_only)


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle: its manifest, its task, and the generators with their weights."""

    folder: Path
    manifest: Manifest
    task: Task
    nets: Networks

    def choosing(self, choices: Mapping[str, Any]) -> Bundle:
        """Return the bundle with other choices and the same networks. Raises ConfigError if the task lacks them."""
        return replace(self, task=_with_choices(self.task, choices)) if choices else self


def locate(reference: str, base: Path, catalog: Catalog) -> Path:
    """Find the folder of a bundle by its path (relative to ``base``) or its registered name.

    Raises:
        NotInstalled: it looks like a name, but no bundle of that name is registered; the text says if an index has it.
        BundleError: it looks like a path, but the folder does not exist.
    """
    if reference in catalog.bundles:
        return catalog.bundles[reference]
    try:
        path = base / Path(reference).expanduser()
    except RuntimeError as error:  # ~unknown-user
        raise BundleError(f"bundle {reference!r}: {error}") from None
    if path.is_dir():
        return path
    if path.is_file():
        raise BundleError(f"{path}: is a file, but a bundle is a folder; an exported model can only translate", path)
    if reference in catalog.model_index:
        raise NotInstalled(f"the model {reference!r} has not been added: 'img2img models add {reference}' fetches it")
    if any(mark in reference for mark in ("/", "\\", ".")):
        raise BundleError(f"{path}: no such folder")
    return Path(catalog.get("bundles", reference))


def task_of(folder: Path, catalog: Catalog, choices: Mapping[str, Any] | None = None) -> Task:
    """The task of a bundle, with these choices, without its networks; raises as ``load`` does.

    Raises:
        BundleError, NotInstalled: see ``load``.
        ConfigError: the task has no such choices.
    """
    return task_from(describe(folder), str(folder), catalog, choices)


def task_from(manifest: Manifest, place: str, catalog: Catalog, choices: Mapping[str, Any] | None = None) -> Task:
    """The task of a manifest; see ``task_of``.

    Args:
        place: the bundle or exported file, for errors
    """
    task = _task(place, manifest, catalog)
    return _with_choices(task, choices) if choices else task


def load(reference: Path | str, catalog: Catalog) -> Bundle:
    """Build the generators of a bundle and load their weights; critics and frozen networks are discarded.

    Args:
        reference: its folder; as text also its registered name

    Raises:
        BundleError: the weights are damaged or do not fit, or the options are invalid for the task.
        NotInstalled: its task, data kind or a component is not installed; the text names the distribution.
    """
    folder = locate(reference, Path.cwd(), catalog) if isinstance(reference, str) else reference
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
    """Save the task's generators as a bundle; ``about`` sets description, licence, training, scores, ...

    An existing bundle is replaced atomically, by renaming the new manifest over the old one, and its engine form, which
    belongs to the old weights, is removed. Other files in the folder are kept.
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
    write_whole(folder / MANIFEST, manifest.text())
    for old in folder.glob("weights*.npz"):
        if old.name != manifest.weights.file and re.fullmatch(WEIGHTS, old.name):
            old.unlink()
    remove_form(folder)
    return manifest


def _task(place: str, manifest: Manifest, catalog: Catalog) -> Task:
    try:
        task_class: type[Task] = catalog.get("tasks", manifest.task)
    except NotInstalled as error:
        there = any(plugin.name == manifest.plugin.name for plugin in catalog.plugins)
        if there and (data := manifest.contract.data) not in catalog.data_kinds:
            claim = f"the data kind {data!r} of its task {manifest.task!r} is not installed"
            raise NotInstalled(f"{place}: {claim}{suggestion(data, catalog.data_kinds)}") from None
        raise not_installed(place, manifest.plugin, catalog, error) from None
    _check_components(place, manifest, catalog)
    try:
        options = validate(task_class.Options, parse_yaml("", place), data=manifest.options)
        task = task_class(resolve(options, catalog, optional=TRAINING_ONLY))
    except ConfigError as error:
        message = f"{place}: its options are invalid for the installed task {manifest.task!r}:\n{error}"
        raise BundleError(message) from None
    own, stated = (task.data, task.geometry()), (manifest.contract.data, manifest.contract.geometry())
    if own != stated:
        raise BundleError(f"{place}: its contract {stated} is not that of the installed task {task.name!r}: {own}")
    return task


def _components(task: Task, catalog: Catalog) -> tuple[ComponentVersion, ...]:
    """The components that the task's options choose, without duplicates."""
    chosen = {(choice.catalog_kind, choice.kind) for choice in choices_in(task.options)}
    found = []
    for kind, name in sorted(chosen):
        owner = catalog.owner(kind, name)
        found.append(ComponentVersion(kind=kind, name=name, plugin=_version_of(owner)))
    return tuple(found)


def _version_of(plugin: Plugin) -> PluginVersion:
    return PluginVersion(name=plugin.name, version=plugin.version, distribution=plugin.distribution)


def _check_components(place: str, manifest: Manifest, catalog: Catalog) -> None:
    """Raise NotInstalled for a missing component that translating needs; the text names its distribution."""
    for each in (each for each in manifest.components if each.kind not in TRAINING_ONLY):
        try:
            catalog.get(each.kind, each.name)
        except NotInstalled as error:
            raise not_installed(place, each.plugin, catalog, error) from None


def not_installed(place: str, plugin: PluginVersion, catalog: Catalog, error: NotInstalled) -> NotInstalled:
    """The error for what is missing and a plugin brought once: who brings it, and how to get it.

    Args:
        place: the bundle or run folder that needs it
        plugin: the plugin that was used when that was saved
        error: what is missing
    """
    if any(each.name == plugin.name and each.distribution == plugin.distribution for each in catalog.plugins):
        way = "which is installed, but brings it no more, or is broken"
    else:
        way = plugin.way_to_get
    return NotInstalled(f"{place}: it was saved with {plugin}, {way}: {error}")


def _with_choices(task: Task, choices: Mapping[str, Any]) -> Task:
    chosen = validate(task.Choices, parse_yaml("", f"task {task.name!r}"), at=("choices",), data=choices)
    return type(task)(task.options, task.weights, chosen)
