"""Fetch a model, import it, and keep it in the user's folder; nothing is left of an addition that fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from img2imgkit import backend, bundle
from img2imgkit.errors import BundleError, FetchError
from img2imgkit.exporting import add_engine_form
from img2imgkit.files import write_whole
from img2imgkit.importing import Imported, import_bundle
from img2imgkit.model_entry import RECORD, UNKNOWN, ModelEntry
from img2imgkit.model_index.fetching import fetch, given
from img2imgkit.model_index.user_models import (
    Kept,
    added_models,
    changing,
    problems_of,
    text_of,
)
from img2imgkit.places import Places

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog


@dataclass(frozen=True)
class Added:
    """The result of an addition.

    Attributes:
        kept: the model in the user's folder
        fresh: whether it was added now; False: it was there already, intact
        imported: the result of the import; None if it was there already, or its files are kept as they are
        no_form: "", or why its bundle has no engine form
    """

    kept: Kept
    fresh: bool
    imported: Imported | None = None
    no_form: str = ""


def add_model(
    entry: ModelEntry, catalog: Catalog, places: Places, accepted: Sequence[str] = (), package: Path | None = None
) -> Added:
    """Fetch a model, import it, and keep it in the user's folder, where pipelines find it by name.

    A model of the same entry that is there already is kept if it is intact, and replaced otherwise.

    Args:
        accepted: identifiers of licences that the user accepts; needed for those that are not known to be free
        package: the entry's package on this machine; None: fetch it

    Raises:
        FetchError: the licence is not accepted, or a package cannot be fetched or is not the stated one.
        InteropError: its files cannot be imported.
        BundleError: another model has that name, or the folder cannot be written.
        LockError: another process adds or removes a model.
    """
    refuse_licence(entry, accepted)
    _refuse_taken(entry, catalog)
    if there := _intact(entry, places):
        return Added(there, fresh=False)
    with changing(places) as unfinished:
        fetched, read, made = unfinished / "fetched", unfinished / "read", unfinished / entry.name
        fetched.mkdir()
        read.mkdir()
        files = given(entry, package, read) if package else fetch(entry, fetched, read)
        imported, no_form = None, ""
        if entry.kind == "model":
            imported, no_form = _imported(entry, files, made, catalog)
        else:
            read.rename(made)
        write_whole(made / RECORD, text_of(entry))
        kept = places.models / entry.name
        if kept.exists():
            kept.rename(unfinished / "replaced")
        made.rename(kept)
    return Added(Kept(kept), fresh=True, imported=imported, no_form=no_form)


def refuse_licence(entry: ModelEntry, accepted: Sequence[str]) -> None:
    """Raise FetchError if the licence is not known to be free and the user does not accept it."""
    licence = entry.licence
    if licence.is_free or licence.id.casefold() in {each.casefold() for each in accepted}:
        return
    what = "unknown" if licence.id == UNKNOWN else f"{licence.id}, which does not allow every use"
    raise FetchError(
        f"{entry.name}: its licence is {what}, as stated by {licence.stated_by}: accept {licence.id!r} to add it"
    )


def _refuse_taken(entry: ModelEntry, catalog: Catalog) -> None:
    """Raise BundleError if a plugin provides a bundle of that name."""
    if entry.name in catalog.bundles and catalog.owner("bundles", entry.name).module != __package__:
        owner = catalog.owner("bundles", entry.name).name
        raise BundleError(f"the plugin {owner!r} provides a bundle named {entry.name!r}: it cannot be added")


def _intact(entry: ModelEntry, places: Places) -> Kept | None:
    """The model if it has been added from the same entry, and no file has changed."""
    kept = added_models(places).get(entry.name)
    try:
        return kept if kept and kept.entry() == entry and not problems_of(kept) else None
    except BundleError:  # a damaged record
        return None


def _imported(entry: ModelEntry, files: Sequence[Path], made: Path, catalog: Catalog) -> tuple[Imported, str]:
    by_name = {path.name: path for path in files}
    wanted = [by_name[name] for name in entry.read] or list(files)
    backend.load()
    imported = import_bundle(
        wanted,
        made,
        catalog,
        entry.task,
        entry.options,
        key=entry.key,
        importer=entry.importer or None,
        name=entry.name,
        description=entry.about,
        licence=entry.licence.id,
        attribution=entry.attribution,
        scores=entry.scores,
        training={"index": _origin(entry)},
    )
    return imported, add_engine_form(bundle.load(made, catalog))


def _origin(entry: ModelEntry) -> dict[str, Any]:
    """What the bundle records of its origin."""
    packages = [{"package": source.title, "sha256": source.sha256} for source in entry.sources]
    return {"entry": entry.name, "packages": packages, "licence_stated_by": entry.licence.stated_by}
