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


@pytest.mark.parametrize(
    "content", [b"\xff\xfe{", b"", b'{"pid": 1', b"[]", b'{"pid": "\\u001b", "host": 1}', b"[" * 9000]
)
def test_a_torn_lock_that_is_held_names_no_owner(tmp_path: Path, content: bytes) -> None:
    with OutputFolder(tmp_path) as held:
        (held.state / "lock").write_bytes(content)
        with pytest.raises(LockError, match="its owner is unknown"), OutputFolder(tmp_path):
            pass


def test_an_output_is_never_placed_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    with OutputFolder(tmp_path / "out") as held:
        staged = stage(held.folder, PurePosixPath("sub/x"), b"abc")
        (tmp_path / "out" / "sub").symlink_to(tmp_path / "theirs")  # while the run works
        with pytest.raises(EncodeError, match="out/sub is a link, and links inside an output folder are not followed"):
            held.place(staged, PurePosixPath("sub/x"), lambda written: None)
    assert list((tmp_path / "theirs").iterdir()) == []


def test_a_link_in_the_place_of_an_output_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    with OutputFolder(tmp_path / "out") as held:
        (held.folder / "x").symlink_to(tmp_path / "theirs")
        put(held, "x", b"ours", lambda written: None)
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert (tmp_path / "out" / "x").read_bytes() == b"ours"


@pytest.mark.parametrize("name", ["unfinished", "thumbnails", ""])
def test_unfinished_files_are_never_written_through_a_link(tmp_path: Path, name: str) -> None:
    (tmp_path / "theirs" / "unfinished").mkdir(parents=True)
    with OutputFolder(tmp_path / "out") as held:
        swapped = held.state / name if name else held.state
        if swapped.exists():
            swapped.rename(tmp_path / "old")
        swapped.symlink_to(tmp_path / "theirs")  # while the run works
        target = PurePosixPath(".img2img/thumbnails/x")
        with pytest.raises(OSError, match="links inside an output folder"):
            write_own_file(held.folder, target, b"thumbnail")
        if name != "thumbnails":
            with pytest.raises(EncodeError, match="links inside an output folder"):
                stage(held.folder, PurePosixPath("x"), b"abc")
    assert [path for path in (tmp_path / "theirs").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("again", [True, False])
def test_a_folder_that_is_moved_is_noticed_before_a_file_is_placed(tmp_path: Path, again: bool) -> None:
    recorded: list[PlacedFile] = []
    with OutputFolder(tmp_path / "out") as held:
        put(held, "a", b"1", recorded.append)
        staged = stage(held.folder, PurePosixPath("b"), b"2")
        (tmp_path / "out").rename(tmp_path / "moved")
        if again:
            with OutputFolder(tmp_path / "out") as second:
                put(second, "b", b"second", lambda written: None)
                with pytest.raises(LockError, match="out: was moved, removed or replaced"):
                    held.place(staged, PurePosixPath("b"), recorded.append)
        else:
            with pytest.raises(LockError, match="out: was moved, removed or replaced"):
                held.place(staged, PurePosixPath("b"), recorded.append)
            with pytest.raises(EncodeError, match="No such file"):
                stage(held.folder, PurePosixPath("b"), b"2")
    assert [written.path for written in recorded] == ["a"]
    assert (tmp_path / "moved" / "a").exists()
    assert not list((tmp_path / "moved" / ".img2img" / "unfinished").iterdir())
    assert (tmp_path / "out").exists() == again
    if again:
        assert (tmp_path / "out" / "b").read_bytes() == b"second"


def test_a_lock_that_is_replaced_is_noticed(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as held:
        (held.state / "lock").unlink()
        with OutputFolder(tmp_path), pytest.raises(LockError):
            put(held, "b", b"2", lambda written: None)


def test_a_run_inside_the_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as outer, OutputFolder(tmp_path / "out" / "a" / "b") as inner:
        with pytest.raises(LockError, match=rf"b is inside {tmp_path}/out, and another run .*process {os.getpid()}"):
            inner.prove_alone([inner.identity()])
        inner.prove_alone([inner.identity(), outer.identity()])  # two sinks of one run


def test_a_run_around_the_folder_of_another_run_is_refused_before_it_writes_there(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as outer:
        with OutputFolder(tmp_path / "out" / "a") as inner:
            outer.prove_alone([outer.identity()])
            put(outer, "other/x", b"1", lambda written: None)
            with pytest.raises(LockError, match="out contains a, and another run is using that folder"):
                put(outer, "a/b/x", b"1", lambda written: None)
            assert not (tmp_path / "out" / "a" / "b" / "x").exists()
            outer.prove_alone([outer.identity(), inner.identity()])
            put(outer, "a/b/x", b"1", lambda written: None)
        put(outer, "a/x", b"1", lambda written: None)


def test_the_state_folder_and_places_outside_are_no_targets(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as held:
        for target in (".img2img/unfinished/x", ".IMG2IMG/x", "../x", "a/../../x"):
            with pytest.raises(EncodeError, match=r"folder"):
                put(held, target, b"1", lambda written: None)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_output_replaced_by_a_link_or_a_pipe_is_not_unchanged(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as held:
        written = put(held, "x", b"abc", lambda written: None)
        (tmp_path / "x").rename(tmp_path / "y")
        (tmp_path / "x").symlink_to("y")
        assert not written.is_unchanged(tmp_path)
        (tmp_path / "x").unlink()
        os.mkfifo(tmp_path / "x")
        assert not PlacedFile("x", 0, 0, "").is_unchanged(tmp_path)


def test_outputs_are_removed_but_not_through_links_or_below_a_folder_in_use(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "a.png").write_bytes(b"")
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "a.png").write_bytes(b"")
    (tmp_path / "out" / "link").symlink_to(tmp_path / "theirs")
    with OutputFolder(tmp_path / "out") as held:
        with pytest.raises(OSError, match="is a link"):
            held.remove(PurePosixPath("link/a.png"))
        with OutputFolder(tmp_path / "out" / "deep"), pytest.raises(LockError, match="using that folder"):
            held.remove(PurePosixPath("deep/a.png"))
        held.remove(PurePosixPath("deep/a.png"))
    assert (tmp_path / "theirs" / "a.png").exists()
    assert not (tmp_path / "out" / "deep" / "a.png").exists()
