"""Files are replaced at once, or not at all; only regular files are read."""

import os
import socket
from pathlib import Path

import pytest

from img2imgkit.files import (
    NotRegularError,
    open_regular,
    prove_regular,
    read_bytes,
    read_text,
    replacing,
    write_whole,
)


def test_text_and_bytes(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "größe \udcff")
    assert (tmp_path / "a").read_bytes() == "größe \\udcff".encode()
    write_whole(tmp_path / "a", b"\x00")
    assert (tmp_path / "a").read_bytes() == b"\x00"


def test_an_error_in_the_body_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "old")
    with pytest.raises(TypeError), replacing(tmp_path / "a") as handle:
        handle.writelines([b"half", None])  # type: ignore[list-item]
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    write_whole(tmp_path / "a", "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "a", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_a_leftover_that_is_a_link_or_a_pipe_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / ".a.new").symlink_to(tmp_path / "theirs")
    write_whole(tmp_path / "a", "ours")
    os.mkfifo(tmp_path / ".a.new")
    write_whole(tmp_path / "a", "ours again")
    assert (tmp_path / "a").read_text() == "ours again"
    assert (tmp_path / "theirs").read_text() == "theirs"


def odd_file(kind: str, folder: Path) -> Path:
    """Make something that is not a regular file; opening some of these would wait forever."""
    path = folder / "odd"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "link to a pipe":
            os.mkfifo(folder / "pipe")
            path.symlink_to(folder / "pipe")
        case "socket":
            with socket.socket(socket.AF_UNIX) as listening:
                os.chdir(folder)  # the path of a socket must be short
                listening.bind("odd")
        case "device":
            return Path("/dev/zero")
        case "folder":
            path.mkdir()
    return path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "socket", "device", "folder"])
def test_what_is_not_a_regular_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = odd_file(kind, tmp_path)
    for read in (open_regular, prove_regular, read_bytes):
        with pytest.raises(NotRegularError) as caught:
            read(path)
        assert caught.value.strerror == ("is a folder, not a file" if kind == "folder" else "is not a regular file")
        assert caught.value.filename == str(path)


def test_a_pipe_that_replaces_the_file_in_between_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "a")
    monkeypatch.setattr("img2imgkit.files.prove_regular", lambda path: None)
    with pytest.raises(NotRegularError):
        open_regular(tmp_path / "a")


def test_a_link_to_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert read_bytes(tmp_path / "b") == b"x"


def test_no_more_than_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a\r\nb")
    os.truncate(path, 1 << 40)  # without taking space on the disk
    with pytest.raises(OSError, match="larger than 1 MiB"):
        read_bytes(path, 1 << 20)
    os.truncate(path, 4)
    assert read_bytes(path, 4) == b"a\r\nb"
    assert read_text(path, 4) == "a\nb"
