"""The queue with real runs: paused, cancelled, killed, resumed after the server was killed, kept out of a folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from page_server import PATIENCE, PageServer, page_server
from PIL import Image

from img2imgkit.locks import locked

COUNT, SIDE = 30, 128
ENDED = ("done", "failed", "paused", "cancelled", "broken")

pytestmark = pytest.mark.slow


def save_photos(folder: Path, count: int = COUNT) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_photos(tmp_path_factory.mktemp("queue") / "photos")


@pytest.fixture(scope="module")
def server(photos: Path) -> Iterator[PageServer]:
    with page_server(photos.parent / "home", photos) as started:
        started.launch()
        yield started


def start(server: PageServer, name: str, source: str = "") -> str:
    stated = {"name": name, "source": {"root": "0", "path": source}, "translation": {"model": "sr-compact-x2"}}
    id: str = server.post("batches", {**stated, "output": {"root": "0", "path": f"out/{name}"}})["id"]
    return id


def act(server: PageServer, id: str, action: str) -> None:
    server.post(f"batches/{id}", {"action": action})


def under_way(server: PageServer, id: str) -> dict[str, Any]:
    """Wait until some pictures are made, but not all."""
    found = server.until(lambda each: each["state"] != "running" or each["made"] >= 3, id)
    while found["state"] == "queued":
        found = server.until(lambda each: each["state"] != "queued" and each["made"] >= 3, id)
    assert found["state"] == "running", found
    return found


def ended(server: PageServer, id: str, *states: str) -> dict[str, Any]:
    return server.until(lambda each: each["state"] in (states or ENDED) and each["surveyed"], id)


def run_of(server: PageServer) -> psutil.Process:
    """The child process that runs a pipeline."""
    (found,) = [each for each in psutil.Process(server.process.pid).children() if "--attended" in each.cmdline()]
    return found


def prove_complete(folder: Path) -> None:
    """Every output is there, whole, and nothing else is."""
    made = sorted(folder.glob("*.png"))
    assert len(made) == COUNT
    for path in made:
        with Image.open(path) as image:
            image.load()
            assert image.size == (2 * SIDE, 2 * SIDE)
    assert not list((folder / ".img2img").rglob("*.tmp"))


def lines_of(folder: Path) -> int:
    """How many files were made according to the ledger."""
    lines = (folder / ".img2img" / "ledger.jsonl").read_text().splitlines()
    return sum("file" in json.loads(line) for line in lines)


def test_a_paused_batch_goes_on_where_it_stopped(server: PageServer, photos: Path) -> None:
    id, folder = start(server, "paused"), photos / "out" / "paused"
    under_way(server, id)
    act(server, id, "pause")
    assert 0 < ended(server, id, "paused")["outputs"] < COUNT
    act(server, id, "resume")
    assert ended(server, id, "done")["outputs"] == COUNT
    prove_complete(folder)
    assert lines_of(folder) == COUNT


def test_a_cancelled_batch_keeps_what_it_made_and_the_next_one_runs(server: PageServer, photos: Path) -> None:
    (photos / "empty").mkdir()
    first, second = start(server, "cancelled"), start(server, "next", source="empty")
    under_way(server, first)
    act(server, first, "cancel")
    cancelled = ended(server, first, "cancelled")
    assert 0 < cancelled["outputs"] == len(list((photos / "out" / "cancelled").glob("*.png"))) < COUNT
    assert "no pictures to read" in server.until(lambda each: each["state"] == "broken", second)["problem"]
    act(server, first, "remove")
    assert first not in [each["id"] for each in server.batches()]


def test_a_killed_run_is_told_and_loses_nothing(server: PageServer, photos: Path) -> None:
    id, folder = start(server, "killed"), photos / "out" / "killed"
    under_way(server, id)
    assert "running" in server.post(f"batches/{id}", {"action": "remove"}, 409)["error"]
    run_of(server).kill()
    assert "signal 9" in server.until(lambda each: each["state"] == "broken", id)["problem"]
    act(server, id, "resume")
    ended(server, id, "done")
    prove_complete(folder)
    assert COUNT <= lines_of(folder) <= COUNT + (os.cpu_count() or 1) + 2


def test_a_folder_that_another_command_uses_is_waited_for(server: PageServer, photos: Path) -> None:
    state = photos / "out" / "used" / ".img2img"
    state.mkdir(parents=True)
    with locked(state / "lock", "another run"):
        id = start(server, "used", source="1.png")
        blocked = server.until(lambda each: each["state"] == "blocked", id)
        assert f"process {os.getpid()}" in blocked["text"]
    assert ended(server, id, "done")["outputs"] == 1


def test_after_a_kill_of_the_server_the_batches_are_resumed_from_the_page(tmp_path: Path) -> None:
    photos, home = save_photos(tmp_path / "photos"), tmp_path / "home"
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    folder = photos / "out" / "photos"
    with page_server(home, photos) as server:
        server.launch()
        id, waiting = start(server, "photos"), start(server, "waiting")
        under_way(server, id)
        run = run_of(server)
        server.process.kill()
        assert psutil.wait_procs([run], timeout=PATIENCE)[1] == []  # it does not outlive the server
    made = len(list(folder.glob("*.png")))
    assert 0 < made < COUNT
    with page_server(home, photos) as server:
        server.launch()
        assert [each["id"] for each in server.batches()] == [id, waiting]
        paused = ended(server, id)
        assert (paused["state"], paused["outputs"]) == ("paused", made)  # as the ledger knows
        act(server, id, "resume")
        prove_failure(server, id)
        prove_complete(folder)
        assert lines_of(folder) == COUNT
        act(server, waiting, "resume")
        under_way(server, waiting)
        server.process.send_signal(signal.SIGTERM)  # which finishes the pictures in progress
        assert server.process.wait(PATIENCE) == 0
    folder = photos / "out" / "waiting"
    assert 0 < lines_of(folder) == len(list(folder.glob("*.png"))) < COUNT
    with page_server(home, photos) as server:
        server.launch()
        prove_failure(server, id)  # which outlives the server


def prove_failure(server: PageServer, id: str) -> None:
    """A batch is done but for one broken picture, which is told with its reason."""
    found = server.until(lambda each: each["state"] == "failed" and each["failed"] == 1, id)
    assert found["outputs"] == COUNT
    (failure,) = server.get(f"batches/{id}/pictures", status="failed")["pictures"]
    assert failure["reason"]
    report = server.ask("GET", f"{server.area}/api/batches/{id}/failures.txt").body.decode()
    assert failure["reason"] in report
    assert "sr-compact-x2" in report


def test_an_upload_goes_with_its_batch(server: PageServer, photos: Path) -> None:
    content = (photos / "0.png").read_bytes()
    inbox = server.post("inboxes", {"bytes": len(content), "files": 1})["id"]
    kind = {"Content-Type": "application/octet-stream"}
    server.ask("PUT", f"{server.area}/api/inboxes/{inbox}/files?name=a.png", content, kind)
    stated = {"name": "dropped", "source": {"root": "inbox", "path": inbox}, "translation": {"model": "sr-compact-x2"}}
    id = server.post("batches", stated)["id"]
    made = ended(server, id, "done")
    assert made["output"] == str(photos / "img2img" / "dropped-sr-compact-x2")
    assert "a batch reads" in json.loads(server.ask("DELETE", f"{server.area}/api/inboxes/{inbox}").body)["error"]
    act(server, id, "remove")
    assert not (server.home / "data" / "app" / "inbox" / inbox).exists()
    assert (Path(made["output"]) / "a.png").exists()


def test_a_run_stops_when_its_standard_input_ends(tmp_path: Path) -> None:
    """``img2img run --attended``, for any program that starts runs."""
    save_photos(tmp_path / "photos")
    (tmp_path / "p.yaml").write_text(
        "name: x\nsteps:\n- {uses: read, with: {folder: photos}}\n"
        "- {uses: translate, with: {bundle: sr-compact-x2}}\n- {uses: write, with: {folder: out}}\n"
    )
    command = [sys.executable, "-m", "img2imgkit.cli", "run", "p.yaml", "--attended", "--progress", "json"]
    run = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdin is not None
    assert run.stderr is not None
    while b'"item"' not in (line := run.stderr.readline()):
        assert line, "no picture was made"
    run.stdin.close()
    told = run.stderr.read()
    assert run.wait(PATIENCE) == 130
    run.stderr.close()
    assert b"finishing the pictures in progress" in told
    assert 0 < len(list((tmp_path / "out").glob("*.png"))) < COUNT
