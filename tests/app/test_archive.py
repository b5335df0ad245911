from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from img2imgkit.app import archive


def test_a_streamed_archive_holds_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "CHUNK", 10)
    contents = {"a.png": b"first" * 20, "sub/ä.png": b"", "b.png": b"x" * 25}
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    pieces = list(archive.zipped((name, tmp_path / name) for name in contents))
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as made:
        assert made.testzip() is None
        assert {name: made.read(name) for name in made.namelist()} == contents
    assert max(map(len, pieces)) < 600


def test_an_archive_that_lacks_a_file_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"a")
    received: list[bytes] = []
    with pytest.raises(OSError, match=r"b\.png"):
        received.extend(archive.zipped((name, tmp_path / name) for name in ("a.png", "b.png")))
    assert received
    assert not zipfile.is_zipfile(io.BytesIO(b"".join(received)))
