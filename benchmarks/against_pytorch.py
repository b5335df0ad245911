"""pix2pix's training step and CycleGAN's generator beside the same networks in PyTorch. Needs ``pip install torch``.

    python benchmarks/against_pytorch.py [--rounds 7]

Each side is a process of its own that sleeps while the other works; they take turns, and the figure is the median,
over the rounds, of PyTorch's time divided by ours: above 1, this toolkit is faster. PyTorch runs as the official code
does, on contiguous NCHW tensors, in eager mode; ours runs as ``img2img train`` and ``translate`` do.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import click
import numpy as np

SIDE, WARM = 256, 2
JOBS = {  # calls in a round
    "pix2pix training step, U-Net 256, batch 1, float32": 3,
    "ResNet-9 translation, 256x256, float32": 4,
    "ResNet-9 translation, 256x256, bfloat16": 4,
}


def ours(number: int) -> Callable[[], object]:
    """The job as this toolkit does it."""
    from img2imgkit import backend

    backend.load()
    return _step() if number == 0 else _translation(bfloat16=number == 2)


def _step() -> Callable[[], object]:
    from img2imgkit_plugins.pix2pix.task import Pix2Pix

    from img2imgkit import backend
    from img2imgkit.training.options import Adam, CriticOptions, PlayerOptions, TrainingOptions
    from img2imgkit.training.trainer import Trainer

    adam = Adam(learning_rate=2e-4, beta_1=0.5)
    options = TrainingOptions(
        steps=10**6, ema=None, generators=PlayerOptions(optimizer=adam), critics=CriticOptions(optimizer=adam)
    )
    trainer = Trainer(Pix2Pix(), options, backend.strategy_over(backend.devices("cpu")), 1)
    random = np.random.default_rng(0)
    batch = {key: random.uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32) for key in ("source", "target")}
    number = iter(range(10**6))

    def step() -> float:
        here = next(number)
        trainer.rates(here)
        return float(trainer.step(here, batch)["l1"])

    return step


def _translation(bfloat16: bool) -> Callable[[], object]:
    from img2imgkit_plugins.cyclegan.task import CycleGan

    from img2imgkit.inference.network import Network

    task = CycleGan()
    network = Network(task, task.build(), "bfloat16" if bfloat16 else "float32", ("/device:CPU:0",))
    source = np.random.default_rng(0).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)
    return lambda: network(source)


def theirs(number: int) -> Callable[[], object]:
    """The job in PyTorch."""
    import in_pytorch
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(0)
    return in_pytorch.training_step(1, SIDE) if number == 0 else in_pytorch.translation(SIDE, bfloat16=number == 2)


def work(make: Callable[[int], Callable[[], object]], number: int, calls: int, pipe: Connection) -> None:
    """Time rounds on demand."""
    job = make(number)
    for _ in range(WARM):
        job()
    pipe.send(None)
    while pipe.recv():
        began = time.perf_counter()
        for _ in range(calls):
            job()
        pipe.send((time.perf_counter() - began) / calls)


def compare(number: int, calls: int, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds a call, of each side by round."""
    context, sides = mp.get_context("spawn"), []
    for make in (ours, theirs):
        here, there = context.Pipe()
        process = context.Process(target=work, args=(make, number, calls, there), daemon=True)
        process.start()
        here.recv()
        sides.append((process, here, []))
    for _ in range(rounds):
        for _, pipe, seconds in sides:
            pipe.send(True)
            seconds.append(pipe.recv())
    for process, pipe, _ in sides:
        pipe.send(False)
        process.join()
    return sides[0][2], sides[1][2]


@click.command()
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1))
@click.option("--only", type=click.IntRange(0, len(JOBS) - 1), help="One job, by its number.")
def main(rounds: int, only: int | None) -> None:
    """Print the table."""
    click.echo("| job | ours, ms | PyTorch, ms | ratio |\n| --- | ---: | ---: | ---: |")
    for number, (name, calls) in enumerate(JOBS.items()):
        if only is None or only == number:
            mine, other = compare(number, calls, rounds)
            ratio = statistics.median(b / a for a, b in zip(mine, other, strict=True))
            ms = [1000 * statistics.median(seconds) for seconds in (mine, other)]
            click.echo(f"| {name} | {ms[0]:.0f} | {ms[1]:.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
