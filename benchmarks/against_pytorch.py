"""Compare the speed of training steps with PyTorch. Needs ``pip install torch``.

    python benchmarks/against_pytorch.py [--rounds 7] [--threads 1 --clock process_time] [--compiled]

Each side is a separate process that sleeps while the other works. The figure is the median over the rounds of PyTorch's
time divided by ours: above 1, this toolkit is faster. PyTorch runs as in the official code, in eager mode on contiguous
NCHW tensors; ours runs as in ``img2img train``. ``--compiled`` adds ``torch.compile``.

On a machine with other work, compare the processor time of one thread each: ``--threads 1 --clock process_time``.
Several threads of PyTorch spin while they wait for one another, which processor time counts as work.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import click
import our_steps
import report
from our_steps import Size

from img2imgkit.benchmark import turns

METHODS = ("pix2pix", "cyclegan", "rrdb")


def our_step(method: str, size: Size, bfloat16: bool, threads: int | None) -> turns.Call:
    return our_steps.training_step(method, size, "mixed_bfloat16" if bfloat16 else "float32", threads)


def their_step(method: str, size: Size, bfloat16: bool, compiled: bool, threads: int | None) -> turns.Call:
    import in_pytorch

    in_pytorch.prepare(threads or os.cpu_count() or 1)
    return in_pytorch.training_step(method, size, bfloat16, compiled)


def step_rows(
    methods: Sequence[str], size: Size, rounds: int, threads: int | None, clock: turns.Clock, compiled: bool
) -> Iterator[tuple[str, ...]]:
    """Yield a row for each method: milliseconds of each side, and how many times as fast as PyTorch this toolkit is."""
    for method in methods:
        sides: dict[str, Callable[[], turns.Call]] = {}
        for bfloat16, precision in ((False, "float32"), (True, "bfloat16")):
            sides[f"ours, {precision}"] = partial(our_step, method, size, bfloat16, threads)
            for fast, name in ((False, "PyTorch"), (True, "torch.compile"))[: 1 + compiled]:
                sides[f"{name}, {precision}"] = partial(their_step, method, size, bfloat16, fast, threads)
        found = turns.in_processes(sides, 3, rounds, clock)
        peers = [name for name in sides if name in ("PyTorch, float32", "torch.compile, float32")]
        best = min(peers, key=lambda name: statistics.median(found[name]))
        ratios = (turns.median_ratio(found[f"ours, {each}"], found[best]) for each in ("float32", "bfloat16"))
        yield method, *map(_milliseconds, found.values()), *(f"{ratio:.2f}" for ratio in ratios)


def _milliseconds(found: Sequence[float]) -> str:
    return f"{1000 * statistics.median(found):.0f} ({1000 * min(found):.0f})"


@click.command(help=__doc__)
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1))
@click.option("--only", type=click.Choice(METHODS), help="One method.")
@click.option("--threads", type=click.IntRange(1), help="Threads of each side; by default all.")
@click.option("--clock", type=click.Choice(["perf_counter", "process_time"]), default="perf_counter")
@click.option("--compiled", is_flag=True, help="Also measure torch.compile.")
@report.tiny_option
def main(rounds: int, only: str | None, threads: int | None, clock: turns.Clock, compiled: bool, tiny: bool) -> None:
    size = Size(width=4, blocks=1, rrdb_blocks=1, rrdb_side=16) if tiny else Size()
    rounds = 1 if tiny else rounds
    theirs = ("PyTorch", "torch.compile")[: 1 + compiled]
    columns = [f"{side} {precision}" for precision in ("float32", "bfloat16") for side in ("ours", *theirs)]
    methods = [method for method in METHODS if only in (None, method)]
    click.echo("Training steps of batch 1, ms: median (minimum); ratios are PyTorch's float32 to ours.")
    click.echo()
    head = ("step", *columns, "ratio of float32", "ratio of bfloat16")
    report.show(head, step_rows(methods, size, rounds, threads, clock, compiled))


if __name__ == "__main__":
    main()
