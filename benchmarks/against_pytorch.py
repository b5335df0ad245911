"""Compare the speed of pix2pix's training step with PyTorch. Needs ``pip install torch``.

    python benchmarks/against_pytorch.py [--rounds 7]

Each side is a separate process that sleeps while the other works. The figure is the median over the rounds of PyTorch's
time divided by ours: above 1, this toolkit is faster. PyTorch runs as in the official code, in eager mode on contiguous
NCHW tensors; ours runs as in ``img2img train``.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import click
import numpy as np
import report

from img2imgkit.benchmark import turns


@dataclass(frozen=True)
class Size:
    """The sizes of network and pictures; the U-Net downsamples eight times."""

    width: int = 64
    step_side: int = 256


@dataclass(frozen=True)
class Job:
    """A measurement, with its call on either side."""

    name: str
    calls: int  # per round
    ours: Callable[[Size], turns.Call]
    theirs: Callable[[Size], turns.Call]


def our_step(size: Size) -> turns.Call:
    from img2imgkit import backend

    backend.load()
    from img2imgkit_plugins.pix2pix.task import Pix2Pix

    from img2imgkit.architectures import Patch, Unet
    from img2imgkit.training.loop.trainer import Trainer
    from img2imgkit.training.plan.training_options import Adam, CriticOptions, PlayerOptions, TrainingOptions

    adam = Adam(learning_rate=2e-4, beta_1=0.5)
    options = TrainingOptions(
        steps=10**6, ema=None, generators=PlayerOptions(optimizer=adam), critics=CriticOptions(optimizer=adam)
    )
    task = Pix2Pix(Pix2Pix.Options(generator=Unet(width=size.width), critic=Patch(width=size.width)))
    trainer = Trainer(task, options, backend.strategy_over(backend.devices("cpu")), 1)
    random, shape = np.random.default_rng(0), (1, size.step_side, size.step_side, 3)
    batch = {key: random.uniform(-1, 1, shape).astype(np.float32) for key in ("source", "target")}
    number = iter(range(10**6))

    def step() -> float:
        here = next(number)
        trainer.rates(here)
        return float(trainer.step(here, batch)["l1"])

    return step


def their_step(size: Size) -> turns.Call:
    import in_pytorch

    in_pytorch.prepare(os.cpu_count() or 1)
    return in_pytorch.training_step(1, size.step_side, size.width)


JOBS = (Job("pix2pix training step, U-Net 256, batch 1, float32", 3, our_step, their_step),)


def rows(jobs: tuple[Job, ...], size: Size, rounds: int) -> Iterator[tuple[str, ...]]:
    """Yield one row per job."""
    for job in jobs:
        sides = {"img2imgkit": partial(job.ours, size), "PyTorch": partial(job.theirs, size)}
        ours, theirs = turns.in_processes(sides, job.calls, rounds).values()
        milliseconds = (f"{1000 * statistics.median(seconds):.0f}" for seconds in (ours, theirs))
        yield job.name, *milliseconds, f"{turns.median_ratio(ours, theirs):.2f}"


@click.command(help=__doc__)
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1))
@click.option("--only", type=click.IntRange(0, len(JOBS) - 1), help="One job, by its number.")
@report.tiny_option
def main(rounds: int, only: int | None, tiny: bool) -> None:
    jobs = JOBS if only is None else JOBS[only : only + 1]
    size = Size(width=4) if tiny else Size()
    report.show(("job", "ours, ms", "PyTorch, ms", "ratio"), rows(jobs, size, 1 if tiny else rounds))


if __name__ == "__main__":
    main()
