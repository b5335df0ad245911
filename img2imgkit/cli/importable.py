"""The commands that make a bundle, or an ONNX file, of a model file which stands where a bundle belongs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from img2imgkit.catalog import Catalog
from img2imgkit.cli import printable
from img2imgkit.errors import InteropError, ToolkitError
from img2imgkit.exchange import Importer
from img2imgkit.importing import importer_of


def ways_out(files: Iterable[Path | None]) -> list[str]:
    """Lines for each file that an error names where a bundle belongs, if an installed importer reads such files."""
    found = [file for file in dict.fromkeys(files) if file is not None]
    catalog = Catalog.installed() if found else None
    return [line for file in found if catalog for line in _lines(file, catalog)]


def _lines(file: Path, catalog: Catalog) -> Iterator[str]:
    try:
        importer = importer_of(file, catalog)
    except InteropError as error:
        if error.decided_by:  # several importers
            yield _bundle(file)
    except ToolkitError:
        return
    else:
        yield _bundle(file)
        if type(importer).network is not Importer.network:  # such files can describe a network of other software
            yield _line("or, if it is a network of other software", "convert", file, Path(f"{_stem(file)}.onnx"))


def _bundle(file: Path) -> str:
    return _line("make a bundle of it", "import", file, Path("bundles", _stem(file)))


def _line(what: str, command: str, file: Path, out: Path) -> str:
    file = file.absolute()
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return f"  {what}: {printable(f'img2img {command} {shlex.quote(str(shown))} --out {shlex.quote(str(out))}')}"


def _stem(file: Path) -> str:
    return file.name.partition(".")[0] or "model"
