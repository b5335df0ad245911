from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from img2imgkit.app import desk, server
from img2imgkit.cli import console


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[server.Listening]:
    """What would be served, without serving it."""
    found: list[server.Listening] = []

    class NoDesk:
        def __init__(self, folders: Any, places: Any) -> None:
            self.folders = folders

        def __enter__(self) -> NoDesk:
            return self

        def __exit__(self, *raised: object) -> None:
            pass

    monkeypatch.setattr(desk, "Desk", NoDesk)
    monkeypatch.setattr(server, "serve", lambda desk, listening, ready: found.append(listening))
    monkeypatch.delenv("IMG2IMG_APP_PASSWORD", raising=False)
    return found


def test_by_default_only_this_machine_is_served_at_any_port(img2img: Any, served: list[server.Listening]) -> None:
    assert img2img("app").code == 0
    assert served == [server.Listening("127.0.0.1", 0)]


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "2001:db8::1"])
def test_other_machines_need_a_password(img2img: Any, served: list[server.Listening], host: str) -> None:
    outcome = img2img("app", "--host", host)
    assert (outcome.code, served) == (2, [])
    assert "needs a password" in outcome.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_all_addresses_at_once_are_refused(
    img2img: Any, served: list[server.Listening], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMG2IMG_APP_PASSWORD", "secret")
    outcome = img2img("app", "--host", host)
    assert (outcome.code, served) == (2, [])
    assert "state one address" in outcome.err


class TestPasswords:
    def test_from_the_environment(self, img2img: Any, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("IMG2IMG_APP_PASSWORD", "secret")
        outcome = img2img("app", "--host", "192.0.2.1")
        assert served[0].password == "secret"
        assert "without a certificate" in outcome.err
        assert "secret" not in outcome.err + outcome.out

    def test_from_a_file(self, img2img: Any, served: Any, tmp_path: Any) -> None:
        (tmp_path / "password").write_text("from a file\n")
        img2img("app", "--host", "192.0.2.1", "--password-file", tmp_path / "password")
        assert served[0].password == "from a file"

    def test_from_the_terminal(self, img2img: Any, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(console.click, "prompt", lambda text, **options: f"{text} {options['hide_input']}")
        img2img("app", "--password")
        assert served[0].password == "Password True"

    def test_never_as_an_argument(self, img2img: Any, served: Any) -> None:
        outcome = img2img("app", "--password=secret")
        assert (outcome.code, served) == (2, [])

    def test_with_a_certificate_there_is_no_warning(self, img2img: Any, served: Any, tmp_path: Any) -> None:
        for name in ("cert", "key", "password"):
            (tmp_path / name).write_text("x")
        files = ("--tls", tmp_path / "cert", tmp_path / "key", "--password-file", tmp_path / "password")
        assert "warning" not in img2img("app", "--host", "192.0.2.1", *files).err
        assert served[0].scheme == "https"


def test_without_its_libraries_it_says_how_to_install_them(
    img2img: Any, served: list[server.Listening], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("img2imgkit.cli.app.find_spec", lambda name: None if name == "uvicorn" else find(name))
    outcome = img2img("app")
    assert outcome.code == 2
    assert "uvicorn not installed: pip install 'img2imgkit[app]'" in outcome.err


def test_a_folder_that_does_not_exist_is_an_error(img2img: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMG2IMG_HOME", str(tmp_path))
    outcome = img2img("app", tmp_path / "missing")
    assert outcome.code == 2
    assert "missing: no such folder" in outcome.err
