"""Compare the outputs of earlier runs with the ledger: are they as written, and do their inputs still exist?"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TypeVar

from img2imgkit import files
from img2imgkit.catalog import Catalog
from img2imgkit.errors import PlanError
from img2imgkit.item import local_path
from img2imgkit.pipeline.ledger import Ledger, Output
from img2imgkit.pipeline.output_folder import OutputFolder, PlacedFile, folder_of
from img2imgkit.pipeline.own_files import LEDGER, STATE, kept_from_runs, reserved
from img2imgkit.pipeline.pipeline_file import Pipeline
from img2imgkit.pipeline.preparing import prepare

MISSING, CHANGED = "missing", "changed"
T = TypeVar("T")
BATCH = 256  # files that are compared concurrently, or removed before their removal is recorded


@dataclass(frozen=True)
class Verified:
    """An output compared with the ledger: its path, and what is wrong with it; "" if it is as written."""

    path: Path
    problem: str


@contextmanager
def verifying(folder: Path, sample: int | None = None) -> Iterator[tuple[int, int, Iterable[Verified]]]:
    """Compare the outputs on record in a folder, or a random sample of them, with their digests.

    Gives the number of outputs on record, the number to be compared, and the results as they are computed. No run can
    use the folder meanwhile. A file whose input has since been translated to another name may be missing.

    Raises:
        PlanError: the folder has no ledger, or its ledger knows no output.
        LockError: a run is using the folder.
    """
    _require_ledger(folder)
    with kept_from_runs(folder), _opened(folder) as ledger:
        count = ledger.count
        if not count:
            raise PlanError(f"{folder / STATE / LEDGER}: knows no output; it is damaged, or no run has made any")
        yield count, min(count, sample or count), _verified(ledger, folder, sample)


def _verified(ledger: Ledger, folder: Path, sample: int | None) -> Iterator[Verified]:
    for output, problem in _compared(ledger.outputs(sample), folder):
        superseded = problem == MISSING and not output.is_latest
        yield Verified(folder / output.written.path, "" if superseded else problem)


@dataclass(frozen=True)
class Orphan:
    """An output whose input is gone.

    Attributes:
        input: the location of its input
        problem: what is wrong with the output; "" if it is as written
        removed: whether it has been removed
        kept: why it could not be removed, if it should have been
    """

    path: Path
    input: str
    problem: str
    removed: bool = False
    kept: str = ""


def orphans(pipeline: Pipeline, catalog: Catalog, remove: bool = False) -> Iterator[Orphan]:
    """Yield the outputs on record whose inputs were in the pipeline's input folder and no longer exist.

    Inputs that exist but are no longer selected, and inputs of other folders, are not gone.

    Args:
        remove: whether to remove those that are as written

    Raises:
        ConfigError: the pipeline is invalid.
        PlanError: the input is not a local folder, or has no pictures, as when its disk is not connected.
        LockError: a run is using an output folder.
    """
    prepare(pipeline, catalog, resuming=False, dry=True)
    source = pipeline.source
    root = _local_root(source.location())
    if next(source.find(Counter()), None) is None:
        raise PlanError(
            f"{root}: contains no picture, so every output would count as one whose input is gone; "
            "is its disk connected?"
        )
    for folder in dict.fromkeys(map(folder_of, pipeline.sinks)):
        if os.path.lexists(folder / STATE / LEDGER):
            yield from (_removed if remove else _listed)(folder, root)


def _local_root(location: str) -> str:
    try:
        return str(local_path(location))
    except ValueError as error:
        raise PlanError(f"{error}; only outputs of local folders can be found by their missing inputs") from error


def _listed(folder: Path, root: str) -> Iterator[Orphan]:
    with kept_from_runs(folder), _opened(folder) as ledger:
        for output, problem in _compared(_without_input(ledger, root), folder):
            if problem != MISSING:
                yield Orphan(folder / output.written.path, output.location, problem)


def _removed(folder: Path, root: str) -> Iterator[Orphan]:
    """Remove files, and record it afterwards: if the process is killed in between, the record is removed next time."""
    with OutputFolder(folder) as held, _opened(folder) as ledger:
        held.prove_alone([held.identity()])
        for some in _batches(_compared(_without_input(ledger, root), folder)):
            gone: list[str] = []
            try:
                for output, problem in some:
                    orphan = Orphan(folder / output.written.path, output.location, problem)
                    if not problem:
                        orphan = _without_file(orphan, held, PurePosixPath(output.written.path))
                    gone += [output.written.path] if orphan.removed or problem == MISSING else []
                    if problem != MISSING:
                        yield orphan
            finally:
                ledger.remove(gone)


def _without_file(orphan: Orphan, held: OutputFolder, target: PurePosixPath) -> Orphan:
    try:
        held.remove(target)
    except OSError as error:
        return Orphan(orphan.path, orphan.input, "", kept=error.strerror or str(error))
    return Orphan(orphan.path, orphan.input, "", removed=True)


def _without_input(ledger: Ledger, root: str) -> Iterator[Output]:
    below = os.path.join(root, "")  # noqa: PTH118 - the separator at the end
    return (output for output in ledger.outputs() if output.location.startswith(below) and _is_gone(output.location))


def _is_gone(path: str) -> bool:
    """Whether a file certainly does not exist; a folder that cannot be read proves nothing."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def _compared(outputs: Iterable[Output], folder: Path) -> Iterator[tuple[Output, str]]:
    """Yield each output with what is wrong with its file; several are read concurrently, and few are in memory."""
    is_plain_folder = _plain_folders(folder)
    with ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 2)) as pool:
        for some in _batches(outputs):
            problems = pool.map(lambda output: _problem(output.written, folder, is_plain_folder), some)
            yield from zip(some, problems, strict=True)


def _problem(written: PlacedFile, folder: Path, is_plain_folder: Callable[[PurePosixPath], bool]) -> str:
    below = PurePosixPath(written.path)
    if reserved(below):
        return "not a path in this folder: the ledger has been edited"
    path = folder / below
    try:
        found = path.lstat()
        if not is_plain_folder(below.parent):
            return "in a folder that is a link"
        if not stat.S_ISREG(found.st_mode):
            return "not a regular file"
        return "" if found.st_size == written.size and files.sha256(path) == written.sha256 else CHANGED
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def _batches(items: Iterable[T]) -> Iterator[tuple[T, ...]]:
    stream = iter(items)
    while batch := tuple(islice(stream, BATCH)):
        yield batch


def _plain_folders(folder: Path) -> Callable[[PurePosixPath], bool]:
    @cache
    def is_plain(below: PurePosixPath) -> bool:
        return below == PurePosixPath() or (not (folder / below).is_symlink() and is_plain(below.parent))

    return is_plain


def _require_ledger(folder: Path) -> None:
    if not (folder / STATE / LEDGER).is_file():
        raise PlanError(f"{folder}: no run has written here: there is no {STATE}/{LEDGER}; state an output folder")


@contextmanager
def _opened(folder: Path) -> Iterator[Ledger]:
    ledger = Ledger(folder / STATE)
    try:
        yield ledger
    finally:
        ledger.close()
