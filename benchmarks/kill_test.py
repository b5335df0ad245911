"""Kill a run at random moments, finish it, and compare with a run that was never stopped.

    python benchmarks/kill_test.py [--files 300] [--kills 20] [--bundle sr-compact-x2] [--seed 1]

Prints whether both trees are the same, byte for byte, and how many finished files were translated again (must be 0).
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run_overhead import make_pictures, pipeline


def command(path: Path, output: Path) -> list[str]:
    return [sys.executable, "-m", "img2imgkit.cli", "run", str(path), "--output", str(output), "--progress", "json"]


def finish(path: Path, output: Path) -> dict[str, object]:
    """Run to the end, and return the report's totals."""
    subprocess.run(command(path, output), check=True, stderr=subprocess.DEVNULL)
    totals: dict[str, object] = json.loads((output / "report.json").read_text())["totals"]
    return totals


def kill_once(path: Path, output: Path, wait: float) -> int:
    """Start, wait for the first picture of this run and ``wait`` seconds more, kill; count the files."""
    process = subprocess.Popen(command(path, output), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while '"event": "item"' not in (line := process.stderr.readline()) and line:
        pass
    time.sleep(wait)
    process.kill()
    process.communicate()
    return len(tree(output))


def tree(folder: Path) -> dict[str, bytes]:
    """The pictures below a folder, with their bytes."""
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--bundle", default="sr-compact-x2")
    parser.add_argument("--seed", type=int, default=1)
    stated = parser.parse_args()
    moments = random.Random(stated.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_pictures(folder / "in", stated.files, stated.size, "png")
        path = pipeline(folder, stated.bundle)
        began = time.perf_counter()
        finish(path, folder / "whole")
        seconds = time.perf_counter() - began
        counts = []
        for _ in range(stated.kills):
            counts.append(kill_once(path, folder / "killed", moments.uniform(0, seconds / stated.kills / 4)))
        totals = finish(path, folder / "killed")
        print(f"files there after each kill: {counts}")
        print(f"last run: {totals['done']} made, {totals['up_to_date']} up to date; finished before it: {counts[-1]}")
        print(f"translated again: {totals['done'] + counts[-1] - stated.files}")  # type: ignore[operator]
        print(f"trees identical: {tree(folder / 'whole') == tree(folder / 'killed')}")


if __name__ == "__main__":
    main()
