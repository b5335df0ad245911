"""The command that makes a bundle of a model file which stands where a bundle belongs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from img2imgkit.catalog import Catalog
from img2imgkit.cli import printable
from img2imgkit.errors import InteropError, ToolkitError
from img2imgkit.importing import importer_of


def ways_out(files: Iterable[Path | None]) -> list[str]:
    """A line for each file that an error names where a bundle belongs, if an installed importer reads such files."""
    found = [file for file in dict.fromkeys(files) if file is not None]
    catalog = Catalog.installed() if found else None
    return [_command(file) for file in found if catalog and _is_claimed(file, catalog)]


def _is_claimed(file: Path, catalog: Catalog) -> bool:
    try:
        importer_of(file, catalog)
    except InteropError as error:
        return bool(error.decided_by)  # several importers
    except ToolkitError:
        return False
    return True


def _command(file: Path) -> str:
    file = file.absolute()
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    out = Path("bundles", file.name.partition(".")[0] or "model")
    return (
        f"  make a bundle of it: {printable(f'img2img import {shlex.quote(str(shown))} --out {shlex.quote(str(out))}')}"
    )
