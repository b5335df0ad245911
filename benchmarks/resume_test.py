"""Kill a training at random moments, resume it each time, and compare with one that was never stopped.

    python benchmarks/resume_test.py [--kills 3] [--steps 40] [--seed 1]

Trains a small GAN with dropout and a pool of older images in processes of its own, and prints one SHA-256 over the
whole state of each: weights, optimizers, average, pool, seeds.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from small_gan_runs import finish, kill_and_resume, make_place, start

from img2imgkit.training import checkpoint


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    stated = parser.parse_args()
    length = ("--set", f"training.steps={stated.steps}")
    moments = sorted(random.Random(stated.seed).sample(range(1, stated.steps - 4), stated.kills))
    with tempfile.TemporaryDirectory() as scratch:
        place = make_place(Path(scratch))
        finish(start(place, "whole", *length))
        kill_and_resume(place, "killed", moments, stated.seed, *length)
        last = f"step-{stated.steps:09d}.npz"
        whole, killed = (checkpoint.digest(place / name / "checkpoints" / last) for name in ("whole", "killed"))
    print(f"killed after the checkpoints of steps {', '.join(map(str, moments))} or the next ones")
    print(f"never stopped      {whole}")
    print(f"killed and resumed {killed}")
    print(f"the same: {whole == killed}")


if __name__ == "__main__":
    main()
