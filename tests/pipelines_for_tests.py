"""Pipelines for tests: a file in a folder, with the built-in steps and those of ``steps_for_tests``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import steps_for_tests

from img2imgkit import steps
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.pipeline import Outcome, Plan, Result, ThreadExecutor, make_plan, read_pipeline, run
from img2imgkit.step import Resources

CATALOG = Catalog((Plugin("steps", lambda: steps, version="1"), Plugin("tests", lambda: steps_for_tests, version="1")))


class Silent:
    """A watcher that only records outcomes."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def started(self, total: int, up_to_date: int) -> None:
        self.total, self.up_to_date = total, up_to_date

    def finished(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def pipeline_file(folder: Path, *between: Mapping[str, Any], read: Any = None, write: Any = None) -> Path:
    """Write the pipeline ``read in -> ... -> write out`` to ``folder``; each step between is ``{name: options}``."""
    steps_ = [{"read": {"folder": "in", **(read or {})}}, *between, {"write": {"folder": "out", **(write or {})}}]
    uses = [{"uses": name, "with": options} for step in steps_ for name, options in step.items()]
    path = folder / "pipeline.yaml"
    path.write_text(json.dumps({"name": "test", "steps": uses}), encoding="utf-8")
    return path


def plan_of(path: Path, **options: Any) -> Plan:
    return make_plan(read_pipeline(path, CATALOG), CATALOG, **options)


def threads_for(plan: Plan, threads: int | None = None) -> ThreadExecutor:
    return ThreadExecutor(plan.pipeline, Resources("cpu"), threads)


def run_plan(plan: Plan, watcher: Silent | None = None, threads: int | None = None, **options: Any) -> Result:
    return run(plan, threads_for(plan, threads), watcher or Silent(), **options)


def run_file(path: Path, **options: Any) -> Result:
    return run_plan(plan_of(path), **options)
