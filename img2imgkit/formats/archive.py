"""Zip archives of models. Untrusted ones are never unpacked, and never read beyond their size on disk."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath


class Refused(Exception):
    """A file is refused; the message states why."""


def plain_members(archive: zipfile.ZipFile, path: Path, maker: str) -> Mapping[str, zipfile.ZipInfo]:
    """The members of an archive at ``path`` by name, provided that they are stored uncompressed.

    Args:
        maker: the software that writes such archives, for errors

    Raises:
        Refused: members are compressed, claim more bytes than the file has, share a name, or have names that lead
            outside the archive.
    """
    members = archive.infolist()
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in member.filename:
            raise Refused(f"a member's name leads outside the archive: {member.filename!r}")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise Refused(f"its members are compressed, which {maker} never does")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise Refused("its members claim more bytes than the file has")
    found = {member.filename: member for member in members}
    if len(found) < len(members):
        raise Refused("two of its members have the same name")
    return found


def add_text(path: Path, name: str, text: str) -> None:
    """Append a member to a file written by img2imgkit, which thereby becomes a zip archive if it is not one yet."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, text)


def text_in(path: Path, name: str) -> str:
    """Read a member appended by ``add_text``."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode("utf-8")
