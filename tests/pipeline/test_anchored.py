"""The inside of a folder: links are never followed, and a folder that is renamed stays the same."""

import os
import socket
from pathlib import Path

import pytest

from img2imgkit.pipeline import anchored
from img2imgkit.pipeline.anchored import Anchor, RefusedError

CREATE = os.O_WRONLY | os.O_CREAT


@pytest.fixture(params=[True, False], ids=["descriptors", "paths"], autouse=True)
def by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether folders are held open, or paths are used as on Windows."""
    if request.param and not anchored.DESCRIPTORS:
        pytest.skip("this system looks names up by paths only")
    monkeypatch.setattr(anchored, "DESCRIPTORS", request.param)
    return bool(request.param)


def write(folder: Anchor, name: str, data: bytes) -> None:
    with os.fdopen(folder.open(name, CREATE), "wb") as handle:
        handle.write(data)


def test_files_are_written_moved_and_removed_below_a_folder(tmp_path: Path) -> None:
    with Anchor(tmp_path) as root, root.below(["a", "b"], create=True) as inner, root.below([]) as same:
        write(inner, "x", b"1")
        assert inner.path == tmp_path / "a" / "b"
        same.take(inner, "x", "y")
        assert (tmp_path / "y").read_bytes() == b"1"
        assert inner.names() == []
        root.remove("y")
        root.remove_tree("a")
        root.sync()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_created_only_when_asked(tmp_path: Path) -> None:
    with Anchor(tmp_path) as root, pytest.raises(FileNotFoundError):
        root.below(["a"])
    with pytest.raises(FileNotFoundError):
        Anchor(tmp_path / "a")


def test_a_link_to_the_folder_itself_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with Anchor(tmp_path / "link") as root:
        write(root, "x", b"1")
    assert (tmp_path / "real" / "x").read_bytes() == b"1"


@pytest.mark.parametrize("create", [True, False])
def test_a_link_below_the_folder_is_refused(tmp_path: Path, create: bool) -> None:
    (tmp_path / "elsewhere").mkdir()
    root_folder = tmp_path / "root"
    root_folder.mkdir()
    (root_folder / "a").symlink_to(tmp_path / "elsewhere")
    (root_folder / "dangling").symlink_to(tmp_path / "nowhere")
    with Anchor(root_folder) as root:
        for names in (["a"], ["a", "b"], ["dangling"]):
            with pytest.raises(RefusedError, match="is a link"):
                root.below(names, create)
        with pytest.raises(RefusedError, match="is not the name of a folder"):
            root.below([".."])
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


def odd(folder: Path, kind: str) -> None:
    match kind:
        case "link":
            (folder / "x").symlink_to(folder / "theirs")
        case "dangling link":
            (folder / "x").symlink_to(folder / "nowhere")
        case "hard link":
            os.link(folder / "theirs", folder / "x")
        case "pipe":
            os.mkfifo(folder / "x")
        case "folder":
            (folder / "x").mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind("x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "pipe", "folder", "socket"])
def test_what_may_be_somebody_elses_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs").write_text("theirs")
    odd(tmp_path, kind)
    with Anchor(tmp_path) as root:
        for flags in (os.O_RDONLY, CREATE | os.O_TRUNC):
            with pytest.raises(RefusedError) as caught:
                root.open("x", flags)
            assert caught.value.filename == str(tmp_path / "x")
        with pytest.raises(RefusedError):
            root.prove("x")
        root.prove("missing")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["link", "hard link", "pipe"])
def test_what_appears_after_the_check_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: bool, kind: str
) -> None:
    if kind == "link" and not hasattr(os, "O_NOFOLLOW"):
        pytest.skip("this system opens links")
    (tmp_path / "theirs").write_text("theirs")
    odd(tmp_path, kind)

    def not_there_yet(*_: object) -> os.stat_result:
        raise FileNotFoundError

    with Anchor(tmp_path) as root:
        monkeypatch.setattr(root, "status", not_there_yet)
        with pytest.raises((RefusedError, OSError)):
            root.open("x", CREATE)
        with pytest.raises(RefusedError):
            root.open("x", os.O_RDONLY)
    assert (tmp_path / "theirs").read_text() == "theirs"


def test_a_link_that_appears_after_the_check_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: bool
) -> None:
    if not by:
        pytest.skip("paths are looked up anew")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").symlink_to(tmp_path)
    with Anchor(tmp_path / "root") as root:
        monkeypatch.setattr(root, "status", lambda name: os.stat(tmp_path))  # noqa: PTH116
        with pytest.raises(RefusedError, match="is a link"):
            root.below(["a"])


def test_a_moved_folder_stays_the_same(tmp_path: Path, by: bool) -> None:
    if not by:
        pytest.skip("paths lead to whatever is there")
    (tmp_path / "a").mkdir()
    with Anchor(tmp_path / "a") as root:
        (tmp_path / "a").rename(tmp_path / "b")
        (tmp_path / "a").mkdir()
        write(root, "x", b"1")
    assert (tmp_path / "b" / "x").read_bytes() == b"1"
    assert list((tmp_path / "a").iterdir()) == []


def test_a_link_in_the_place_of_a_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "x").symlink_to(tmp_path / "theirs")
    with Anchor(tmp_path) as root:
        write(root, "new", b"1")
        root.take(root, "new", "x")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert not (tmp_path / "x").is_symlink()


def test_removing_a_tree_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "x").write_text("theirs")
    (tmp_path / "root" / "tree").mkdir(parents=True)
    (tmp_path / "root" / "tree" / "link").symlink_to(tmp_path / "theirs")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "theirs")
    with Anchor(tmp_path / "root") as root:
        root.remove_tree("tree")
        root.remove_tree("link")
    assert (tmp_path / "theirs" / "x").exists()
    assert not (tmp_path / "root" / "tree").exists()
