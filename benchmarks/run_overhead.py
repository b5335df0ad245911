"""The overhead of `img2img run` over its model, and whether memory grows with the number of files.

    python benchmarks/run_overhead.py [--pictures 200] [--size 512] [--format jpeg] [--bundle sr-compact-x2]

Prints the throughput of `img2img run` over a folder relative to that of the bare compiled network on pictures in
memory, with and without the command's start-up; and the peak memory of the process, with `--more` also for another
number of files. The pictures are crops of the quickstart's photographs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import report
from PIL import Image

from img2imgkit.benchmark import turns

PHOTOGRAPHS = Path(__file__).parent.parent / "pipelines" / "pictures"


def make_pictures(folder: Path, count: int, size: int, format: str) -> None:
    """Write different crops of the quickstart's photographs."""
    random = np.random.default_rng(0)
    photographs = [Image.open(path).convert("RGB").resize((size * 2, size * 2)) for path in PHOTOGRAPHS.glob("*.jpg")]
    folder.mkdir(parents=True)
    for number in range(count):
        left, top = (int(v) for v in random.integers(0, size, 2))
        crop = photographs[number % len(photographs)].crop((left, top, left + size, top + size))
        crop.save(folder / f"{number:05d}.{'jpg' if format == 'jpeg' else format}", quality=92)


def pipeline(folder: Path, bundle: str) -> Path:
    """``read -> translate -> write``."""
    path = folder / "pipeline.yaml"
    steps = [
        {"uses": "read", "with": {"folder": "in"}},
        {"uses": "translate", "with": {"bundle": bundle}},
        {"uses": "write", "with": {"folder": "out"}},
    ]
    path.write_text(json.dumps({"name": "benchmark", "steps": steps}))
    return path


def run(path: Path, out: str, limit: int) -> tuple[float, float, float]:
    """Return the seconds of the process, the seconds stated in the report, and peak MiB."""
    output = path.parent / out
    arguments = ["run", str(path), "--limit", str(limit), "--output", str(output), "--progress", "none", "--quiet"]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "img2imgkit.cli", *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(f"img2img run failed with {os.waitstatus_to_exitcode(status)}")
    report = json.loads((output / "report.json").read_text())
    assert report["totals"]["done"] == limit
    return seconds, report["seconds"], usage.ru_maxrss / 1024


def bare(folder: Path, bundle: str, count: int) -> float:
    """Return the seconds of the compiled network over pictures in memory, without compilation."""
    from img2imgkit import Catalog, backend
    from img2imgkit import bundle as bundles
    from img2imgkit.images import decode, to_unit

    backend.load()
    import tensorflow as tf

    catalog = Catalog.installed()
    loaded = bundles.load(bundles.locate(bundle, Path.cwd(), catalog), catalog)
    network = tf.function(
        lambda image: loaded.task.translate(loaded.nets, {"source": image}),
        input_signature=[tf.TensorSpec((None, None, None, 3))],
    )
    paths = sorted(folder.iterdir())[:count]
    pictures = [to_unit(decode(path).color)[None] for path in paths]
    network(pictures[0]).numpy()
    return turns.seconds(lambda: [network(picture).numpy() for picture in pictures])


def rows(path: Path, bundle: str, pictures: int, more: int) -> Iterator[tuple[str, ...]]:
    """Yield a row for the bare network, then for the command with one or two numbers of files."""
    network = bare(path.parent / "in", bundle, pictures)
    whole, inside, memory = run(path, "out", pictures)
    yield "bare network", str(pictures), f"{pictures / network:.2f}", "1.000", ""
    yield "`img2img run`", str(pictures), f"{pictures / inside:.2f}", f"{network / inside:.3f}", f"{memory:.0f}"
    yield "with its start", str(pictures), f"{pictures / whole:.2f}", f"{network / whole:.3f}", f"{memory:.0f}"
    if more:
        _, inside, memory = run(path, "more", more)
        yield "`img2img run`", str(more), f"{more / inside:.2f}", "", f"{memory:.0f}"


@click.command(help=__doc__)
@click.option("--pictures", default=200, show_default=True)
@click.option("--size", default=512, show_default=True, help="Pixels a side.")
@click.option("--format", default="jpeg", show_default=True, type=click.Choice(["jpeg", "png"]))
@click.option("--bundle", default="sr-compact-x2", show_default=True)
@click.option("--more", default=0, help="A second number of files, for memory alone.")
@report.tiny_option
def main(pictures: int, size: int, format: str, bundle: str, more: int, tiny: bool) -> None:
    if tiny:
        pictures, size, more = 2, 16, 3
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_pictures(folder / "in", max(pictures, more), size, format)
        columns = ("what", "pictures", "pictures/s", "ratio", "peak memory, MiB")
        report.show(columns, rows(pipeline(folder, bundle), bundle, pictures, more))


if __name__ == "__main__":
    main()
