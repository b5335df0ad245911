"""Compare the speed and memory of networks for super-resolution with their official PyTorch code.

    python benchmarks/enlargers.py [NAMES] [--official FOLDER] [--side 64] [--threads 1 --clock process_time]

FOLDER holds the modules of the official codes under their own names, such as ``network_swinir.py`` and ``rgt_arch.py``,
and whatever they import; networks whose module is missing there are measured alone. Needs PyTorch for FOLDER.

Each side is a process of its own that sleeps while the other works, with random weights and one picture. Times are
medians over the rounds, peaks those of the whole process. ``ratio`` is the median of PyTorch's time divided by ours:
above 1, this toolkit is faster. On a machine with other work, state ``--threads 1 --clock process_time``.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np
import our_steps
import report

from img2imgkit.architectures import (
    Architecture,
    Atd,
    Dat,
    Drct,
    Hat,
    Mosr,
    NetworkSpec,
    Omnisr,
    Plksr,
    Rcan,
    Realplksr,
    Rgt,
    Span,
    Srformer,
    Swinir,
)
from img2imgkit.benchmark import turns

NOTHING = "-"
TINY_ROWS = 2


@dataclass(frozen=True)
class Pair:
    """A network of this toolkit and the official class of the same size.

    Attributes:
        small: a tiny network of the same kind
        official: module and class
        settings: arguments of the class
    """

    ours: Architecture
    small: Architecture
    scale: int
    official: str
    settings: Mapping[str, Any] = field(default_factory=dict)


SIX = [6] * 6
SWIN: Mapping[str, Any] = {"img_size": 64, "embed_dim": 180, "depths": SIX, "num_heads": SIX, "mlp_ratio": 2}
SHUFFLE: Mapping[str, Any] = {"upsampler": "pixelshuffle"}
BOTH_WAYS: Mapping[str, Any] = {"img_size": 64, "embed_dim": 180, "num_heads": SIX, "split_size": [8, 32]}
ONE_HEAD: Mapping[str, Any] = {"depths": (1,), "heads": (1,), "window": 4}
PAIRS = {
    "swinir": Pair(
        Swinir(),
        Swinir(width=4, **ONE_HEAD),
        2,
        "network_swinir.SwinIR",
        {**SWIN, **SHUFFLE, "upscale": 2, "window_size": 8},
    ),
    "srformer": Pair(
        Srformer(),
        Srformer(width=4, **ONE_HEAD),
        2,
        "srformer_arch.SRFormer",
        {**SWIN, **SHUFFLE, "upscale": 2, "window_size": 24, "img_size": 48},
    ),
    "hat": Pair(
        Hat(),
        Hat(width=4, compress=2, squeeze=2, **ONE_HEAD),
        2,
        "hat_arch.HAT",
        {
            **{**SWIN, **SHUFFLE, "upscale": 2, "window_size": 16},
            **{"compress_ratio": 3, "squeeze_factor": 30, "conv_scale": 0.01, "overlap_ratio": 0.5},
        },
    ),
    "drct": Pair(
        Drct(),
        Drct(width=4, heads=(1,), window=4, growth=2),
        2,
        "DRCT_arch.DRCT",
        {**SWIN, **SHUFFLE, "upscale": 2, "window_size": 16, "gc": 32},
    ),
    "atd": Pair(
        Atd(),
        Atd(width=4, tokens=3, token_width=2, category_size=6, **ONE_HEAD),
        2,
        "atd_arch.ATD",
        {
            **{**SWIN, **SHUFFLE, "embed_dim": 210, "upscale": 2, "window_size": 16, "category_size": 256},
            **{"num_tokens": 128, "reducted_dim": 20, "convffn_kernel_size": 5},
        },
    ),
    "dat": Pair(
        Dat(),
        Dat(width=32, depths=(2,), heads=(2,), split=(2, 4), expansion=1.0),
        2,
        "dat_arch.DAT",
        {**BOTH_WAYS, "depth": SIX, "expansion_factor": 4, "upscale": 2},
    ),
    "rgt": Pair(
        Rgt(depths=(6,) * 6, heads=(6,) * 6),
        Rgt(width=32, depths=(2,), heads=(2,), split=(2, 4)),
        2,
        "rgt_arch.RGT",
        {**BOTH_WAYS, "depth": SIX, "mlp_ratio": 2, "c_ratio": 0.5, "upscale": 2},
    ),
    "omnisr": Pair(
        Omnisr(),
        Omnisr(width=8, groups=1),
        4,
        "OmniSR.OmniSR",
        {
            **{
                "num_feat": 64,
                "res_num": 5,
                "block_num": 1,
                "bias": True,
                "upsampling": 4,
                "window_size": 8,
                "pe": True,
            },
            **{"pe": True, "ffn_bias": True, "block_script_name": "OSA", "block_class_name": "OSA_Block"},
        },
    ),
    "span": Pair(
        Span(),
        Span(width=4),
        4,
        "span_arch.SPAN",
        {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 48, "upscale": 4},
    ),
    "plksr": Pair(
        Plksr(),
        Plksr(width=4, blocks=1, large=1),
        4,
        "plksr_arch.PLKSR",
        {
            **{"dim": 64, "n_blocks": 28, "upscaling_factor": 4, "ccm_type": "DCCM", "kernel_size": 17},
            "split_ratio": 0.25,
        },
    ),
    "realplksr": Pair(Realplksr(), Realplksr(width=4, blocks=1, large=1), 4, "realplksr_arch.realplksr", {"scale": 4}),
    "rcan": Pair(
        Rcan(),
        Rcan(width=4, groups=1, blocks=1, reduction=2),
        4,
        "rcan_arch.RCAN",
        {**{"num_in_ch": 3, "num_out_ch": 3, "num_group": 10, "num_block": 20}, "upscale": 4},
    ),
    "mosr": Pair(
        Mosr(), Mosr(width=4, blocks=1, hidden=6, convolved=4), 4, "mosr_arch.MoSR", {"upscale": 4, "upsampler": "ps"}
    ),
}


def ours(name: str, side: int, tiny: bool, threads: int | None) -> turns.Call:
    our_steps.use_threads(threads)
    import tensorflow as tf

    pair = PAIRS[name]
    model = (pair.small if tiny else pair.ours).build(NetworkSpec(scale=pair.scale))
    run = tf.function(lambda picture: model(picture, training=False), autograph=False)
    picture = tf.constant(np.random.default_rng(0).random((1, side, side, 3), np.float32))
    return lambda: run(picture).numpy()


def theirs(name: str, side: int, folder: Path, threads: int | None) -> turns.Call:
    sys.path.insert(0, str(folder))
    import torch

    torch.set_num_threads(threads or os.cpu_count() or 1)

    module, _, kind = PAIRS[name].official.partition(".")
    model = getattr(import_module(module), kind)(**PAIRS[name].settings).eval()
    picture = torch.rand(1, 3, side, side)

    def call() -> object:
        with torch.inference_mode():
            return model(picture)

    return call


def rows(
    names: Sequence[str],
    side: int,
    rounds: int,
    tiny: bool,
    folder: Path | None,
    threads: int | None,
    clock: turns.Clock,
) -> Iterator[tuple[str, ...]]:
    """Yield a row for each network: milliseconds and peak memory of each side, and how many times as fast ours is."""
    for name in names:
        sides: dict[str, Callable[[], turns.Call]] = {"ours": partial(ours, name, side, tiny, threads)}
        if folder and (folder / f"{PAIRS[name].official.partition('.')[0]}.py").is_file():
            sides["PyTorch"] = partial(theirs, name, side, folder, threads)
        found = turns.timed(sides, rounds, turns.Extent(clock=clock))
        mine, other = found["ours"], found.get("PyTorch")
        if mine.failure:
            yield name, f"failed: {mine.failure}", *[NOTHING] * 4
        elif other is None or other.failure:
            yield name, *_figures(mine), NOTHING, NOTHING, other.failure if other else NOTHING
        else:
            yield name, *_figures(mine), *_figures(other), f"{turns.median_ratio(mine.seconds, other.seconds):.2f}"


def _figures(timing: turns.Timing) -> tuple[str, str]:
    peak = NOTHING if timing.peak_bytes is None else f"{timing.peak_bytes >> 20}"
    return f"{1000 * statistics.median(timing.seconds):.0f}", peak


@click.command(help=__doc__)
@click.argument("names", nargs=-1, type=click.Choice([*PAIRS]))
@click.option("--official", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Modules in PyTorch.")
@click.option("--side", default=64, show_default=True, type=click.IntRange(16), help="Side of the picture, in pixels.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--threads", type=click.IntRange(1), help="Threads of each side; by default all.")
@click.option("--clock", type=click.Choice(["perf_counter", "process_time"]), default="perf_counter")
@report.tiny_option
def main(
    names: tuple[str, ...],
    official: Path | None,
    side: int,
    rounds: int,
    threads: int | None,
    clock: turns.Clock,
    tiny: bool,
) -> None:
    names = names or tuple(PAIRS)
    if tiny:
        names, side, rounds = names[:TINY_ROWS], 16, 1
    click.echo(f"One picture of {side}x{side} pixels, float32; medians of {rounds}; times in ms, peaks in MiB.")
    click.echo()
    columns = ("network", "ours", "peak", "PyTorch", "peak", "ratio")
    report.show(columns, rows(names, side, rounds, tiny, None if tiny else official, threads, clock))


if __name__ == "__main__":
    main()
