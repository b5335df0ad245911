"""The tool's own files in an output folder: the lock, the ledger, unfinished files, thumbnails and the reports.

An output folder may come from elsewhere, so none of these is reached through a link, and none may have a second name:
what is written to it must not reach somebody else's file.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path, PurePosixPath

from img2imgkit.errors import PlanError
from img2imgkit.pipeline.anchored import Anchor, RefusedError

STATE = ".img2img"
LOCK, LEDGER = "lock", "ledger.jsonl"
UNFINISHED, THUMBNAILS = "unfinished", "thumbnails"
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


def reserved(target: PurePosixPath) -> str:
    """Return why nothing may be placed at a path below an output folder; "" if it may."""
    text = str(target).casefold()
    if not (STATE in text or ".." in text or text.startswith("/") or text == "."):
        return ""  # quickly, for a million targets
    if target.is_absolute() or ".." in target.parts or not target.parts:
        return "is outside the output folder"
    # Windows ignores spaces and dots at the end of a name.
    if any(part.rstrip(" .").casefold() == STATE for part in target.parts):
        return f"{STATE} is the folder of this tool's own files; choose another name"
    return ""


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
