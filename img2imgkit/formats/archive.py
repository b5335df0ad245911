"""Zip files of models. Those of others are not trusted: nothing is unpacked, and no more is read than there is."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath


class Refused(Exception):
    """Why a file is not read."""


def plain_members(archive: zipfile.ZipFile, path: Path, maker: str) -> Mapping[str, zipfile.ZipInfo]:
    """The members of an archive at ``path`` by name, where they lie in it as they are.

    Args:
        maker: what writes such archives, for errors

    Raises:
        Refused: they are compressed, claim more than the file has, or have names that lead out of it.
    """
    members = archive.infolist()
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in member.filename:
            raise Refused(f"a member's name leads out of it: {member.filename!r}")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise Refused(f"its members are compressed, which {maker} never does")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise Refused("its members claim more bytes than the file has")
    found = {member.filename: member for member in members}
    if len(found) < len(members):
        raise Refused("two of its members have one name")
    return found


def add_text(path: Path, name: str, text: str) -> None:
    """Append a member to a file of ours, which becomes a zip archive where it is none."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, text)


def text_in(path: Path, name: str) -> str:
    """A member that ``add_text`` has appended."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode("utf-8")
