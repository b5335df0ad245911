"""A bundle: a trained task as a folder of data, ``bundle.json`` and ``weights.npz``; no pickles, no code.

``describe`` reads and checks the description without TensorFlow; ``load`` also builds the networks. The format is
documented in ``docs/bundles.md``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from img2imgkit.config import Config, parse_yaml, validate
from img2imgkit.errors import BundleError, ConfigError
from img2imgkit.task import DataKind, Geometry, Networks, Task

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog

FORMAT = 1
MANIFEST, WEIGHTS = "bundle.json", "weights.npz"
MAX_MANIFEST_BYTES = 4 << 20


class PluginVersion(Config):
    """The plugin that brought the task when the bundle was made."""

    name: str
    version: str


class Contract(Config):
    """What goes in and what comes out: see ``task.Geometry``. Values are float32 in [-1, 1], NHWC."""

    data: DataKind
    scale: int = Field(ge=1)
    multiple: int = Field(ge=1)
    radius: int | None = Field(ge=0)
    channels: Literal[1, 3]

    def geometry(self) -> Geometry:
        """The same as the task's own description."""
        return Geometry(self.scale, self.multiple, self.radius, self.channels)


class WeightsFile(Config):
    """The weights' file, its digest, and how many numbers it holds."""

    file: Literal["weights.npz"] = WEIGHTS
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    parameters: int = Field(ge=0)


class Score(Config):
    """One measured figure: ``{"set": "Set5", "protocol": "sr-matlab", "metric": "psnr_y", "value": 37.1}``."""

    set: str
    protocol: str
    metric: str
    value: float


class Manifest(Config):
    """What ``bundle.json`` says."""

    format: Literal[1]
    name: str
    task: str
    plugin: PluginVersion
    options: dict[str, Any]
    contract: Contract
    weights: WeightsFile
    description: str = ""
    licence: str = ""
    attribution: tuple[str, ...] = ()
    training: dict[str, Any] = Field(default_factory=dict)
    scores: tuple[Score, ...] = ()

    @property
    def digest(self) -> str:
        """Changes whenever the bundle's output may change: over task, options, contract and weights."""
        parts = [self.task, self.options, self.contract.model_dump(), self.weights.sha256]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle: its manifest, its task, and the networks with their weights."""

    folder: Path
    manifest: Manifest
    task: Task
    nets: Networks


def describe(folder: Path) -> Manifest:
    """Read and check ``bundle.json``, without the weights and without TensorFlow.

    Raises:
        BundleError: there is none, it is damaged, or it has a format this version does not know.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise BundleError(f"{path}: larger than {MAX_MANIFEST_BYTES >> 20} MiB, so it is no bundle description")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BundleError(f"{folder}: no bundle here; a bundle is a folder with {MANIFEST} and {WEIGHTS}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: cannot read it: {error}") from error
    try:
        stated = json.loads(text)
    except ValueError as error:
        raise BundleError(f"{path}: no valid JSON: {error}") from None
    if isinstance(stated, dict) and isinstance(stated.get("format"), int) and stated["format"] > FORMAT:
        raise BundleError(f"{path}: bundle format {stated['format']}; this version reads {FORMAT}: upgrade img2imgkit")
    try:
        return validate(Manifest, parse_yaml("", str(path)), data=stated)
    except ConfigError as error:
        raise BundleError(str(error)) from None


def resolve(reference: str, base: Path, catalog: Catalog) -> Path:
    """The folder of a bundle that is named by its path (from ``base``) or by its registered name.

    Raises:
        NotInstalled: it looks like a name, and none of that name is registered.
        BundleError: it looks like a path, and there is no such folder.
    """
    if reference in catalog.bundles:
        return catalog.bundles[reference]
    path = base / Path(reference).expanduser()
    if path.is_dir():
        return path
    if any(mark in reference for mark in ("/", "\\", ".")):
        raise BundleError(f"{path}: no such folder")
    return Path(catalog.get("bundles", reference))


def load(folder: Path, catalog: Catalog) -> Bundle:
    """Build the networks of a bundle and put its weights in.

    Raises:
        BundleError: its weights are damaged or do not fit, or its options are none of its task's.
        NotInstalled: its task is not there; the text names the plugin that had it.
    """
    manifest = describe(folder)
    task_class: type[Task] = catalog.get("tasks", manifest.task)
    try:
        task = task_class(validate(task_class.Options, parse_yaml("", str(folder / MANIFEST)), data=manifest.options))
    except ConfigError as error:
        raise BundleError(f"{folder}: its options do not fit task {manifest.task!r} as installed:\n{error}") from None
    nets = task.build()
    _put(nets, _read_weights(folder, manifest), folder)
    return Bundle(folder, manifest, task, nets)


def save(folder: Path, task: Task, nets: Networks, name: str, catalog: Catalog, **about: Any) -> Manifest:
    """Write a bundle of the task's generators; ``about`` fills description, licence, training, scores, ...

    It is written beside ``folder`` and renamed there when it is whole; a bundle that was there is replaced.
    """
    arrays = _arrays(nets)
    folder = folder.absolute()
    fresh = folder.with_name(f".{folder.name}.new-{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        np.savez(fresh / WEIGHTS, **arrays)  # type: ignore[arg-type]
        owner = catalog.owner("tasks", task.name)
        geometry = task.geometry()
        manifest = Manifest(
            format=FORMAT,
            name=name,
            task=task.name,
            plugin=PluginVersion(name=owner.name, version=owner.version),
            options=task.options.model_dump(mode="json"),
            contract=Contract(
                data=task.data,
                scale=geometry.scale,
                multiple=geometry.multiple,
                radius=geometry.radius,
                channels=geometry.channels,
            ),  # type: ignore[arg-type]
            weights=WeightsFile(sha256=_sha256(fresh / WEIGHTS), parameters=sum(a.size for a in arrays.values())),
            **about,
        )
        (fresh / MANIFEST).write_text(json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
        _replace_folder(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return manifest


def _replace_folder(fresh: Path, folder: Path) -> None:
    for path in fresh.iterdir():
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
    old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _arrays(nets: Networks) -> dict[str, np.ndarray]:
    return {
        f"{role}/{number:04d}/{variable.path}": np.asarray(variable.numpy())
        for role, net in nets.generators.items()
        for number, variable in enumerate(net.weights)
        if "seed_generator" not in variable.path
    }


def _put(nets: Networks, arrays: Mapping[str, np.ndarray], folder: Path) -> None:
    wanted = {
        f"{role}/{number:04d}": variable
        for role, net in nets.generators.items()
        for number, variable in enumerate(net.weights)
        if "seed_generator" not in variable.path
    }
    given = {"/".join(key.split("/")[:2]): array for key, array in arrays.items()}
    if wanted.keys() != given.keys():
        raise BundleError(f"{folder}: has {len(given)} weights, the task's generators have {len(wanted)}")
    for key, variable in wanted.items():
        if tuple(variable.shape) != given[key].shape:
            raise BundleError(
                f"{folder}: weight {key} has shape {given[key].shape}, the network wants {tuple(variable.shape)}"
            )
        variable.assign(given[key])


def _read_weights(folder: Path, manifest: Manifest) -> dict[str, np.ndarray]:
    path = folder / manifest.weights.file
    try:
        if _sha256(path) != manifest.weights.sha256:
            raise BundleError(f"{path}: its sha256 is not the one in {MANIFEST}: the bundle is damaged; fetch it again")
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path}: cannot read the weights: {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
