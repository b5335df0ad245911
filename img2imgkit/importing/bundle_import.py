"""Import model files as a bundle: recognise their networks, choose a task, and copy the weights to its networks."""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from img2imgkit.architectures import Assumption
from img2imgkit.bundle import MANIFEST, Manifest, save
from img2imgkit.components import resolve
from img2imgkit.config import Document, validate
from img2imgkit.errors import BundleError, ConfigError, InteropError
from img2imgkit.exchange import ImportedNetwork, ImportPlan, SavedWeights
from img2imgkit.files import open_regular
from img2imgkit.importing.planning import fill_imported, fill_saved, joined, planned
from img2imgkit.importing.reading import read_file
from img2imgkit.importing.torch_weights import in_shapes
from img2imgkit.task import Networks, Task

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog

MAX_NUMBERS = 2_000_000_000  # the largest networks here have 200 million
UNFIT = re.compile(r"[^A-Za-z0-9._+-]+")


@dataclass(frozen=True)
class Imported:
    """The result of an import.

    Attributes:
        folder: the bundle's folder
        manifest: the bundle's manifest
        networks: the network of each file, in the order of the files
        plan: how the task uses the networks
        assumptions: options that no file states, except those that the user set
        others: other tasks that could use the networks, the most likely first
    """

    folder: Path
    manifest: Manifest
    networks: tuple[ImportedNetwork | SavedWeights, ...]
    plan: ImportPlan
    assumptions: tuple[Assumption, ...] = ()
    others: tuple[str, ...] = ()


def import_bundle(
    files: Sequence[Path],
    out: Path,
    catalog: Catalog,
    task: str | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    importer: str | None = None,
    architecture: str = "",
    name: str | None = None,
    replace: bool = False,
    **about: Any,
) -> Imported:
    """Import model files of other software, or Keras weights of a task's own networks, as a bundle.

    Args:
        files: one per network; the order matters only if two have the same architecture. Or a folder of ``.keras``
            files
        out: the bundle's folder
        task: the task's name; None: the task whose official code writes such files
        options: options of the task by dotted keys such as "generator.dropout", which override what was read or assumed
        key: the entry of each file that contains the network, such as "params_ema"; None: the usual one, or the only
            one that contains a known network
        importer: the name of the importer for all files; None: the one that claims each file
        architecture: the name of the architecture of all files; "": recognise each file's
        name: the bundle's name; None: the name of its folder
        replace: whether to replace an existing bundle
        about: description, licence, attribution, scores and other records of the bundle

    Raises:
        InteropError: a file cannot be read or is refused, or no task can use all networks together.
        ConfigError: an option is wrong.
        BundleError: ``out`` exists and must not be replaced, or cannot be written.
        NotInstalled: the task or importer is not installed.
    """
    name = _name(name, out)
    _check_place(out, replace)
    paths = [inside for path in files for inside in _expanded(Path(path))]
    origins = [_origin(path) for path in paths]
    networks = tuple(read_file(path, catalog, key, importer, architecture) for path in paths)
    imported = [each for each in networks if isinstance(each, ImportedNetwork)]
    if len(imported) not in (0, len(networks)):
        raise InteropError("Keras weights of a task's own networks cannot be combined with other files")
    chosen, plan, others = planned(imported, catalog, task) if imported else (*joined(_saved_in(networks), task), ())
    made = _task(catalog.get("tasks", chosen), plan.options, options or {}, catalog)
    if not imported:
        _check_size(made)
    nets = Networks(_all(made).generators)
    if imported:
        fill_imported(nets, imported, plan)
    else:
        fill_saved(nets, _saved_in(networks))
    records = [{**origin, **_record(network)} for origin, network in zip(origins, networks, strict=True)]
    about.setdefault("description", _description(records))
    about["training"] = {**about.get("training", {}), "imported": records}
    manifest = _saved(out, replace, made, nets, name, catalog, about)
    assumed = tuple(each for each in plan.assumptions if not each.option or each.option not in (options or {}))
    return Imported(out, manifest, networks, plan, assumed, tuple(others))


def _check_place(out: Path, replace: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MANIFEST).is_file():
        raise BundleError(f"{out}: exists and is not a bundle; choose another folder")
    if not replace:
        raise BundleError(f"{out}: a bundle already exists; 'replace' overwrites it")


def _expanded(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.keras"))
    if not found:
        raise InteropError(f"{path}: a folder without .keras files; name the model's files instead")
    return found


def _origin(path: Path) -> dict[str, Any]:
    try:
        with open_regular(path) as file:
            return {"file": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    except OSError as error:
        raise InteropError(f"{path}: cannot be read: {error.strerror or error}") from None


def _saved_in(networks: Sequence[ImportedNetwork | SavedWeights]) -> list[SavedWeights]:
    return [each for each in networks if isinstance(each, SavedWeights)]


def _task(task_class: type[Task], stated: Mapping[str, Any], options: Mapping[str, Any], catalog: Catalog) -> Task:
    """The task with these options; all others have their defaults, also inside components."""
    if not stated:
        with suppress(ValidationError):  # a task with required options
            stated = task_class.Options().model_dump(mode="json")
    document = Document(json.loads(json.dumps(stated)), f"task {task_class.name}")
    document = document.with_overrides(f"{key}={json.dumps(value)}" for key, value in options.items())
    return task_class(resolve(validate(task_class.Options, document), catalog, document))


def _all(task: Task) -> Networks:
    try:
        return task.build()
    except Exception as error:  # from a plugin or Keras
        raise InteropError(f"task {task.name!r} cannot build networks with these options: {error}") from error


def _check_size(task: Task) -> None:
    """Refuse options from a file that would build absurdly large networks, without allocating them."""
    count = in_shapes(lambda: _numbers(_all(task)))
    if count > MAX_NUMBERS:
        raise InteropError(f"task {task.name!r} would build networks of {count:,} weights with these options")


def _numbers(nets: Networks) -> int:
    models = [*nets.generators.values(), *nets.critics.values(), *nets.frozen.values()]
    return sum(math.prod(variable.shape) for model in models for variable in model.weights)


def _record(network: ImportedNetwork | SavedWeights) -> dict[str, Any]:
    if isinstance(network, SavedWeights):
        return {"role": network.role}
    return {
        **({"key": network.key} if network.key else {}),
        "architecture": network.kind,
        "arguments": json.loads(json.dumps(network.arguments)),
        "assumed": {each.option: each.text for each in network.assumptions},
    }


def _description(records: Sequence[Mapping[str, Any]]) -> str:
    names = [f"{each['file']} ({each.get('architecture') or each['role']})" for each in records]
    return f"Imported from {', '.join(names)}."


def _name(stated: str | None, out: Path) -> str:
    """The stated name, or the folder's name without characters that the names of bundles and their files exclude."""
    name = stated or UNFIT.sub("-", out.absolute().name).strip("._+-")
    if not name:
        raise ConfigError(f"{out}: the folder's name yields no name for a bundle; state one")
    if UNFIT.search(name) or not name[0].isalnum():
        raise ConfigError(
            f"name {name!r}: a bundle's name consists of letters, digits and . _ + -, and begins with a letter or digit"
        )
    return name


def _saved(
    out: Path, replace: bool, task: Task, nets: Networks, name: str, catalog: Catalog, about: Mapping[str, Any]
) -> Manifest:
    """Save to a temporary folder and rename it, so that ``out`` never contains an incomplete bundle."""
    if replace and (out / MANIFEST).is_file():
        return save(out, task, nets, name, catalog, **about)
    out = out.absolute()  # "." has no name
    fresh = out.with_name(f".{out.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        manifest = save(fresh, task, nets, name, catalog, **about)
        if out.exists():
            out.rmdir()  # empty, see ``_check_place``
        fresh.rename(out)
    except OSError as error:
        raise BundleError(f"{out}: cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            shutil.rmtree(fresh)
    return manifest
