"""Nothing is lost: tests with real processes, kills and signals."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pictures import save_pictures, tree
from pipelines_for_tests import pipeline_file

HERE = Path(__file__).parent


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with ``steps_for_tests`` as an installed plugin."""
    site = tmp_path / "site"
    info = site / "steps_for_tests-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: steps-for-tests\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[img2imgkit]\nsteps-for-tests = steps_for_tests\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(HERE)])}


def start(file: Path, environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "img2imgkit.cli", "run", str(file), "--progress", "json", *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(file: Path, environment: dict[str, str]) -> None:
    process = start(file, environment)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def counting(folder: Path, log: Path, out: str, seconds: float) -> Path:
    return pipeline_file(
        folder, {"count": {"log": str(log), "seconds": seconds}}, write={"folder": out, "format": "webp"}
    )


def wait_for_items(process: subprocess.Popen[str], count: int) -> None:
    assert process.stderr is not None
    seen = 0
    while seen < count:
        seen += '"event": "item"' in process.stderr.readline()


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_with_the_same_tree(tmp_path: Path, environment: dict[str, str]) -> None:
    names = [f"{number % 7}/{number}.png" for number in range(120)]
    save_pictures(tmp_path / "in", *names)
    whole, killed = tmp_path / "whole.log", tmp_path / "killed.log"
    finish(counting(tmp_path, whole, "whole", 0.0), environment)
    file = counting(tmp_path, killed, "killed", 0.01)
    moments = random.Random(20)
    finished_before: set[str] = set()
    for _ in range(6):
        process = start(file, environment)
        wait_for_items(process, moments.randint(1, 8))  # six kills leave enough of the 120 for the last run
        time.sleep(moments.uniform(0.0, 0.02))
        process.kill()
        process.communicate()
        known = {str(path.relative_to(tmp_path / "killed")) for path in (tmp_path / "killed").rglob("*.webp")}
        assert finished_before <= known
        finished_before = known
    calls_before = killed.read_text().splitlines()
    left = set(names) - {name.replace(".webp", ".png") for name in finished_before}
    assert left, "every kill came too late to test anything"
    finish(file, environment)
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")
    assert not list((tmp_path / "killed" / ".img2img" / "unfinished").iterdir())
    last_calls = killed.read_text().splitlines()[len(calls_before) :]
    assert sorted(last_calls) == sorted(left)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="forks")
def test_a_kill_at_any_file_operation_loses_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(HERE / "kill_everywhere.py"), str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 80


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks up descriptors in /proc")
@pytest.mark.parametrize(("kind", "every"), [("run", 3), ("train", 60)])
def test_a_full_disk_or_an_error_at_any_file_operation_loses_nothing(tmp_path: Path, kind: str, every: int) -> None:
    command = [sys.executable, str(HERE / "fail_everywhere.py"), kind, str(tmp_path), str(every)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    ends = json.loads(ended.stdout.splitlines()[-1])
    assert ends["ENOSPC"].keys() & {"refused", "failed", "without a report"}
    assert sum(ends["EIO"].values()) >= 2


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("redirection", ["2>&-", ">&- 2>&-", "2>/dev/full", "2>&1 | true"])
def test_closed_or_full_streams_do_not_stop_a_run(
    tmp_path: Path, environment: dict[str, str], redirection: str
) -> None:
    save_pictures(tmp_path / "in", *(f"{number}.png" for number in range(5)))
    run = f"'{sys.executable}' -m img2imgkit.cli run '{pipeline_file(tmp_path)}' --progress json {redirection}"
    assert subprocess.run(["sh", "-c", run], env=environment, timeout=60, check=False).returncode == 0
    assert len(tree(tmp_path / "out")) == 5
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_the_first_ctrl_c_finishes_the_items_in_flight_and_writes_the_report(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    save_pictures(tmp_path / "in", *(f"{number}.png" for number in range(200)))
    file = counting(tmp_path, tmp_path / "log", "out", 0.05)
    process = start(file, environment)
    wait_for_items(process, 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["interrupted"] is True
    assert report["totals"]["done"] == len(tree(tmp_path / "out"))
    assert report["totals"]["done"] + report["totals"]["not_reached"] == 200
    assert report["totals"]["not_reached"] > 100


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_the_second_ctrl_c_stops_immediately_and_leaves_no_partial_files(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    save_pictures(tmp_path / "in", *(f"{number}.png" for number in range(8)))
    file = counting(tmp_path, tmp_path / "log", "out", 30.0)
    process = start(file, environment)
    deadline = time.monotonic() + 60
    while not (tmp_path / "log").exists() and time.monotonic() < deadline:  # until a picture is in flight
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
    assert tree(tmp_path / "out") == {}


def test_a_folder_in_use_by_another_run_is_refused(tmp_path: Path, environment: dict[str, str]) -> None:
    save_pictures(tmp_path / "in", "a.png", "b.png")
    first = start(counting(tmp_path, tmp_path / "log", "out", 600.0), environment)
    try:
        while not (tmp_path / "out" / ".img2img" / "ledger.jsonl").exists() and first.poll() is None:
            time.sleep(0.05)
        second = start(counting(tmp_path, tmp_path / "log", "out", 0.0), environment)
        _, errors = second.communicate(timeout=60)
        assert second.returncode == 2
        assert f"process {first.pid} on" in errors
    finally:
        first.kill()
        first.communicate()
    finish(counting(tmp_path, tmp_path / "log", "out", 0.0), environment)


def test_a_broken_plugin_does_not_stop_a_run(tmp_path: Path, environment: dict[str, str]) -> None:
    save_pictures(tmp_path / "in", "a.png")
    finish(pipeline_file(tmp_path), {**environment, "STEPS_FOR_TESTS_BREAK": "1"})
    assert set(tree(tmp_path / "out")) == {"a.png"}


@pytest.mark.slow
def test_a_removal_of_outputs_killed_at_any_moment_can_be_repeated(tmp_path: Path, environment: dict[str, str]) -> None:
    names = [f"{number}.png" for number in range(900)]
    save_pictures(tmp_path / "in", *names)
    file, out = pipeline_file(tmp_path), tmp_path / "out"
    finish(file, environment)
    for name in names[100:]:
        (tmp_path / "in" / name).unlink()
    (out / "899.png").write_bytes(b"edited")
    prune = [sys.executable, "-m", "img2imgkit.cli", "run", str(file), "--prune", "--yes"]
    for left in (890, 600):
        process = subprocess.Popen(prune, env=environment, stdout=subprocess.DEVNULL)
        while process.poll() is None and sum(1 for _ in out.glob("*.png")) > left:
            time.sleep(0.001)
        assert process.poll() is None, "the kill came too late to test anything"
        process.kill()
        process.wait()
    assert subprocess.run(prune, env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert {path.name for path in out.glob("*.png")} == {*names[:100], "899.png"}
    verify = [sys.executable, "-m", "img2imgkit.cli", "verify", str(out)]
    ended = subprocess.run(verify, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.splitlines()[:-1]) == (1, [f"changed: {out / '899.png'}"])


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_watched_folder_survives_a_kill_and_ends_on_ctrl_c(tmp_path: Path, environment: dict[str, str]) -> None:
    """A file that is being copied is left alone; what a killed watch has made is not made again."""
    save_pictures(tmp_path / "in", "a.png", "b.png")
    save_pictures(tmp_path, "slow.png", size=(200, 150))
    data = (tmp_path / "slow.png").read_bytes()
    file, log, out = counting(tmp_path, tmp_path / "log", "out", 0.0), tmp_path / "log", tmp_path / "out"
    command = [sys.executable, "-m", "img2imgkit.cli", "watch", str(file), "--settle", "2", "--progress", "none"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(list(out.glob("*.webp"))) == 2)
    process.kill()
    process.wait()
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    (tmp_path / "in" / "deep").mkdir()
    with (tmp_path / "in" / "deep" / "slow.png").open("wb") as growing:
        for start in range(0, len(data), len(data) // 12 + 1):
            growing.write(data[start : start + len(data) // 12 + 1])
            growing.flush()
            time.sleep(0.25)
    wait_until(lambda: len(log.read_text().split()) == 3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "failed:" not in errors
    assert sorted(log.read_text().split()) == ["a.png", "b.png", "deep/slow.png"]
    assert len(tree(out)) == 3
    report = json.loads((out / "report.json").read_text())
    assert sorted(item["status"] for item in report["items"]) == ["done", "up to date", "up to date"]


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(600):
        if happened():
            return
        time.sleep(0.1)
    raise AssertionError("it has not happened within a minute")
