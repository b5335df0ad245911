"""A package registry on this machine: it serves what a test puts there, for pip, npm and the hub's library."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from img2imgkit.catalog import Catalog
from img2imgkit.model_entry import ModelEntry
from img2imgkit.model_index import add_model
from img2imgkit.places import Places


@dataclass(frozen=True)
class Answer:
    """What is answered at a path.

    Attributes:
        claimed: the length that is claimed; None: the true one
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    claimed: int | None = None


@dataclass
class Registry:
    """A server with its answers by path, and what it was asked: method, path and the header ``Authorization``."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, path: str, body: bytes, **more: object) -> str:
        """Answer a path; the address comes back."""
        self.answers[path] = Answer(body, **more)  # type: ignore[arg-type]
        return f"{self.url}{path}"

    def put_wheel(self, package: str, file: str, body: bytes) -> None:
        """Offer a file in the simple index, as one more of its package."""
        self.put(f"/files/{file}", body)
        page = self.answers.get(f"/simple/{package}/", Answer()).body
        link = f'<a href="/files/{file}#sha256={hashlib.sha256(body).hexdigest()}">{file}</a><br>'
        self.put(f"/simple/{package}/", page + link.encode(), headers={"Content-Type": "text/html"})

    def put_npm(self, package: str, version: str, tarball: bytes, **about: object) -> None:
        """Offer an npm package."""
        file = f"{package.rpartition('/')[2]}-{version}.tgz"
        url = self.put(f"/{package}/-/{file}", tarball)
        described = {"name": package, "version": version, "dist": {"tarball": url}, **about}
        self.put(f"/{package.replace('/', '%2F')}/{version}", json.dumps(described).encode())

    def put_hub(self, repository: str, file: str, body: bytes) -> None:
        """Offer a file as the hub does."""
        digest = hashlib.sha256(body).hexdigest()
        headers = {"ETag": f'"{digest}"', "X-Repo-Commit": "0" * 40, "Accept-Ranges": "bytes"}
        self.put(f"/{repository}/resolve/main/{file}", body, headers=headers)


@contextmanager
def serving() -> Iterator[Registry]:
    """Run a registry until the end of the body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = registry.answers.get(self.path, Answer(b"not found", 404))
            registry.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) if answer.claimed is None else answer.claimed))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(answer.body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry = Registry(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wheel_of(files: Mapping[str, bytes], package: str = "kit_weights", version: str = "1.0") -> bytes:
    """A wheel with these files and the metadata that pip reads."""
    info = f"{package}-{version}.dist-info"
    about = f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: {version}\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
        packed.writestr(f"{info}/METADATA", about)
        packed.writestr(f"{info}/WHEEL", tags)
        packed.writestr(f"{info}/RECORD", "")
    return stream.getvalue()


def tarball_of(files: Mapping[str, bytes]) -> bytes:
    """A gzipped tar file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def member(path: str, data: bytes) -> dict[str, object]:
    """A member as an index states it."""
    return {"path": path, "sha256": sha256_of(data), "bytes": len(data)}


def package(kind: str, data: bytes, members: Mapping[str, bytes], **more: object) -> dict[str, object]:
    """A source as an index states it."""
    listed = [member(path, content) for path, content in members.items()]
    return {"kind": kind, "sha256": sha256_of(data), "bytes": len(data), "members": listed, **more}


def entry(*sources: Mapping[str, object], name: str = "tiny", **more: object) -> dict[str, object]:
    """An entry as an index states it: parameters, which are kept as they are, under a free licence."""
    return {
        "name": name,
        "kind": "parameters",
        "about": "Numbers of a test.",
        "sources": list(sources),
        "licence": {"id": "MIT", "stated_by": "the test"},
        **more,
    }


def add_from_wheel(places: Places, folder: Path, name: str, kind: str, file: str, data: bytes) -> None:
    """Add an entry whose only file is in a wheel on this machine to the user's models."""
    members = {file: data}
    wheel = folder / "kit_weights-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel_of(members))
    about: dict[str, Any] = {"package": "kit-weights", "version": "1.0", "file": wheel.name}
    stated = entry(package("wheel", wheel.read_bytes(), members, **about), name=name, kind=kind)
    add_model(ModelEntry.model_validate(stated, strict=False), Catalog.installed(), places, package=wheel)
