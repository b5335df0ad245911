from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from img2imgkit.app import commands
from img2imgkit.app.surveys import Survey, survey

pytestmark = pytest.mark.slow  # it starts processes


def item(name: str, action: str, reason: str = "", **variant: str) -> dict[str, Any]:
    stated = {"input": f"/in/{name}", "variant": variant, "action": action, "reason": reason}
    return {**stated, "outputs": [f"/out/{name}"]}


def survey_of(monkeypatch: pytest.MonkeyPatch, folder: Path, program: str) -> Survey:
    monkeypatch.setattr(commands, "survey", lambda pipeline: [sys.executable, "-S", "-c", program])
    return survey(folder / "p.yaml", folder)


def planned(*items: dict[str, Any]) -> str:
    return f"print({json.dumps({'items': items})!r})"


def report(folder: Path, file: Path, *items: dict[str, Any]) -> None:
    (folder / "report.json").write_text(json.dumps({"file": str(file), "items": items}))


def test_what_is_done_is_what_a_run_would_skip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = planned(
        item("a", "skip"), item("b", "make", "new"), item("c", "fail", "too large"), item("a", "make", d="1")
    )
    found = list(survey_of(monkeypatch, tmp_path, plan).pictures.values())
    assert [(each.status, each.reason) for each in found] == [
        ("done", ""),
        ("open", ""),
        ("failed", "too large"),
        ("open", ""),
    ]
    assert len({each.id for each in found}) == 4


def test_failures_are_those_of_the_last_report_of_the_same_pipeline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failures = [{"input": f"/in/{name}", "variant": {}, "status": "failed", "reason": "is broken"} for name in "ab"]
    plan = planned(item("a", "skip"), item("b", "make", "new"))
    report(tmp_path, tmp_path / "another.yaml", *failures)
    assert survey_of(monkeypatch, tmp_path, plan).count("failed") == 0
    report(tmp_path, tmp_path / "p.yaml", *failures)
    found = survey_of(monkeypatch, tmp_path, plan)
    assert [(each.status, each.reason) for each in found.pictures.values()] == [("done", ""), ("failed", "is broken")]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"file": 1}', "[" * 10_000, '{"file": "FILE", "items": [1]}'])
def test_a_damaged_report_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text.replace("FILE", str(tmp_path / "p.yaml")))
    assert survey_of(monkeypatch, tmp_path, planned(item("b", "make", "new"))).count("open") == 1


def test_what_cannot_be_planned_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = "import sys; print('error: no such folder', file=sys.stderr); sys.exit(2)"
    found = survey_of(monkeypatch, tmp_path, program)
    assert (found.pictures, found.problem) == ({}, "no such folder")
    assert survey_of(monkeypatch, tmp_path, "import os; os._exit(3)").problem == "the process ended with code 3"
