"""The tool's own files in an output folder: the lock, the ledger, unfinished files, thumbnails and the reports.

An output folder may come from elsewhere, so none of these is reached through a link, and none may have a second name:
what is written to it must not reach somebody else's file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath

from img2imgkit.errors import LockError, PlanError
from img2imgkit.locks import in_use, owner_of, try_lock
from img2imgkit.pipeline.anchored import Anchor, RefusedError, identity

STATE = ".img2img"
LOCK, LEDGER = "lock", "ledger.jsonl"
UNFINISHED, THUMBNAILS = "unfinished", "thumbnails"
MAX_WAYS = 10_000  # folders checked for links by a plan; a run checks each file's
REPORTS = ("report.json", "report.html")


def prove_own_files(folder: Path, reports: bool = False) -> None:
    """Check that the tool's own files in an output folder, as far as they exist, can only be its own.

    Args:
        reports: whether the reports are written there, too

    Raises:
        PlanError: one is a link, has further names, or is not a regular file, so that it may be somebody else's.
    """
    try:
        with Anchor(folder) as root:
            for name in REPORTS if reports else ():
                root.prove(name)
            with root.below([STATE]) as state:
                for name in (LOCK, LEDGER):
                    state.prove(name)
                for name in (UNFINISHED, THUMBNAILS):
                    with suppress(FileNotFoundError):
                        state.below([name]).close()
    except RefusedError as error:
        raise refusal(error) from error
    except (OSError, ValueError):  # no such folder yet, or none that can be accessed: writing to it reports that
        return


def foreign_reports(folder: Path) -> Iterator[Path]:
    """Yield the files named like reports in a folder in which this tool has not worked."""
    if not (folder / STATE).is_dir():
        yield from (path for path in (folder / name for name in REPORTS) if path.exists())


def refusal(error: RefusedError) -> PlanError:
    """Return the error of a run that would use a file that may not be its own."""
    return PlanError(
        f"{error.filename}: {error.strerror}; this tool keeps its own files under that name: "
        "remove or rename it, or choose another output folder"
    )


def open_own(folder: Path, name: str, flags: int) -> int:
    """Open a file of the tool in an output folder and return its descriptor.

    Raises:
        RefusedError: it, or the folder that contains it, is a link, or it is not a regular file with one name.
        OSError: it cannot be opened.
    """
    with Anchor(folder) as root, root.below([STATE]) as state:
        return state.open(name, flags)


@contextmanager
def kept_from_runs(folder: Path) -> Iterator[None]:
    """Keep runs out of an output folder that is being read. Nothing is written, so its disk may be read-only.

    Raises:
        LockError: a run is using the folder.
    """
    with ExitStack() as held:
        # Without a lock no run has ever been here; another user's, or what is no lock file, keeps no run out either.
        with suppress(FileNotFoundError, PermissionError, RefusedError):
            lock = open_own(folder, LOCK, os.O_RDONLY)
            held.callback(os.close, lock)
            if not try_lock(lock, shared=True):
                raise in_use(folder, "another run", lock)
        yield


def prove_free(folder: Anchor, where: str, own: Collection[tuple[int, int]] = ()) -> None:
    """Check that no other run holds a folder.

    Args:
        where: how the error introduces the folder
        own: the identities of all locks of this run

    Raises:
        LockError: another run holds it.
    """
    with suppress(FileNotFoundError, RefusedError, PermissionError), folder.below([STATE]) as state:
        lock = state.open(LOCK, os.O_RDONLY)
        try:
            if identity(os.fstat(lock)) not in own and not try_lock(lock, shared=True):
                raise LockError(
                    f"{where} another run is using that folder ({owner_of(lock)}); wait for it, stop it, or choose "
                    "another output folder"
                )
        finally:
            os.close(lock)


def prove_free_above(folder: Path, own: Collection[tuple[int, int]] = ()) -> None:
    """Check that no other run holds a folder that this one is in. Raises LockError: another run holds one."""
    for parent in folder.resolve().parents:
        with suppress(OSError), Anchor(parent) as above:
            prove_free(above, f"{folder} is inside {parent}, and", own)


def reserved(target: PurePosixPath) -> str:
    """Return why nothing may be placed at a path below an output folder; "" if it may."""
    text = str(target).casefold()
    if os.name == "nt" and (":" in text or "\\" in text):
        return "has a character that leads elsewhere on Windows"
    if not (STATE in text or ".." in text or text.startswith("/") or text == "."):
        return ""  # quickly, for a million targets
    if target.is_absolute() or ".." in target.parts or not target.parts:
        return "is outside the output folder"
    # Windows ignores spaces and dots at the end of a name.
    if any(part.rstrip(" .").casefold() == STATE for part in target.parts):
        return f"{STATE} is the folder of this tool's own files; choose another name"
    return ""


class Ways:
    """Checks that targets are not the tool's own files, and that no link leads to them."""

    def __init__(self) -> None:
        self._known: set[tuple[Path, str]] = set()
        self._free: set[tuple[Path, str]] = set()

    def check(self, folder: Path, target: PurePosixPath) -> None:
        """Raises PlanError: the target is one of the tool's own files, or a link leads to it."""
        if problem := reserved(target):
            raise PlanError(f"{folder / target}: {problem}")
        way = (folder, str(target).rpartition("/")[0])
        if way not in self._known and len(self._known) < MAX_WAYS:
            self._known.add(way)
            if link := link_towards(folder, target):
                raise PlanError(
                    f"{link}: is a link, and outputs such as {target} would be written through it; replace it with a "
                    "folder, or choose another output folder"
                )

    def prove_free(self, folder: Path, target: PurePosixPath) -> None:
        """Raises LockError: another run holds a folder on the way from an output folder to a target below it."""
        way = (folder, str(target).rpartition("/")[0])
        if way in self._free or len(self._free) >= MAX_WAYS:
            return
        self._free.add(way)
        with suppress(OSError, ValueError), ExitStack() as opened:  # no such folder yet, or it cannot be accessed
            here = opened.enter_context(Anchor(folder))
            for name in target.parent.parts:
                here = opened.enter_context(here.below([name]))
                prove_free(here, f"{folder} contains {here.path.relative_to(folder)}, and")


def link_towards(folder: Path, target: PurePosixPath) -> str:
    """Return the first link on the way from an output folder to a target below it; "" if there is none."""
    try:
        with Anchor(folder) as root:
            root.below(target.parent.parts).close()
    except RefusedError as error:
        return str(error.filename) if error.errno == errno.ELOOP else ""
    except (OSError, ValueError):
        return ""
    return ""
