"""Files that losses and metrics need and that the user added by name: pretrained features, and parameters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, get_args

from img2imgkit.errors import InteropError
from img2imgkit.files import sha256
from img2imgkit.model_entry import NAME, recorded_entry
from img2imgkit.places import Places

Kind = Literal["features", "parameters"]


def added_file(name: str, kind: Kind | None = None, places: Places | None = None) -> Path | None:
    """The file of an entry that the user added; None if nothing of that name was added.

    Args:
        kind: what it must be; None: either

    Raises:
        InteropError: it is of another kind, or the file is missing or has changed.
        BundleError: the record of what was added is damaged.
    """
    folder = (places or Places.of_user()).models / name
    if not re.match(NAME, name) or not folder.is_dir():
        return None
    entry = recorded_entry(folder)
    if entry.kind not in ((kind,) if kind else get_args(Kind)):
        wanted_kind = repr(kind) if kind else " or ".join(map(repr, get_args(Kind)))
        raise InteropError(f"{name!r} in the user's models is of the kind {entry.kind!r}, not {wanted_kind}")
    wanted = (entry.read or entry.names)[0]
    digests = {member.name: member.sha256 for source in entry.sources for member in source.members}
    digests |= {source.file_name: source.sha256 for source in entry.sources if not source.members}
    path = folder / wanted
    if not path.is_file() or sha256(path) != digests[wanted]:
        raise InteropError(f"{path}: missing or changed; remove {name!r} and add it again")
    return path


def not_added(stated: str) -> str:
    """For an error: what could be added under a name, and how."""
    return f"nor has {stated!r} been added ('img2img models add NAME'; 'img2img models' tells which names there are)"
