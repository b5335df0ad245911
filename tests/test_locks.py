"""Locks of folders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from img2imgkit.errors import LockError
from img2imgkit.locks import locked, try_lock

HOLD = "import sys; from pathlib import Path; from img2imgkit.locks import locked\n" + (
    "with locked(Path(sys.argv[1]), 'x'): print('held', flush=True); sys.stdin.read()"
)


def test_another_holder_is_refused_and_named_until_the_body_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, "another training"):
        with pytest.raises(LockError) as refused, locked(path, "another training"):
            pass
        said = f"{tmp_path}: another training is using this folder (process {os.getpid()} on "
        assert str(refused.value).startswith(said)
    with locked(path, "another training"):
        pass
    assert path.read_text() == ""


@pytest.mark.slow
def test_the_lock_of_a_killed_process_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(LockError, match=f"process {holder.pid} on "), locked(path, "another run"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert json.loads(path.read_text())["pid"] == holder.pid
    with locked(path, "another run"):
        pass


def test_an_unreadable_owner_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, "another run"):
        path.write_bytes(b"\xff{")
        with pytest.raises(LockError, match="its owner is unknown"), locked(path, "another run"):
            pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs links and pipes")
@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "dangling"])
def test_what_is_no_file_of_ours_is_neither_followed_nor_changed(tmp_path: Path, kind: str) -> None:
    path, other = tmp_path / "lock", tmp_path / "other"
    other.write_text("precious")
    match kind:
        case "link":
            path.symlink_to(other)
        case "hard link":
            os.link(other, path)
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to(tmp_path / "new")
    with pytest.raises(LockError, match=f"{path}: is .*; remove it"), locked(path, "another run"):
        pass
    assert other.read_text() == "precious"
    assert not (tmp_path / "new").exists()


def test_readers_share_a_lock_and_exclude_its_holder(tmp_path: Path) -> None:
    handles = [os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT) for _ in range(3)]
    try:
        assert [try_lock(handles[0], shared=True), try_lock(handles[1], shared=True)] == [True, True]
        assert not try_lock(handles[2])
    finally:
        for handle in handles:
            os.close(handle)
