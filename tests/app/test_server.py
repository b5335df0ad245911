"""The real server, attacked as a web page, another host, or another user of the machine could."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from page_server import PATIENCE, PageServer, page_server
from PIL import Image

MODEL = "sr-compact-x2"
HOSTILE = "<img src=x onerror=alert(1)>.png"


def save(path: Path, side: int = 24) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), (120, 30, 200)).save(path)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("page")
    save(place / "photos" / "a.png")
    save(place / "photos" / HOSTILE)
    save(place / "secret.png")
    (place / "photos" / "out.png").symlink_to(place / "secret.png")
    return place


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[PageServer]:
    with page_server(place / "home", place / "photos") as started:
        started.launch()
        yield started


def batch(**changed: Any) -> dict[str, Any]:
    translation = {"model": MODEL, **changed.pop("translation", {})}
    return {"name": "photos", "source": {"root": "0", "path": ""}, "translation": translation, **changed}


pytestmark = pytest.mark.slow


class TestWhoMayAsk:
    def test_the_launch_token_works_once(self, server: PageServer) -> None:
        again = server.ask("GET", f"{server.area}/launch?{server.token}", headers={"Cookie": None})
        assert again.status == 403
        assert "set-cookie" not in again.headers

    def test_a_second_user_of_the_machine_gets_nothing(self, server: PageServer) -> None:
        for path in ("/", "/launch", server.area, f"{server.area}/", f"{server.area}/api/state", f"{server.area}/x"):
            assert server.ask("GET", path, headers={"Cookie": None}).status in (401, 403)
        assert server.ask("GET", f"{server.area}/launch?token=guess", headers={"Cookie": None}).status == 403

    @pytest.mark.parametrize("host", ["evil.example", "localhost:80", "127.0.0.1", "0.0.0.0"])
    def test_rebound_names_are_refused(self, server: PageServer, host: str) -> None:
        assert server.ask("GET", f"{server.area}/api/state", headers={"Host": host}).status == 421

    @pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:1"])
    def test_foreign_pages_cannot_change_anything(self, server: PageServer, origin: str | None) -> None:
        body = json.dumps(batch()).encode()
        assert server.ask("POST", f"{server.area}/api/batches", body, {"Origin": origin}).status == 403
        assert server.batches() == []

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
    def test_forms_cannot_change_anything(self, server: PageServer, kind: str | None) -> None:
        body = json.dumps(batch()).encode()
        assert server.ask("POST", f"{server.area}/api/batches", body, {"Content-Type": kind}).status == 415

    def test_only_the_user_can_read_the_data_folder(self, server: PageServer) -> None:
        folder = server.home / "data" / "app"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "open.html").stat().st_mode & 0o777 == 0o600
        command = Path(f"/proc/{server.process.pid}/cmdline")
        assert not command.exists() or server.token.encode() not in command.read_bytes()

    def test_it_listens_on_this_machine_only(self, server: PageServer) -> None:
        assert server.authority.startswith("127.0.0.1:")
        with socket.socket() as other:
            assert other.connect_ex(("127.0.0.2", int(server.authority.rpartition(":")[2]))) != 0


class TestWhatMayBeAsked:
    @pytest.mark.parametrize(
        "path",
        ["../secret.png", "%2e%2e/secret.png", "..%2fsecret.png", "out.png", "/etc/passwd", "%2Fetc%2Fpasswd", "a%00"],
    )
    def test_files_outside_the_opened_folder_are_refused(self, server: PageServer, path: str) -> None:
        for address in ("thumbnail", "size", "folder"):
            answer = server.ask("GET", f"{server.area}/api/{address}?root=0&side=320&path={path.replace('%', '%25')}")
            assert answer.status in (400, 403, 404, 409), (address, answer.body)

    def test_links_out_of_it_cannot_be_tried(self, server: PageServer) -> None:
        stated = {"source": {"root": "0", "path": "out.png"}, "box": [0, 0, 8, 8]}
        assert "leads out" in server.post("try-outs", stated, 403)["error"]

    @pytest.mark.parametrize(
        "path", ["..%2f..%2fserver.py", "%2e%2e/server.py", "strings/../../server.py", "/etc/passwd"]
    )
    def test_only_files_of_the_page_are_served(self, server: PageServer, path: str) -> None:
        assert server.ask("GET", f"{server.area}/static/{path}").status == 404

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            ({"output": {"root": "0", "path": "../elsewhere"}}, 403),
            ({"output": {"root": "inbox", "path": "x"}}, 409),
            ({"output": {"root": "samples", "path": "x"}}, 409),
            ({"output": {"root": "0", "path": ""}}, 409),
            ({"source": {"root": "0", "path": ".."}}, 403),
            ({"translation": {"model": "../secret.png"}}, 404),
            ({"translation": {"model": "stargan-typefaces"}}, 409),
            ({"translation": {"steps": []}}, 400),
            ({"steps": []}, 400),
        ],
    )
    def test_a_batch_stays_within_the_opened_folders(
        self, server: PageServer, changed: dict[str, Any], status: int
    ) -> None:
        assert "error" in server.post("batches", batch(**changed), status)
        assert server.batches() == []

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"name": 1}', b"\xff", b"[" * 100_000])
    def test_what_is_no_json_is_refused(self, server: PageServer, body: bytes) -> None:
        assert server.ask("POST", f"{server.area}/api/batches", body).status == 400

    def test_long_requests_are_refused(self, server: PageServer) -> None:
        assert server.ask("POST", f"{server.area}/api/batches", b" " * ((1 << 20) + 1)).status == 413

    def test_names_are_data_wherever_they_come(self, server: PageServer) -> None:
        found = server.get("folder", root="0")
        assert HOSTILE in [each["name"] for each in found["pictures"]]
        page = server.ask("GET", f"{server.area}/")
        assert b"onerror" not in page.body
        assert "script-src 'self'" in page.headers["content-security-policy"]

    def test_unknown_addresses_and_methods(self, server: PageServer) -> None:
        assert server.ask("GET", f"{server.area}/api/nothing").status == 404
        assert server.ask("POST", f"{server.area}/api/state", b"{}").status == 405


class TestUploads:
    def test_an_upload_is_a_place_to_read_from(self, server: PageServer, place: Path) -> None:
        content = (place / "photos" / "a.png").read_bytes()
        id = server.post("inboxes", {"bytes": len(content), "files": 1})["id"]
        kind = {"Content-Type": "application/octet-stream"}
        answer = server.ask("PUT", f"{server.area}/api/inboxes/{id}/files?name=trip/b.png", content, kind)
        assert answer.status == 204, answer.body
        assert server.get("folder", root="inbox", path=f"{id}/trip")["count"] == 1
        found = server.post("preview", batch(source={"root": "inbox", "path": id}))
        assert str(place / "photos" / "img2img") in found["output"]
        assert server.ask("DELETE", f"{server.area}/api/inboxes/{id}").status == 204
        assert list((server.home / "data" / "app" / "inbox").iterdir()) == []

    def test_limits_hold_before_anything_is_sent(self, server: PageServer) -> None:
        assert "open the folder instead" in server.post("inboxes", {"bytes": 3 << 30, "files": 1}, 413)["error"]
        id = server.post("inboxes", {"bytes": 1, "files": 1})["id"]
        kind = {"Content-Type": "application/octet-stream"}
        for name, status in (("../../x.png", 400), ("x.sh", 415)):
            answer = server.ask("PUT", f"{server.area}/api/inboxes/{id}/files?name={name}", b"x", kind)
            assert answer.status == status
        server.ask("DELETE", f"{server.area}/api/inboxes/{id}")


def test_without_pictures_of_their_own_users_try_the_samples(server: PageServer, place: Path) -> None:
    assert server.get("folder", root="samples")["count"] == 3
    found = server.post("preview", batch(name="a/b", source={"root": "samples", "path": ""}))
    assert found["output"] == str(place / "photos" / "img2img" / f"a b-{MODEL}")


def test_a_try_out_is_what_the_model_makes(server: PageServer) -> None:
    stated = {"source": {"root": "0", "path": "a.png"}, "box": [2, 2, 16, 16], "settings": {"model": MODEL}}
    made = server.post("try-outs", stated)
    assert (made["width"], made["height"], made["scale"]) == (32, 32, 2)
    answer = server.ask("GET", f"{server.area}/api/try-outs/{made['id']}.png")
    with Image.open(BytesIO(answer.body)) as image:
        assert image.size == (32, 32)


def test_the_shown_pipeline_makes_the_same_bytes(server: PageServer, place: Path) -> None:
    """What the page did is what ``img2img run`` does with its YAML."""
    id = server.post("batches", batch(translation={"format": "jpeg", "quality": 80, "longest": 40}))["id"]
    made = server.until(lambda each: each["state"] == "done" and each["surveyed"], id)
    assert made["outputs"] == 3  # runs follow links in a folder
    text = server.ask("GET", f"{server.area}/api/batches/{id}/pipeline.yaml").body
    (place / "shown.yaml").write_bytes(text)
    command = [sys.executable, "-m", "img2imgkit.cli", "run", "shown.yaml", "-o", "again", "--progress", "none"]
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    pages = sorted(Path(made["output"]).glob("*.jpg"))
    assert len(pages) == made["outputs"]
    assert [path.read_bytes() for path in pages] == [(place / "again" / path.name).read_bytes() for path in pages]
    archive = server.ask("GET", f"{server.area}/api/batches/{id}/archive.zip").body
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == {p.name: p.read_bytes() for p in pages}
    first = server.get(f"batches/{id}/pictures")["pictures"][0]["id"]
    one = server.ask("GET", f"{server.area}/api/batches/{id}/pictures/{first}").headers
    assert (one["content-type"], one["x-content-type-options"]) == ("application/octet-stream", "nosniff")
    server.post(f"batches/{id}", {"action": "remove"})
    assert all(path.exists() for path in pages)


class TestTheEnd:
    def test_the_page_is_told_and_nothing_is_left(self, tmp_path: Path) -> None:
        save(tmp_path / "photos" / "a.png")
        with page_server(tmp_path / "home", tmp_path / "photos") as server:
            server.launch()
            connection = HTTPConnection(server.authority, timeout=PATIENCE)
            connection.request("GET", f"{server.area}/api/events", headers={"Cookie": server.cookie})
            stream = connection.getresponse()
            assert stream.readline() == b"event: batches\n"
            server.process.send_signal(signal.SIGINT)
            assert stream.read().endswith(b"event: end\ndata: {}\n\n")
            connection.close()
            assert server.process.wait(PATIENCE) == 0
            assert not (tmp_path / "home" / "data" / "app" / "open.html").exists()

    def test_a_second_server_is_refused(self, server: PageServer, place: Path) -> None:
        command = [sys.executable, "-m", "img2imgkit.cli", "app", str(place), "--json"]
        environ = {**os.environ, "IMG2IMG_HOME": str(server.home)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"another img2img app is using this folder (process {server.process.pid}" in done.stderr


def test_the_command_opens_the_page_of_a_running_server_again(server: PageServer) -> None:
    command = [sys.executable, "-m", "img2imgkit.cli", "app", "--json"]
    environ = {**os.environ, "IMG2IMG_HOME": str(server.home)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    assert "is running already" in done.stderr
    address = json.loads(done.stdout)["url"].removeprefix(f"http://{server.authority}")
    assert address != f"{server.area}/launch?{server.token}"
    answer = server.ask("GET", address, headers={"Cookie": None})
    assert (answer.status, answer.headers["set-cookie"][:8]) == (200, "img2img=")
    assert server.ask("GET", address, headers={"Cookie": None}).status == 403
    assert server.get("state")["roots"]  # the page that is open stays so


def test_with_a_password_other_machines_log_in(tmp_path: Path) -> None:
    save(tmp_path / "photos" / "a.png")
    with page_server(tmp_path / "home", tmp_path / "photos", IMG2IMG_APP_PASSWORD="geheim") as server:
        page = server.ask("GET", f"{server.area}/static/login.html")
        assert page.status == 200
        assert server.ask("GET", f"{server.area}/static/page.js").status == 401
        assert server.ask("POST", f"{server.area}/login", b'{"password": "wrong"}').status == 403
        answer = server.ask("POST", f"{server.area}/login", b'{"password": "geheim"}')
        assert answer.status == 204
        server.cookie = answer.headers["set-cookie"].partition(";")[0]
        assert server.get("state")["roots"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes the certificate, is not installed")
def test_with_a_certificate_everything_is_encrypted(tmp_path: Path) -> None:
    save(tmp_path / "photos" / "a.png")
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    stated = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]]
    subprocess.run([*make, *stated], check=True, capture_output=True)
    with page_server(tmp_path / "home", tmp_path / "photos", "--tls", *files) as server:
        trusting = ssl.create_default_context(cafile=str(files[0]))
        connection = HTTPSConnection(server.authority, timeout=PATIENCE, context=trusting)
        connection.request("GET", f"{server.area}/launch?{server.token}")
        assert server.url.startswith("https://")
        assert "; Secure" in (connection.getresponse().getheader("set-cookie") or "")
        connection.close()


def test_the_database_holds_order_and_pipelines_only(server: PageServer) -> None:
    rows = sqlite3.connect(server.home / "data" / "app" / "batches.sqlite")
    columns = {row[1] for row in rows.execute("PRAGMA table_info(batches)")}
    rows.close()
    assert columns == {
        *("id", "position", "name", "model", "pipeline", "source", "output", "inbox", "wanted", "created"),
    }
