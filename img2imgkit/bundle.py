"""A bundle: a trained task as a folder of data, ``bundle.json`` and a weights file; no pickles, no code.

``describe`` reads and checks the description without TensorFlow; ``load`` also builds the networks. The format is
documented in ``docs/bundles.md``. What a bundle says is not trusted: no size is taken from it before the networks that
its task builds have said what they need.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from img2imgkit.config import Config, parse_yaml, validate
from img2imgkit.errors import BundleError, ConfigError, NotInstalled
from img2imgkit.files import write_whole
from img2imgkit.task import DataKind, Geometry, Networks, Task

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog

FORMAT = 1
MANIFEST = "bundle.json"
MAX_MANIFEST_BYTES = 4 << 20
_WEIGHTS = r"^weights(-[0-9a-f]{12})?\.npz$"
_HEADER_BYTES = 1 << 10  # of an .npy member, beside its numbers


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
    output_channels: Literal[1, 3] | None = None
    minimum: int = Field(default=1, ge=1)

    def geometry(self) -> Geometry:
        """The same as the task's own description."""
        return Geometry(**self.model_dump(exclude={"data"}))


class WeightsFile(Config):
    """The weights' file, its digest, and how many numbers it holds."""

    file: str = Field(default="weights.npz", pattern=_WEIGHTS)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    parameters: int = Field(ge=0)


class Score(Config):
    """One measured figure: ``{"set": "Set5", "protocol": "sr-matlab", "metric": "psnr_y", "value": 37.1}``."""

    set: str
    protocol: str
    metric: str
    value: float
    choices: dict[str, Any] = Field(default_factory=dict)


class Manifest(Config):
    """What ``bundle.json`` says."""

    format: int = Field(ge=1, le=FORMAT)
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")  # it becomes part of file names
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
        contract = self.contract.model_dump(exclude_defaults=True)  # a key that came later leaves older digests alone
        parts = [self.task, self.options, contract, self.weights.sha256]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


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
        raise BundleError(f"{folder}: no bundle here; a bundle is a folder with {MANIFEST} and its weights") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: cannot read it: {error}") from error
    try:
        stated = json.loads(text)
    except (ValueError, RecursionError) as error:
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
    try:
        path = base / Path(reference).expanduser()
    except RuntimeError as error:  # ~somebody who is not there
        raise BundleError(f"bundle {reference!r}: {error}") from None
    if path.is_dir():
        return path
    if any(mark in reference for mark in ("/", "\\", ".")):
        raise BundleError(f"{path}: no such folder")
    return Path(catalog.get("bundles", reference))


def task_of(folder: Path, catalog: Catalog, choices: Mapping[str, Any] | None = None) -> Task:
    """The task of a bundle, with these choices, without its networks. Imports TensorFlow; raises as ``load`` does.

    Raises:
        ConfigError: the task has no such choices.
    """
    task = _task(folder, describe(folder), catalog)
    return _with_choices(task, choices) if choices else task


def load(folder: Path, catalog: Catalog) -> Bundle:
    """Build the networks of a bundle, put its weights in, and let go of all but the generators.

    Raises:
        BundleError: its weights are damaged or do not fit, or its options are none of its task's.
        NotInstalled: its task is not there; the text names the plugin that had it.
    """
    manifest = describe(folder)
    task = _task(folder, manifest, catalog)
    try:
        nets = Networks(task.build().generators)
    except Exception as error:
        message = f"{folder}: task {manifest.task!r} cannot build networks from its options: {error}"
        raise BundleError(message) from error
    path = folder / manifest.weights.file
    for variable, array in _read_weights(path, manifest.weights.sha256, _variables(nets)):
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
    arrays = {key: np.asarray(variable.numpy()) for key, variable in _variables(nets).items()}
    packed = _packed(arrays)
    sha256, parameters = hashlib.sha256(packed).hexdigest(), sum(array.size for array in arrays.values())
    manifest = Manifest(
        format=FORMAT,
        name=name,
        task=task.name,
        plugin=PluginVersion(name=owner.name, version=owner.version),
        options=task.options.model_dump(mode="json"),
        contract=contract,
        weights=WeightsFile(file=f"weights-{sha256[:12]}.npz", sha256=sha256, parameters=parameters),
        **about,
    )
    write_whole(folder / manifest.weights.file, packed)
    write_whole(folder / MANIFEST, json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n")
    for old in folder.glob("weights*.npz"):
        if old.name != manifest.weights.file and re.fullmatch(_WEIGHTS, old.name):
            old.unlink()
    return manifest


def _packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The same arrays give the same bytes: members carry no time of their making."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _task(folder: Path, manifest: Manifest, catalog: Catalog) -> Task:
    try:
        task_class: type[Task] = catalog.get("tasks", manifest.task)
    except NotInstalled as error:
        plugin = manifest.plugin
        raise NotInstalled(f"{folder}: {error}; it was made with plugin {plugin.name!r} {plugin.version}") from None
    try:
        task = task_class(validate(task_class.Options, parse_yaml("", str(folder / MANIFEST)), data=manifest.options))
    except ConfigError as error:
        raise BundleError(f"{folder}: its options do not fit task {manifest.task!r} as installed:\n{error}") from None
    own, stated = (task.data, task.geometry()), (manifest.contract.data, manifest.contract.geometry())
    if own != stated:
        raise BundleError(f"{folder}: its contract {stated} is not what task {task.name!r} as installed does: {own}")
    return task


def _with_choices(task: Task, choices: Mapping[str, Any]) -> Task:
    chosen = validate(task.Choices, parse_yaml("", f"task {task.name!r}"), at=("choices",), data=choices)
    return type(task)(task.options, task.weights, chosen)


def _variables(nets: Networks) -> dict[str, Any]:
    """The generators' variables by role, number, and path without the numbers that Keras counts per process."""
    return {
        f"{role}/{number:04d}/{re.sub(r'_[0-9]+(?=/|$)', '', variable.path)}": variable
        for role, net in nets.generators.items()
        for number, variable in enumerate(net.weights)
        if "seed_generator" not in variable.path
    }


def _read_weights(path: Path, sha256: str, variables: Mapping[str, Any]) -> list[tuple[Any, np.ndarray]]:
    try:
        with path.open("rb") as handle:
            if hashlib.file_digest(handle, "sha256").hexdigest() != sha256:
                raise BundleError(f"{path}: its sha256 is not the one in {MANIFEST}: damaged; fetch the bundle again")
        with zipfile.ZipFile(path) as stored:
            return _fitting(path, stored, variables)
    except (OSError, ValueError, EOFError, MemoryError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise BundleError(f"{path}: cannot read the weights: {error}") from error


def _fitting(path: Path, stored: zipfile.ZipFile, variables: Mapping[str, Any]) -> list[tuple[Any, np.ndarray]]:
    """Each variable with its array; layers may have been renamed since, but not their order, kinds and shapes."""
    infos = stored.infolist()
    members = {_place(info.filename.removesuffix(".npy")): info for info in infos}
    if len(members) != len(infos) or members.keys() != {_place(key) for key in variables}:
        raise BundleError(f"{path}: has {len(infos)} weights, the task's generators have {len(variables)}, or others")
    return [(variable, _array(path, stored, members[_place(key)], variable)) for key, variable in variables.items()]


def _place(key: str) -> str:
    """What must agree: role, number and the variable's own name, such as ``kernel``."""
    parts = key.split("/")
    return "/".join([*parts[:2], parts[-1]])


def _array(path: Path, stored: zipfile.ZipFile, member: zipfile.ZipInfo, variable: Any) -> np.ndarray:
    wanted, name = tuple(variable.shape), f"{path}: weight {member.filename}"
    if member.file_size > 8 * math.prod(wanted) + _HEADER_BYTES:
        raise BundleError(f"{name} holds {member.file_size} bytes, the network wants {wanted}")
    with stored.open(member) as stream:
        array = np.asarray(np.load(io.BytesIO(stream.read(member.file_size)), allow_pickle=False))
    if array.shape != wanted or array.dtype.kind not in "fiub":
        raise BundleError(f"{name} is {array.dtype} {array.shape}, the network wants {wanted}")
    if not np.isfinite(array).all():
        raise BundleError(f"{name} holds NaN or infinity")
    return array
