"""The command lines of the child processes: the same that a user types, with progress for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

# -P: what lies in the current folder is not imported
_IMG2IMG = (sys.executable, "-P", "-m", "img2imgkit.cli")


def run(pipeline: Path) -> Sequence[str]:
    """Run a pipeline until it is done or standard input ends; events on stderr, the report on stdout."""
    return [*_IMG2IMG, "run", str(pipeline), "--progress", "json", "--json", "--attended"]


def survey(pipeline: Path) -> Sequence[str]:
    """Print the plan of a pipeline as JSON: what is up to date, and what would be made."""
    return [*_IMG2IMG, "run", str(pipeline), "--dry-run", "--json", "--allow-empty"]


def add_model(name: str, accepted: Sequence[str]) -> Sequence[str]:
    """Fetch a model of the index."""
    options = [part for licence in accepted for part in ("--accept-licence", licence)]
    return [*_IMG2IMG, "models", "add", name, "--json", *options]


def worker() -> Sequence[str]:
    """The process that tries models out."""
    return [sys.executable, "-P", "-m", "img2imgkit.app.worker"]


def app() -> Sequence[str]:
    """Open the page."""
    return [*_IMG2IMG, "app"]
