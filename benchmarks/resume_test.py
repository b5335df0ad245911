"""Kill a training at random moments, resume it each time, and compare it with an uninterrupted one.

    python benchmarks/resume_test.py [--kills 3] [--steps 40] [--seed 1]

Trains a small GAN with dropout and an image history in separate processes, and prints a SHA-256 of each complete state:
weights, optimizers, moving average, history, seeds.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import report

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from small_gan_runs import finish, kill_and_resume, make_place, start

from img2imgkit.training.state import checkpoint


def rows(kills: int, steps: int, seed: int) -> Iterator[tuple[str, ...]]:
    """Yield one row for the uninterrupted training, and one for the resumed one."""
    length = ("--set", f"training.steps={steps}")
    moments = sorted(random.Random(seed).sample(range(1, steps - 4), kills))
    with tempfile.TemporaryDirectory() as scratch:
        place = make_place(Path(scratch))
        finish(start(place, "whole", *length))
        kill_and_resume(place, "killed", moments, seed, *length)
        last = f"step-{steps:09d}.npz"
        whole, killed = (checkpoint.digest(place / name / "checkpoints" / last) for name in ("whole", "killed"))
    yield "never stopped", str(steps), whole, ""
    after = ", ".join(map(str, moments))
    told = f"killed after the checkpoints of steps {after}, or the next ones"
    yield told, str(steps), killed, "yes" if whole == killed else "no"


@click.command(help=__doc__)
@click.option("--kills", default=3, show_default=True)
@click.option("--steps", default=40, show_default=True)
@click.option("--seed", default=1, show_default=True)
@report.tiny_option
def main(kills: int, steps: int, seed: int, tiny: bool) -> None:
    if tiny:
        kills, steps = 1, 6
    report.show(("training", "steps", "SHA-256 of its last state", "the same"), rows(kills, steps, seed))


if __name__ == "__main__":
    main()
