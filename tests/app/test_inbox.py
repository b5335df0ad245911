from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from img2imgkit.app.inbox import Inbox
from img2imgkit.errors import RequestError


async def parts(*content: bytes) -> AsyncIterator[bytes]:
    for each in content:
        yield each


def put(inbox: Inbox, id: str, name: str, content: bytes, size: int | None = None) -> None:
    asyncio.run(inbox.put(id, name, len(content) if size is None else size, parts(content)))


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "inbox", quota=1000, reserve=0)


def test_names_and_folders_are_kept(inbox: Inbox) -> None:
    id = inbox.open(3, 1)
    put(inbox, id, "holiday/ä 1.jpg", b"abc")
    assert (inbox.folder / id / "holiday" / "ä 1.jpg").read_bytes() == b"abc"
    assert inbox.free == 997
    inbox.remove(id)
    assert inbox.free == 1000
    assert not list(inbox.folder.iterdir())


@pytest.mark.parametrize(
    "name",
    [
        *("../a.png", "a/../../b.png", "/a.png", "..", ".", "", "a\\b.png", "a\0.png", "C:a.png", "a/", "a\n.png"),
        *("a.exe", ".hidden.png", "x" * 250 + ".png", "/".join("a" * 20) + ".png", "a.png.part", "\udcff.png"),
    ],
)
def test_names_that_are_none_of_pictures_are_refused(inbox: Inbox, tmp_path: Path, name: str) -> None:
    id = inbox.open(3, 1)
    with pytest.raises(RequestError):
        put(inbox, id, name, b"abc")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("id", ["", "..", "0" * 16, "../inbox", "a/b"])
def test_other_folders_are_refused(inbox: Inbox, id: str) -> None:
    with pytest.raises(RequestError, match="no such upload"):
        put(inbox, id, "a.png", b"abc")
    with pytest.raises(RequestError, match="no such upload"):
        inbox.remove(id)


def test_what_does_not_fit_is_refused_before_it_is_sent(inbox: Inbox) -> None:
    with pytest.raises(RequestError, match="open the folder instead"):
        inbox.open(1001, 1)
    with pytest.raises(RequestError, match="open the folder instead"):
        inbox.open(1, 10**6)
    full = Inbox(inbox.folder, quota=1000, reserve=1 << 60)
    with pytest.raises(RequestError, match="can be uploaded"):
        full.open(1, 1)


@pytest.mark.parametrize(("size", "message"), [(2, "larger than stated"), (4, "not complete"), (2000, "no more")])
def test_a_file_is_there_whole_or_not_at_all(inbox: Inbox, size: int, message: str) -> None:
    id = inbox.open(3, 1)
    with pytest.raises(RequestError, match=message):
        put(inbox, id, "a.png", b"abc", size)
    assert not list((inbox.folder / id).iterdir())
    assert inbox.free == 1000


def test_uploads_of_an_earlier_server_count(inbox: Inbox) -> None:
    put(inbox, inbox.open(3, 1), "a.png", b"abc")
    assert Inbox(inbox.folder, quota=1000, reserve=0).free == 997


def test_uploads_that_no_batch_reads_go_with_the_next_start(inbox: Inbox) -> None:
    kept, left = inbox.open(3, 1), inbox.open(3, 1)
    put(inbox, kept, "a.png", b"abc")
    put(inbox, left, "a.png", b"abc")
    inbox.keep_only({kept, ""})
    assert [path.name for path in inbox.folder.iterdir()] == [kept]
    assert inbox.free == 997
