"""What lies where a model's file belongs but is none, recognised by its first bytes, with the way out."""

from __future__ import annotations

from pathlib import Path

from img2imgkit.exchange import HEAD_BYTES
from img2imgkit.files import open_regular

ARCHIVES = {
    **{b"PK\x03\x04": "zip", b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"},
    **{b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "rar"},
}
TAR = b"ustar"
TAR_PLACE = 257  # of the mark in the first header of a tar archive
POINTERS = {
    b"version https://git-lfs.github.com/spec/": "a pointer of Git LFS, not the file that it points to: run "
    "'git lfs pull' in its repository, or download the file itself",
    b"/annex/objects/": "a pointer of git-annex, not the file that it points to: run 'git annex get' in its repository",
}
PAGE = (
    "a web page (HTML), as a download of the page about a file leaves it, or one that failed: download the file itself"
)


def head_of(path: Path) -> bytes:
    """The first bytes of a regular file, up to ``HEAD_BYTES``. Raises OSError if it cannot be read."""
    with open_regular(path) as file:
        return file.read(HEAD_BYTES)


def other_file(head: bytes) -> str:
    """What a file is that begins like this, and what to do; "" if it is nothing known here.

    Whoever reads zip archives asks only where the archive is none of theirs.
    """
    for mark, text in POINTERS.items():
        if head.startswith(mark):
            return text
    for mark, name in ARCHIVES.items():
        if head.startswith(mark):
            return _archive(name)
    if head[TAR_PLACE : TAR_PLACE + len(TAR)] == TAR:
        return _archive("tar")
    return _text(head)


def _archive(name: str) -> str:
    return f"an archive ({name}): unpack it, and state the file inside"


def _text(head: bytes) -> str:
    """What a text is; "" if it is none."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head")) or (text.startswith(b"<?xml") and b"<html" in text):
        return PAGE
    if text.startswith(b"<?xml"):
        return "an XML text, such as a server's answer that a download failed: download the file again"
    if text.startswith((b"{", b"[")) and b"\x00" not in head:
        return (
            "a JSON text, such as a server's answer that a download failed, or a model's configuration: "
            "download the file with its weights"
        )
    return ""
