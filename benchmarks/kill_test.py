"""Kill a run at random moments, finish it, and compare it with an uninterrupted run.

    python benchmarks/kill_test.py [--files 300] [--kills 20] [--bundle sr-compact-x2] [--seed 1]

Prints the number of files after each kill, the number of finished pictures that were processed again (must be 0), and
whether both trees are identical, byte for byte.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import report
from run_overhead import make_pictures, pipeline


def command(path: Path, output: Path) -> list[str]:
    return [sys.executable, "-m", "img2imgkit.cli", "run", str(path), "--output", str(output), "--progress", "json"]


def finish(path: Path, output: Path) -> dict[str, int]:
    """Run to completion and return the report's totals."""
    subprocess.run(command(path, output), check=True, stderr=subprocess.DEVNULL)
    totals: dict[str, int] = json.loads((output / "report.json").read_text())["totals"]
    return totals


def kill_once(path: Path, output: Path, wait: float) -> int:
    """Start, kill ``wait`` seconds after the first picture of this run, and count the files."""
    process = subprocess.Popen(command(path, output), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while '"event": "item"' not in (line := process.stderr.readline()) and line:
        pass
    time.sleep(wait)
    process.kill()
    process.communicate()
    return len(tree(output))


def tree(folder: Path) -> dict[str, bytes]:
    """Return the pictures below a folder, with their bytes."""
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def rows(folder: Path, path: Path, files: int, kills: int, seed: int) -> Iterator[tuple[str, ...]]:
    """Yield one row per kill, then one for the final run."""
    moments = random.Random(seed)
    began = time.perf_counter()
    finish(path, folder / "whole")
    seconds = time.perf_counter() - began
    count = 0
    for number in range(1, kills + 1):
        count = kill_once(path, folder / "killed", moments.uniform(0, seconds / kills / 4))
        yield f"kill {number}", str(count), "", ""
    totals = finish(path, folder / "killed")
    whole, killed = tree(folder / "whole"), tree(folder / "killed")
    yield "finished", str(len(killed)), str(totals["done"] + count - files), "yes" if whole == killed else "no"


@click.command(help=__doc__)
@click.option("--files", default=300, show_default=True)
@click.option("--kills", default=20, show_default=True)
@click.option("--size", default=96, show_default=True, help="Pixels a side.")
@click.option("--bundle", default="sr-compact-x2", show_default=True)
@click.option("--seed", default=1, show_default=True)
@report.tiny_option
def main(files: int, kills: int, size: int, bundle: str, seed: int, tiny: bool) -> None:
    if tiny:
        files, kills, size = 6, 1, 16
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_pictures(folder / "in", files, size, "png")
        path = pipeline(folder, bundle)
        report.show(("run", "files", "translated again", "trees identical"), rows(folder, path, files, kills, seed))


if __name__ == "__main__":
    main()
