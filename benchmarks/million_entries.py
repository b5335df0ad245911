"""Time and memory of `img2img run --dry-run` over a very large number of files.

    python benchmarks/million_entries.py [--entries 1000000] [--per-folder 1000] [--ledger]

Creates empty files with picture names in a temporary folder, and plans `read -> write` over them in a separate
process; a dry run decodes nothing. With `--ledger`, the output folder has a ledger with one line per file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import report


def make_files(folder: Path, count: int, per_folder: int) -> None:
    """Create ``count`` empty files, ``per_folder`` in each folder."""
    for first in range(0, count, per_folder):
        (folder / f"{first // per_folder}").mkdir(parents=True)
    for name in names(count, per_folder):
        os.close(os.open(f"{folder}/{name}", os.O_CREAT | os.O_WRONLY))


def names(count: int, per_folder: int) -> Iterator[str]:
    """Yield the file names. A list would count towards the memory of the child process."""
    return (f"{number // per_folder}/{number % per_folder}.png" for number in range(count))


def make_ledger(folder: Path, count: int, per_folder: int) -> None:
    """Write a ledger with an output of each file, produced by a recipe different from the pipeline's."""
    folder.mkdir(parents=True)
    with (folder / "ledger.jsonl").open("w", encoding="utf-8") as handle:
        for name in names(count, per_folder):
            file = {"path": name, "size": 0, "mtime_ns": 0, "sha256": "0" * 64}
            line = {"entry": name, "sink": "0", "by": "0" * 64, "target": name, "size": 0, "version": "0", "file": file}
            handle.write(json.dumps(line) + "\n")


def dry_run(folder: Path) -> tuple[int, float, float, float]:
    """Return the number of planned jobs, seconds, CPU seconds, and peak MiB."""
    steps = [{"uses": "read", "with": {"folder": "in"}}, {"uses": "write", "with": {"folder": "out"}}]
    path = folder / "pipeline.yaml"
    path.write_text(json.dumps({"name": "benchmark", "steps": steps}), encoding="utf-8")
    printed = folder / "plan.txt"
    began = time.perf_counter()
    with printed.open("wb") as output:
        command = [sys.executable, "-m", "img2imgkit.cli", "run", str(path), "--dry-run"]
        process = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(f"img2img run failed with {os.waitstatus_to_exitcode(status)}")
    with printed.open("rb") as lines:
        jobs = sum(line.startswith(b"make ") for line in lines)
    return jobs, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


@click.command(help=__doc__)
@click.option("--entries", default=1_000_000, show_default=True)
@click.option("--per-folder", default=1000, show_default=True, help="Files in each folder.")
@click.option("--ledger", is_flag=True, help="Also read a ledger of as many lines.")
@report.tiny_option
def main(entries: int, per_folder: int, ledger: bool, tiny: bool) -> None:
    if tiny:
        entries, per_folder = 1000, 100
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_files(folder / "in", entries, per_folder)
        if ledger:
            make_ledger(folder / "out" / ".img2img", entries, per_folder)
        jobs, seconds, busy, memory = dry_run(folder)
        if jobs != entries:
            raise click.ClickException(f"{jobs} jobs were planned for {entries} entries")
        row = (f"{jobs:,}", f"{seconds:.1f}", f"{busy:.1f}", f"{memory:.0f}")
        report.show(("entries", "seconds", "of the processor", "peak MiB"), [row])


if __name__ == "__main__":
    main()
