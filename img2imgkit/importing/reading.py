"""One model file, read by the importer that claims it: a network, or saved weights."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from img2imgkit import backend
from img2imgkit.errors import InteropError
from img2imgkit.exchange import ImportedNetwork, Importer, SavedWeights, StateDict
from img2imgkit.formats.other_files import head_of, other_file
from img2imgkit.importing.recognition import network_of

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog


def importer_of(path: Path, catalog: Catalog, name: str | None = None) -> Importer:
    """The importer that claims a file.

    Args:
        name: the name of an importer to use even if it does not claim the file

    Raises:
        InteropError: no importer claims the file, or several do.
        NotInstalled: there is no importer of that name.
    """
    if name is not None:
        chosen: Importer = catalog.get("importers", name)()
        return chosen
    head = _head(path)
    installed = {name: each() for name, each in catalog.importers.items()}
    claims = {name: each for name, each in installed.items() if each.recognises(head)}
    claims = claims or {name: each for name, each in installed.items() if each.claims(path, head)}
    if not claims and (other := other_file(head)):
        raise InteropError(f"{path}: no importer reads this file: it is {other}")
    if not claims:
        known = "; ".join(f"{name} ({', '.join(each.suffixes)})" for name, each in catalog.importers.items())
        onnx = "; ONNX files need no import: state the file as 'bundle' of a translate step"
        raise InteropError(
            f"{path}: no importer reads this file; installed: {known}{onnx if path.suffix.lower() == '.onnx' else ''}"
        )
    if len(claims) > 1:
        both = " and ".join(claims)
        raise InteropError(f"{path}: the importers {both} all claim this file: state the importer", "importer")
    [importer] = claims.values()
    return importer


def read_imported(path: Path, catalog: Catalog, expected: Collection[str] = ()) -> ImportedNetwork | SavedWeights:
    """Read a model file with the importer that claims it.

    Args:
        expected: architectures that win if others recognise the file, too

    Raises:
        InteropError: the file cannot be read, or its architecture is not installed.
    """
    try:
        return read_file(path, catalog)
    except InteropError as error:
        if error.decided_by != "architecture":
            raise
        for name in sorted(expected):
            with suppress(InteropError):
                return read_file(path, catalog, architecture=name)
        raise


def read_file(
    path: Path, catalog: Catalog, key: str | None = None, importer: str | None = None, architecture: str = ""
) -> ImportedNetwork | SavedWeights:
    """Read a model file; see ``import_bundle`` for the arguments."""
    given = _given(path, importer_of(path, catalog, importer), key)
    if isinstance(given, SavedWeights):
        backend.load()
        return given
    try:
        given = replace(given, architecture=architecture or given.architecture)
        return network_of(given, catalog.architectures)
    except InteropError as error:
        raise InteropError(f"{path}: {error}", error.decided_by) from None


def _given(path: Path, importer: Importer, key: str | None) -> StateDict | SavedWeights:
    """What an importer reads. If it fails on a file that is no model's at all, the error says what it is."""
    try:
        return importer.read(path, key)
    except InteropError as error:
        other = other_file(_head(path))
        if not other or other in str(error) or zipfile.is_zipfile(path):
            raise
        raise InteropError(f"{error}; it is {other}", error.decided_by) from None


def _head(path: Path) -> bytes:
    """The file's first bytes; empty if it cannot be opened, which its importer then reports."""
    try:
        return head_of(path)
    except OSError:
        return b""
