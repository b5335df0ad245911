from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from img2imgkit.app import launching
from img2imgkit.app.launching import AGAIN, RedirectFile, address_again


def test_only_the_user_can_read_the_file_and_it_goes(tmp_path: Path) -> None:
    with RedirectFile(tmp_path, lambda: "http://127.0.0.1:1/a?token=x&<y") as file:
        assert file.url == "http://127.0.0.1:1/a?token=x&<y"
        assert file.path.stat().st_mode & 0o777 == 0o600
        assert "url=http://127.0.0.1:1/a?token=x&amp;&lt;y" in file.path.read_text()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["open.html", ".open.html"])
def test_a_link_in_its_place_is_not_written_through(tmp_path: Path, name: str) -> None:
    (tmp_path / "victim").write_text("kept")
    (tmp_path / name).symlink_to(tmp_path / "victim")
    with RedirectFile(tmp_path, lambda: "http://127.0.0.1:1/") as file:
        assert (tmp_path / "victim").read_text() == "kept"
        assert not file.path.is_symlink()


def test_a_request_is_answered_with_another_address(tmp_path: Path) -> None:
    numbers = count()
    with RedirectFile(tmp_path, lambda: f"http://127.0.0.1:1/?a&b={next(numbers)}") as file:
        assert address_again(tmp_path) == "http://127.0.0.1:1/?a&b=1"
        assert address_again(tmp_path) == "http://127.0.0.1:1/?a&b=2"
        assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "PATIENCE", 0.1)
    assert address_again(tmp_path) is None
    assert not (tmp_path / AGAIN).exists()
    assert address_again(tmp_path / "missing") is None
