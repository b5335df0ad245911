"""Plugins that are broken in every way that is known: what each command says, and that others go on.

Each file of ``fixtures/broken_plugins`` begins with what is wrong and what which command says; the reference has a page
of the same.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent / "fixtures" / "broken_plugins"
CASES = sorted(path.stem for path in ROOT.glob("*.py"))
ELSEWHERE = {"hang", "prints", "lying_geometry", "missing_term"}  # not told in a list


def expected(name: str) -> tuple[str, str]:
    """The command and what it says."""
    line = (ROOT / f"{name}.py").read_text(encoding="utf-8").splitlines()[1]
    command, _, said = line.removeprefix("# ").partition(": ")
    return command, said


def pattern(said: str) -> str:
    """A text with "..." for what differs, and file names for paths."""
    return re.escape(said).replace(re.escape("..."), ".+")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of plugins."""
    made = tmp_path / "plugins"
    made.mkdir(mode=0o700)
    monkeypatch.setenv("IMG2IMG_PLUGINS_DIR", str(made))
    return made


def put(name: str, folder: Path, called: str = "") -> Path:
    path = folder / f"{called or name}.py"
    shutil.copyfile(ROOT / f"{name}.py", path)
    path.chmod(0o600)
    return path


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setenv("IMG2IMG_PLUGINS", ",".join(names))


def test_there_are_enough_ways() -> None:
    assert len(CASES) >= 17
    assert {*CASES} > ELSEWHERE


@pytest.mark.parametrize("name", [case for case in CASES if case not in ELSEWHERE])
def test_it_is_listed_with_what_is_wrong_and_where(name, folder, img2img, monkeypatch) -> None:
    command, said = expected(name)
    put(name, folder)
    if name == "two_claims":
        put(name, folder, "earlier")
    only(monkeypatch, "earlier", name)
    outcome = img2img("plugins", "--json")
    [row] = [row for row in json.loads(outcome.out) if row["name"] == name]
    [broken] = row["broken"]
    assert command == "img2img plugins"
    assert re.fullmatch(pattern(said), broken.replace(f"{folder}/", ""))
    assert f"warning: plugin {name!r} is broken: {broken}\n" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("name", [case for case in CASES if case not in ELSEWHERE])
def test_other_commands_go_on(name, folder, img2img, monkeypatch) -> None:
    put(name, folder)
    only(monkeypatch, name)
    outcome = img2img("steps")
    assert outcome.code == 0
    assert "translate" in outcome.out
    assert "Traceback" not in outcome.err


def test_prints_go_to_stderr(folder, img2img, monkeypatch) -> None:
    put("prints", folder)
    only(monkeypatch, "prints")
    outcome = img2img("steps", "--json")
    assert "dim" in [row["name"] for row in json.loads(outcome.out)]
    assert outcome.err == "loading my models\n"


@pytest.mark.slow
def test_one_that_hangs_is_named(folder, monkeypatch) -> None:
    put("hang", folder)
    only(monkeypatch, "hang")
    command = [sys.executable, "-m", "img2imgkit.cli", "steps"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as running:
        assert running.stderr is not None
        line = running.stderr.readline().strip()
        running.kill()
    assert re.fullmatch(pattern(expected("hang")[1]), line)


@pytest.mark.slow
def test_what_only_a_contract_test_finds_is_told_by_check(folder, img2img, monkeypatch) -> None:
    names = ["lying_geometry", "missing_term"]
    for name in names:
        put(name, folder)
    only(monkeypatch, *names)
    outcome = img2img("plugins", "check", "--json", "--seconds", "120")
    found = {row["plugin"]: row for row in json.loads(outcome.out)["proofs"]}
    assert outcome.code == 1
    assert {name: row["outcome"] for name, row in found.items()} == dict.fromkeys(names, "broken")
    for name in names:
        assert re.fullmatch(pattern(expected(name)[1]), found[name]["reason"])
