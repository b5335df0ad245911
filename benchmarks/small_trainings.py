"""Measure the trainings that fit into a night on a CPU: the files ``plugins/*/*-small.yaml``, and the compact enlarger.

    python benchmarks/small_trainings.py [--steps 60] [--json docs/results/presets.json]

Each file is trained for some steps on random pictures, in a process of its own, as ``img2img train`` does. The figure
is the fastest of the intervals, which other programs on the machine have slowed least; the hours are those of all steps
of the file. ``python docs/generate.py`` puts the figures of the JSON file into the pages.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import report
from PIL import Image

from img2imgkit.config import load_yaml

ROOT = Path(__file__).parents[1]
FILES = (*sorted((ROOT / "plugins").glob("*/*-small.yaml")), ROOT / "plugins/super_resolution/sr-compact-x2.yaml")
INTERVAL = 10  # steps between two figures
PICTURES = 4
WIDTH, HEIGHT = 256, 128  # of the random pictures; those of a pair side by side


def measured(file: Path, steps: int, place: Path) -> dict[str, Any]:
    """Train on random pictures for a few steps, and return the seconds of a step and what they mean for the whole."""
    document = load_yaml(file).data
    sets = [*data_of(document, place), f"training.steps={steps}", f"training.log_every={INTERVAL}"]
    words = [word for each in sets for word in ("--set", each)]
    command = [sys.executable, "-m", "img2imgkit.cli", "train", str(file), *words, "--output", str(place / "run")]
    done = subprocess.run([*command, "--progress", "json"], capture_output=True, text=True, check=True, cwd=place)
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    rates = [event["images_per_second"] for event in events if event["event"] == "progress"][1:]
    seconds = document["data"]["batch"] / max(rates)
    whole = document["training"]["steps"]
    return {
        "file": file.relative_to(ROOT).as_posix(),
        "task": document["task"],
        "steps": whole,
        "seconds_per_step": round(seconds, 4),
        "hours": round(whole * seconds / 3600, 2),
    }


def data_of(document: dict[str, Any], place: Path) -> Iterator[str]:
    """Make random pictures for the file's kind of data, and yield the settings that name them."""
    data, classes = document["data"], document.get("options", {}).get("classes")
    inside = map(str, range(classes)) if data["kind"] == "few_shot" else data.get("selected", ["."])
    folders = {key: place / key for key in ("folder", "source", "target", "a", "b", "label") if key in data}
    for name in inside:
        for key, folder in folders.items():
            save_pictures(folder / name, ids=classes if key == "label" else None)
    yield from (f"data.{key}={folder}" for key, folder in folders.items())


def save_pictures(folder: Path, ids: int | None = None) -> None:
    """Save noise, or label maps of so many ids."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    shape = (HEIGHT, WIDTH) if ids else (HEIGHT, WIDTH, 3)
    for number in range(PICTURES):
        pixels = random.integers(0, ids or 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def rows(files: Iterable[Path], steps: int, found: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Measure each file, and yield its row."""
    for file in files:
        with tempfile.TemporaryDirectory() as scratch:
            found.append(measured(file, steps, Path(scratch)))
        row = found[-1]
        yield row["file"], f"{row['steps']:,}", f"{row['seconds_per_step']:.3f}", f"{row['hours']:.1f}"


def machine() -> dict[str, Any]:
    """Where and when it was measured."""
    from importlib.metadata import version

    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "tensorflow": version("tensorflow"),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


@click.command(help=__doc__)
@click.option("--steps", default=60, show_default=True, type=click.IntRange(2 * INTERVAL))
@click.option("--json", "out", type=click.Path(path_type=Path, dir_okay=False), help="Also write the figures here.")
@report.tiny_option
def main(steps: int, out: Path | None, tiny: bool) -> None:
    found: list[dict[str, Any]] = []
    files = [file for file in FILES if file.name == "pix2pix-small.yaml"] if tiny else FILES
    columns = ("file", "steps", "seconds a step", "hours")
    report.show(columns, rows(files, 2 * INTERVAL if tiny else steps, found))
    if out:
        out.write_text(json.dumps({"machine": machine(), "presets": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
