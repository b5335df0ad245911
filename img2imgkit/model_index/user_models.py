"""The user's folder of models: what is there, whether it is intact, where, and removing it.

Each model is a folder: a bundle, or the files of an entry of another kind; ``entry.json`` is its entry in the index.
Folders appear and disappear by a rename.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from img2imgkit.bundle import ENGINE_FOLDER, MANIFEST, describe
from img2imgkit.catalog import Catalog
from img2imgkit.errors import BundleError, NotInstalled
from img2imgkit.files import sha256
from img2imgkit.locks import locked
from img2imgkit.model_entry import RECORD, ModelEntry, recorded_entry
from img2imgkit.places import Places

LOCK = ".lock"
UNFINISHED = ".unfinished-"  # prefix of folders that no model is in yet, or no longer


@dataclass(frozen=True)
class Kept:
    """A model in the user's folder."""

    folder: Path

    @property
    def name(self) -> str:
        """Its name in pipelines."""
        return self.folder.name

    @property
    def is_bundle(self) -> bool:
        """Whether it is a bundle, not the files of an entry of another kind."""
        return (self.folder / MANIFEST).is_file()

    def entry(self) -> ModelEntry:
        """The entry of the index from which it was made. Raises BundleError: its record is missing or damaged."""
        return recorded_entry(self.folder)


def added_models(places: Places) -> Mapping[str, Kept]:
    """The models in the user's folder by name, in order."""
    try:
        folders = sorted(places.models.iterdir())
    except OSError:  # none has been added
        return {}
    return {each.name: Kept(each) for each in folders if not each.name.startswith(".") and (each / RECORD).is_file()}


def where(name: str, catalog: Catalog, places: Places) -> Path:
    """The folder of a model: in the user's folder, or a bundle of a plugin.

    Raises:
        NotInstalled: there is none of that name.
    """
    if kept := added_models(places).get(name):
        return kept.folder
    if name not in catalog.bundles and name in catalog.model_index:
        raise NotInstalled(f"the model {name!r} has not been added")
    return Path(catalog.get("bundles", name))


def problems_of(kept: Kept) -> list[str]:
    """What is wrong with the files of a model, a sentence each; empty if each has its digest."""
    try:
        wanted = _digests(kept)
    except BundleError as error:
        return [str(error)]
    found = []
    for path, digest in wanted.items():
        try:
            if sha256(path) != digest:
                found.append(f"{path}: has changed since it was added")
        except OSError as error:
            found.append(f"{path}: cannot be read: {error.strerror or error}")
    return found


def remove_model(name: str, catalog: Catalog, places: Places) -> Path:
    """Remove a model from the user's folder, and return the folder that it was in.

    Raises:
        NotInstalled: there is none of that name, or it belongs to a plugin.
        LockError: another process adds or removes a model.
    """
    kept = added_models(places).get(name)
    if kept is None and name in catalog.bundles:
        owner = catalog.owner("bundles", name)
        raise NotInstalled(f"{name!r} belongs to the plugin {owner.name!r} ({owner.distribution}), which is installed")
    if kept is None:
        raise NotInstalled(f"the model {name!r} has not been added")
    with changing(places) as unfinished:
        kept.folder.rename(unfinished / name)
    return kept.folder


@contextmanager
def changing(places: Places) -> Iterator[Path]:
    """Hold the lock of the user's folder, and yield a folder beside the models that is removed in the end.

    Raises:
        LockError: another process holds it.
        BundleError: the folder cannot be written.
    """
    folder = places.models
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / LOCK, "another process that adds or removes a model"):
            for old in folder.glob(f"{UNFINISHED}*"):  # of a process that was killed
                shutil.rmtree(old, ignore_errors=True)
            unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
            try:
                yield unfinished
            finally:
                with suppress(OSError):
                    shutil.rmtree(unfinished)
    except OSError as error:
        raise BundleError(f"{error.filename or folder}: cannot be written: {error.strerror or error}") from None


def text_of(entry: ModelEntry) -> str:
    """The text of ``entry.json``."""
    return json.dumps(entry.model_dump(mode="json"), indent=2) + "\n"


def _digests(kept: Kept) -> dict[Path, str]:
    """The digest of each file, as it was when the model was added."""
    if not kept.is_bundle:
        members = {m.name: m.sha256 for source in kept.entry().sources for m in source.members}
        alone = {source.file_name: source.sha256 for source in kept.entry().sources if not source.members}
        return {kept.folder / name: digest for name, digest in {**members, **alone}.items()}
    manifest = describe(kept.folder)
    found = {kept.folder / manifest.weights.file: manifest.weights.sha256}
    for file in manifest.form.files if manifest.form else ():
        found[kept.folder / ENGINE_FOLDER / f"{file.program}.onnx"] = file.sha256
    return found
