"""What is done of a batch: its plan, which asks the ledger of the output folder, and the report of its last run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from img2imgkit.app import commands
from img2imgkit.app.roots import shown
from img2imgkit.app.run_process import Ended, RunProcess
from img2imgkit.files import read_bytes

MAX_REPORT = 1 << 28
DONE, FAILED, OPEN = "done", "failed", "open"


@dataclass(frozen=True)
class Picture:
    """One output of a batch, made or to be made.

    Attributes:
        id: follows from its input and variant, so that it stays the same
        status: "done", "failed" or "open"
        reason: why it failed
    """

    id: str
    source: str
    output: str
    status: str
    reason: str = ""


@dataclass(frozen=True)
class Survey:
    """What is done of a batch, by the titles of its pictures in order; ``problem`` says why it cannot be told."""

    pictures: Mapping[tuple[str, str], Picture] = field(default_factory=dict)
    problem: str = ""

    def count(self, status: str) -> int:
        """The number of pictures with that status."""
        return sum(each.status == status for each in self.pictures.values())


def survey(pipeline: Path, output: Path) -> Survey:
    """Ask in a child process what is up to date; failures are those of the last report of this pipeline."""
    ended = RunProcess(commands.survey(pipeline), lambda event: None).wait()
    if not isinstance(ended.answer, dict) or not isinstance(ended.answer.get("items"), list):
        return Survey(problem=error_of(ended))
    found = {key_of(each): _planned(each) for each in ended.answer["items"]}
    for key, reason in _failures(pipeline, output).items():
        if key in found and found[key].status == OPEN:
            found[key] = replace(found[key], status=FAILED, reason=reason)
    return Survey(found)


def key_of(stated: Mapping[str, Any]) -> tuple[str, str]:
    """What identifies an output among those of a batch: its input and variant."""
    return str(stated["input"]), json.dumps(stated.get("variant", {}), sort_keys=True)


def id_of(key: tuple[str, str]) -> str:
    """A short name of an output for addresses."""
    return hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def error_of(ended: Ended) -> str:
    """What a child process that failed says of it."""
    lines = [line.removeprefix("error: ") for line in ended.text.splitlines()]
    return shown("\n".join(lines[-8:])) or f"the process ended with code {ended.code}"


def _planned(stated: Mapping[str, Any]) -> Picture:
    outputs = stated.get("outputs") or [""]
    action = stated.get("action")
    status = {"skip": DONE, "fail": FAILED}.get(str(action), OPEN)
    reason = shown(stated["reason"]) if status == FAILED else ""
    return Picture(id_of(key_of(stated)), stated["input"], outputs[0], status, reason)


def _failures(pipeline: Path, output: Path) -> Mapping[tuple[str, str], str]:
    with suppress(OSError, ValueError, RecursionError, TypeError, KeyError):
        report = json.loads(read_bytes(output / "report.json", MAX_REPORT))
        if report["file"] == str(pipeline):
            return {key_of(each): shown(each["reason"]) for each in report["items"] if each["status"] == "failed"}
    return {}
