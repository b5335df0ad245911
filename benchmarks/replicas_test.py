"""Differences between weights trained on one device, on two devices and on two machines.

    python benchmarks/replicas_test.py [--steps 5]

Five steps of small networks of pix2pix, CycleGAN and CUT on noise, with batches of four. Plain gradient descent,
because Adam's first steps are signs, which amplify rounding to whole steps; and a low learning rate, because rounding
can flip the sign of one pixel's L1 distance, which changes a gradient by one percent. Two devices are two halves of
the CPU, two machines are two processes.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import report
from PIL import Image

OPTIONS = {
    "pix2pix": "{generator: {kind: unet, depth: 4, width: 4, dropout: 0.0}, critic: {kind: patch, width: 4}}",
    "cyclegan": "{generator: {kind: resnet, blocks: 2, width: 8}, critic: {kind: patch, layers: 2, width: 8}, pool: 6}",
    "cut": "{generator: {blocks: 2, width: 4}, critic: {width: 4, layers: 2}, taps: [0, 4, 8, 12], patches: 32, "
    "projection: {width: 16}}",
}
DATA = {
    "pix2pix": "kind: paired, source: a, target: b",
    **dict.fromkeys(("cyclegan", "cut"), "kind: unpaired, a: a, b: b"),
}
RATES = {"pix2pix": "1e-4", "cyclegan": "1e-5", "cut": "1e-6"}
SPLIT = "from img2imgkit import backend; backend.load(); backend.split_cpu(2); from img2imgkit.cli import main; main()"


def make_place(folder: Path, task: str, steps: int) -> Path:
    """Write a training file, and noise to train on."""
    rng = np.random.default_rng(0)
    for side in "ab":
        (folder / side).mkdir(parents=True, exist_ok=True)
        for number in range(6):
            levels = rng.integers(0, 256, (80, 80, 3), dtype=np.uint8)
            Image.fromarray(levels).save(folder / side / f"{number}.png")
    player = f"{{optimizer: {{kind: sgd, learning_rate: {RATES[task]}}}, schedule: {{kind: constant}}}}"
    text = (
        f"name: {task}\ntask: {task}\noptions: {OPTIONS[task]}\n"
        f"data: {{{DATA[task]}, resize: 72, crop: 64, batch: 4}}\n"
        f"training: {{steps: {steps}, generators: {player}, critics: {player}}}\n"
    )
    (folder / "train.yaml").write_text(text)
    return folder


def start(place: Path, output: str, device: str = "cpu", code: str = "", tf_config: str = "") -> subprocess.Popen[str]:
    """Start a training in a separate process."""
    command = [sys.executable, *(["-c", code] if code else ["-m", "img2imgkit.cli"])]
    line = [*command, "train", "train.yaml", "--output", output, "--device", device, "--progress", "none"]
    return subprocess.Popen(line, cwd=place, env={**os.environ, "TF_CONFIG": tf_config}, text=True)


def machines(place: Path) -> list[subprocess.Popen[str]]:
    """Start two machines that connect on this one."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    cluster = {"worker": [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]}
    for each in sockets:
        each.close()
    tasks = [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": n}}) for n in range(2)]
    return [start(place, f"machines-{n}", tf_config=task) for n, task in enumerate(tasks)]


def weights(place: Path, output: str, steps: int) -> dict[str, np.ndarray]:
    """Return the networks' weights in the last checkpoint."""
    with np.load(place / output / "checkpoints" / f"step-{steps:09d}.npz") as stored:
        return {name: stored[name] for name in stored.files if name.startswith(("generators/", "critics/"))}


def apart(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """Return the largest difference."""
    return max(float(np.abs(one[name].astype(float) - other[name]).max()) for name in one)


def rows(tasks: list[str], steps: int) -> Iterator[tuple[str, ...]]:
    """Yield one row per task."""
    for task in tasks:
        with tempfile.TemporaryDirectory() as scratch:
            place = make_place(Path(scratch), task, steps)
            for process in (start(place, "one"), start(place, "two", "cpu:0,1", SPLIT), *machines(place)):
                if process.wait():
                    raise click.ClickException(f"{task}: a training failed")
            one, two, both = (weights(place, output, steps) for output in ("one", "two", "machines-0"))
            moved = apart(weights(place, "one", 0), one)
        yield task, f"{apart(one, two):.1e}", f"{apart(one, both):.1e}", f"{moved:.1e}"


@click.command(help=__doc__)
@click.option("--steps", default=5, show_default=True)
@report.tiny_option
def main(steps: int, tiny: bool) -> None:
    tasks = ["pix2pix"] if tiny else list(OPTIONS)
    columns = ("task", "two devices", "two machines", "all weights moved by up to")
    report.show(columns, rows(tasks, 1 if tiny else steps))


if __name__ == "__main__":
    main()
