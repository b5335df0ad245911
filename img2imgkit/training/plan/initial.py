"""Initial weights of a training: the fitting ones of a bundle or another run, and model files, which must fit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2imgkit import bundle
from img2imgkit.architectures import ArchitectureChoice
from img2imgkit.catalog import Catalog
from img2imgkit.components import choices_in
from img2imgkit.config import Document, Location
from img2imgkit.errors import BundleError, ConfigError, InteropError, NotInstalled, Problem, TrainingError
from img2imgkit.exchange import Importable, SavedWeights
from img2imgkit.files import open_regular
from img2imgkit.importing import copy_weights, importer_of, read_imported
from img2imgkit.task import Networks, Task
from img2imgkit.training.plan.initial_run import InitialRun, checkpoint_in, copy_checkpoint, fill_from_checkpoint

if TYPE_CHECKING:
    import keras

BUNDLE, RUN = "bundle", "run"  # keys of ``initial``, like the roles


@dataclass(frozen=True)
class InitialFile:
    """A model file that one network starts from.

    Attributes:
        sha256: the digest of its bytes
        problem: creates a problem at the file's place in the training file
    """

    path: Path
    sha256: str
    problem: Callable[[str], Problem] = field(compare=False)


@dataclass(frozen=True)
class Initial:
    """Initial weights of a training: a bundle or a run, and files by the role of a network, critics included."""

    bundle: Path | None = None
    files: Mapping[str, InitialFile] = field(default_factory=dict)
    run: InitialRun | None = None

    def stated(self) -> str | dict[str, str]:
        """The value of ``initial`` in a training file."""
        whole = {BUNDLE: str(self.bundle)} if self.bundle else {RUN: str(self.run.stated)} if self.run else {}
        if not self.files and len(whole) == 1:
            return next(iter(whole.values()))
        return {**whole, **{role: str(file.path) for role, file in self.files.items()}}

    def record(self) -> Any:
        """The same for a bundle's training record: names instead of paths, and the digest of each file."""
        files = {role: {"file": file.path.name, "sha256": file.sha256} for role, file in self.files.items()}
        if self.run:
            return {RUN: self.run.record(), **files}
        if self.bundle is None:
            return files
        return {BUNDLE: self.bundle.name, **files} if files else self.bundle.name


def read_initial(stated: Any, document: Document, catalog: Catalog, problems: list[Problem]) -> Initial | None:
    """Read ``initial`` of a validated training file. Anything missing is added to ``problems``."""
    if stated is None:
        return None
    if isinstance(stated, str):
        before = len(problems)
        run = None if stated in catalog.bundles else _run(stated, ("initial",), document, problems)
        if run or len(problems) > before:
            return Initial(run=run) if run else None
        folder = _bundle(stated, ("initial",), document, catalog, problems)
        return Initial(folder) if folder else None
    if not stated:
        problems.append(document.problem(("initial",), f"is empty; expected {BUNDLE!r}, or networks with their files"))
    folder = run = None
    if BUNDLE in stated and RUN in stated:
        problems.append(document.problem(("initial", RUN), f"excludes {BUNDLE!r}; state one of them"))
    elif BUNDLE in stated:
        folder = _bundle(stated[BUNDLE], ("initial", BUNDLE), document, catalog, problems)
    elif RUN in stated:
        run = _stated_run(stated[RUN], document, problems)
    files = {}
    for role, path in stated.items():
        if role not in (BUNDLE, RUN) and (found := _file(path, role, document, catalog, problems)):
            files[role] = found
    return Initial(folder, files, run)


def start_from(initial: Initial, catalog: Catalog, task: Task, nets: Networks) -> tuple[str, ...]:
    """Copy the fitting weights of the bundle or run, then fill each network that has a file.

    Returns:
        one line per network: how many weights were copied, and which were not

    Raises:
        ConfigError: a file cannot be read, or does not fit. The error points to its place in the training file.
    """
    notes = copy_bundle_weights(initial.bundle, catalog, nets) if initial.bundle else ()
    if initial.run:
        try:
            notes = copy_checkpoint(initial.run, nets)
        except InteropError as error:
            raise ConfigError(initial.run.problem(str(error))) from error
    return (*notes, *fill_from_files(initial.files, catalog, task, nets))


def fill_from_files(files: Mapping[str, InitialFile], catalog: Catalog, task: Task, nets: Networks) -> tuple[str, ...]:
    """Fill networks from files, which must match in number, order and shapes of arrays; see ``start_from``."""
    roles = [*nets.generators, *nets.critics]
    if problems := [
        file.problem(f"task {task.name!r} has no such network; expected one of {', '.join(roles)}, {BUNDLE} or {RUN}")
        for role, file in files.items()
        if role not in roles
    ]:
        raise ConfigError(*problems)
    notes = []
    for role, file in files.items():
        try:
            notes.append(f"{role}: {_filled(file.path, role, catalog, task, nets[role])}")
        except InteropError as error:
            problems.append(file.problem(str(error)))
    if problems:
        raise ConfigError(*problems)
    return tuple(notes)


def copy_bundle_weights(folder: Path, catalog: Catalog, nets: Networks) -> tuple[str, ...]:
    """Copy a bundle's weights into the generators of the same role, where the shapes match.

    Returns:
        one line per network: how many weights were copied, and which were not

    Raises:
        TrainingError: none of its weights fits.
    """
    given = bundle.load(folder, catalog)
    notes, copied = [], 0
    for role, net in nets.generators.items():
        source = given.nets.generators.get(role)
        if source is None:
            notes.append(f"{given.manifest.name} has no {role}: it keeps its random weights")
            continue
        theirs = {variable.path: variable for variable in source.weights}
        unmatched = []
        for variable in net.weights:
            other = theirs.get(variable.path)
            if other is None or tuple(other.shape) != tuple(variable.shape):
                unmatched.append(variable.path)
            else:
                variable.assign(other)
        copied += len(net.weights) - len(unmatched)
        rest = f"; not copied: {', '.join(unmatched)}" if unmatched else ""
        notes.append(
            f"{role}: {len(net.weights) - len(unmatched)} of {len(net.weights)} weights "
            f"from {given.manifest.name}{rest}"
        )
    if not copied:
        raise TrainingError(
            f"initial: no weight of {given.manifest.name} (task {given.task.name!r}) fits these networks; state a "
            "bundle of the same architecture, or leave it out"
        )
    return tuple(notes)


def _filled(path: Path, role: str, catalog: Catalog, task: Task, model: keras.Model) -> str:
    """Fill a model from a file, and describe how. Of a network that combines several roles, use the role's layer.

    If several architectures recognise the file, it is one of those that the task's options choose.
    """
    if from_run := checkpoint_in(path):
        return fill_from_checkpoint(from_run, role, model)
    choices = (choice for choice in choices_in(task.options) if isinstance(choice, ArchitectureChoice))
    given = read_imported(path, catalog, {choice.kind for choice in choices})
    if isinstance(given, SavedWeights):
        given.fill(model)
        return f"all {len(model.weights)} weights from {given.source}"
    plan = task.import_plan([given]) if isinstance(task, Importable) else None
    taken = plan.roles.get(role) if plan else None
    inside = given.model.get_layer(taken.inside) if taken and taken.inside else given.model
    copy_weights(inside, model, f"{path}: the network {role!r}")
    return f"all {len(model.weights)} weights from {given.source} ({given.kind})"


def _bundle(
    reference: str, key: tuple[str, ...], document: Document, catalog: Catalog, problems: list[Problem]
) -> Path | None:
    try:
        return bundle.locate(reference, document.base(key), catalog)
    except (BundleError, NotInstalled) as error:
        reason = str(error)
    path = document.base(key) / reference
    file = path if path.is_file() else None
    if file:
        way = f"state the network that starts from it, such as 'initial: {{generator: {reference}}}'"
        reason = f"{path}: a file, and a bundle is a folder; {way}"
    problems.append(document.problem(key, reason, file))
    return None


def _stated_run(stated: str, document: Document, problems: list[Problem]) -> InitialRun | None:
    before = len(problems)
    run = _run(stated, ("initial", RUN), document, problems)
    if run is None and len(problems) == before:
        path = Location().absolute(stated, document.base(("initial", RUN)))
        message = f"{path}: is neither a run folder nor a checkpoint of a training"
        problems.append(document.problem(("initial", RUN), message))
    return run


def _run(stated: str, key: tuple[str, ...], document: Document, problems: list[Problem]) -> InitialRun | None:
    """Read a run folder or checkpoint; None if it is neither."""
    path = Path(Location().absolute(stated, document.base(key)))
    try:
        found = checkpoint_in(path)
        return (
            InitialRun(path, found, _digest(found), lambda message: document.problem(key, message)) if found else None
        )
    except (InteropError, OSError) as error:
        problems.append(document.problem(key, str(error)))
        return None


def _file(path: str, role: str, document: Document, catalog: Catalog, problems: list[Problem]) -> InitialFile | None:
    key = ("initial", role)
    found = Path(Location().absolute(path, document.base(key)))
    try:
        from_run = checkpoint_in(found)
        if from_run is None:
            importer_of(found, catalog)
        digest = _digest(from_run or found)
    except InteropError as error:
        problems.append(document.problem(key, str(error)))
        return None
    except OSError as error:
        problems.append(document.problem(key, f"{found}: cannot be read: {error.strerror or error}"))
        return None
    return InitialFile(found, digest, lambda message: document.problem(key, message))


def _digest(path: Path) -> str:
    with open_regular(path) as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
