"""Output folders: locking, and atomic placement of files."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from img2imgkit.errors import EncodeError, LockError, PlanError
from img2imgkit.pipeline.output_folder import OutputFolder, PlacedFile, StagedFile, stage, unstage, write_own_file

HOLD = """
import sys, time
from pathlib import Path
from img2imgkit.pipeline.output_folder import OutputFolder
with OutputFolder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def put(held: OutputFolder, target: str, data: bytes, record: Callable[[PlacedFile], None]) -> PlacedFile:
    path = PurePosixPath(target)
    return held.place(stage(held.folder, path, data), path, record)


def test_a_staged_file_is_complete_and_only_among_unfinished_files(tmp_path: Path) -> None:
    with OutputFolder(tmp_path):
        staged = stage(tmp_path, PurePosixPath("x.bin"), b"abc")
        digest = hashlib.sha256(b"abc").hexdigest()
        assert staged == StagedFile(staged.path, 3, os.stat(staged.path).st_mtime_ns, digest)  # noqa: PTH116
        there = {path for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"}
        assert there == {Path(staged.path)}
        assert Path(staged.path).parent == tmp_path / ".img2img" / "unfinished"
        assert Path(staged.path).read_bytes() == b"abc"
        assert stage(tmp_path, PurePosixPath("x.bin"), b"abc").path != staged.path
        unstage(staged)
        unstage(staged)
        assert not Path(staged.path).exists()


def test_files_are_recorded_before_they_are_placed(tmp_path: Path) -> None:
    seen: list[tuple[PlacedFile, bool]] = []
    target = tmp_path / "deep" / "x.bin"
    with OutputFolder(tmp_path) as held:
        written = put(held, "deep/x.bin", b"abc", lambda w: seen.append((w, target.exists())))
        assert target.read_bytes() == b"abc"
        assert seen == [(written, False)]
        assert written.is_unchanged(tmp_path)
        put(held, "deep/x.bin", b"abcd", lambda w: None)
        assert not written.is_unchanged(tmp_path)
    assert not list((tmp_path / ".img2img" / "unfinished").iterdir())


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with OutputFolder(tmp_path) as held:
        put(held, "x", b"old", lambda w: None)
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(EncodeError, match=r"x: cannot write it: No space left on device"):
            put(held, "x", b"new", lambda w: None)
    assert (tmp_path / "x").read_bytes() == b"old"
    assert not list((tmp_path / ".img2img" / "unfinished").iterdir())


def test_a_folder_with_the_target_name_is_an_error_of_that_file(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    with OutputFolder(tmp_path) as held, pytest.raises(EncodeError, match="x: cannot write it"):
        put(held, "x", b"new", lambda w: None)


def test_a_second_run_is_refused_and_the_error_names_the_owner_of_the_lock(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(LockError, match=rf"process {process.pid} on .* since"), OutputFolder(tmp_path):
            pass
    finally:
        process.kill()
        process.communicate()
    with OutputFolder(tmp_path):  # the system has released the lock of the killed process
        pass


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PlanError, match="cannot write to this folder"), OutputFolder(tmp_path / "file" / "out"):
        pass


def test_unfinished_files_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    left = tmp_path / ".img2img" / "unfinished" / "x"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    with OutputFolder(tmp_path):
        assert not left.exists()
        stage(tmp_path, PurePosixPath("x"), b"by a worker that has died")
    assert not list(left.parent.iterdir())


def test_text_files_are_replaced_atomically(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = PurePosixPath("r.json")
    (tmp_path / ".img2img" / "unfinished").mkdir(parents=True)
    write_own_file(tmp_path, target, "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_own_file(tmp_path, target, "new")
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["old"]
