"""Where exports are written: beside their place first, and moved there when they are complete and proved."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from img2imgkit.bundle import EXPORTED_FILE
from img2imgkit.errors import ConfigError, ExportError


def refuse_place(path: Path, suffix: str, name: str, replacing: bool) -> None:
    """Refuse a path that cannot take an export.

    Args:
        suffix: the suffix of the format ``name``; "": any, for folders

    Raises:
        ConfigError: the path has another suffix.
        ExportError: it exists, and must not be replaced or is no export.
    """
    if suffix and path.suffix != suffix:
        raise ConfigError(f"{path}: the name of a file in format {name} must end in {suffix}")
    if not path.exists() and not path.is_symlink():
        return
    if not replacing:
        raise ExportError(f"{path}: already exists; 'replace' overwrites it")
    if path.is_dir() and not (path / EXPORTED_FILE).is_file():
        raise ExportError(f"{path}: an existing folder that is not an export: remove it, or choose another place")


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A temporary path with the same name on the same file system.

    Afterwards it is removed, with any parent folders that were created but stayed empty.
    """
    missing = [each for each in path.absolute().parents if not each.exists()]
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise ExportError(f"{path}: cannot write there: {error.strerror or error}") from error
    try:
        yield folder / path.name
    except OSError as error:
        raise ExportError(f"{path}: cannot write it: {error.strerror or error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for each in missing:
            with suppress(OSError):  # not empty: it contains the export
                each.rmdir()


def put_in_place(fresh: Path, path: Path) -> None:
    """Move the export into place. An existing folder is renamed first, and restored if this fails."""
    if not path.is_dir():
        fresh.replace(path)
        return
    old = fresh.with_name(f"{path.name}.old")
    path.rename(old)
    try:
        fresh.rename(path)
    except BaseException:
        old.rename(path)
        raise
