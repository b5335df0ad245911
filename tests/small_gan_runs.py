"""Run trainings of the small GAN as separate processes."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
TEXT = """\
name: small
task: small-gan
options: {dropout: 0.3, pool: 6}
data: {kind: degraded, folder: pictures, crop: 16, batch: 4, channel_shuffle: true}
training:
  steps: 40
  generators: {optimizer: {kind: adam, learning_rate: 1e-3}, schedule: {kind: cosine, warmup: 2}}
  critics: {optimizer: {kind: rmsprop, momentum: 0.5}, every: 2}
  log_every: 5
  sample_every: 20
  checkpoint_every: 4
probe: probe
"""


def make_place(folder: Path) -> Path:
    """Create a training file with pictures and a probe."""
    random_numbers = np.random.default_rng(7)
    for name, size in (("pictures/a.png", (40, 50)), ("pictures/b.png", (36, 30)), ("probe/c.png", (24, 20))):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random_numbers.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    (folder / "train.yaml").write_text(TEXT)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """An environment in which the small GAN is an installed plugin."""
    info = folder / "site" / "small_gan-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: small-gan\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[img2imgkit]\nsmall-gan = small_gan_task\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "site"), str(HERE)]), "NO_COLOR": "1"}


def start(place: Path, output: str, *arguments: str, tf_config: str = "") -> subprocess.Popen[str]:
    """Start ``img2img train`` in a folder, with events as JSON lines on stderr."""
    line = [sys.executable, "-m", "img2imgkit.cli", "train", "train.yaml", "--device", "cpu", "--output", output]
    return subprocess.Popen(
        [*line, "--progress", "json", *arguments],
        cwd=place,
        env={**environment(place), "TF_CONFIG": tf_config},
        text=True,
        stderr=subprocess.PIPE,
    )


def start_machines(place: Path, count: int, *arguments: str, output: str = "out") -> list[subprocess.Popen[str]]:
    """Start processes that act as the machines of a training; only the first writes its folder."""
    addresses = [f"localhost:{port}" for port in free_ports(count)]
    configs = [
        json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})
        for index in range(count)
    ]
    return [
        start(place, output if index == 0 else f"{output}-{index}", *arguments, tf_config=config)
        for index, config in enumerate(configs)
    ]


def free_ports(count: int) -> list[int]:
    """Return unused ports."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_for_step(process: subprocess.Popen[str], step: int) -> None:
    """Wait until the process has written the checkpoint of a step, or a later one."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("{") and (event := json.loads(line))["event"] == "saved" and event["step"] >= step:
            return
    process.communicate()
    raise AssertionError(f"ended with {process.wait()} before step {step}")


def kill_and_resume(place: Path, output: str, moments: list[int], seed: int, *arguments: str) -> None:
    """Train to the end; kill and resume shortly after the checkpoint of each of these steps."""
    chances = random.Random(seed)
    for number, moment in enumerate(moments):
        process = start(place, output, *arguments, *(["--resume"] if number else []))
        wait_for_step(process, moment)
        time.sleep(chances.uniform(0, 0.05))
        process.kill()
        process.communicate()
    finish(start(place, output, *arguments, "--resume"))


def ended(process: subprocess.Popen[str], seconds: float = 120) -> str:
    """Wait for the process to end, or kill it; return its stderr."""
    try:
        return process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"still running after {seconds} s: {process.communicate()[1]}") from None


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait for the process to end with an exit code; return its stderr."""
    errors = ended(process)
    assert process.returncode == code, errors
    return errors
