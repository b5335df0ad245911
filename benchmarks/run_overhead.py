"""How much `img2img run` costs beside the model it runs, and whether memory grows with the number of files.

    python benchmarks/run_overhead.py [--pictures 200] [--size 512] [--format jpeg] [--bundle sr-compact-x2]

Prints the throughput of `img2img run` over a folder as a ratio to the bare compiled network on pictures that are
already in memory, both measured here and now, with and without the command's start; then the peak memory of whole
processes at two numbers of files. The sets are made of crops of the quickstart's photographs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOGRAPHS = Path(__file__).parent.parent / "pipelines" / "pictures"


def make_pictures(folder: Path, count: int, size: int, format: str) -> None:
    """Crops of the quickstart's photographs, each different."""
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
    """Whole seconds of the process, seconds that the report states, and peak MiB."""
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
    """Seconds of the compiled network over pictures in memory, after one call that compiles it."""
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
    began = time.perf_counter()
    for picture in pictures:
        network(picture).numpy()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--format", default="jpeg", choices=["jpeg", "png"])
    parser.add_argument("--bundle", default="sr-compact-x2")
    parser.add_argument("--more", type=int, default=0, help="a second number of files, for memory alone")
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_pictures(folder / "in", max(stated.pictures, stated.more), stated.size, stated.format)
        path = pipeline(folder, stated.bundle)
        network = bare(folder / "in", stated.bundle, stated.pictures)
        whole, inside, memory = run(path, "out", stated.pictures)
        print(f"bare network        {stated.pictures / network:8.2f} pictures/s")
        print(f"img2img run         {stated.pictures / inside:8.2f} pictures/s   ratio {network / inside:.3f}")
        print(f"  with its start    {stated.pictures / whole:8.2f} pictures/s   ratio {network / whole:.3f}")
        print(f"peak memory at {stated.pictures} files: {memory:.0f} MiB")
        if stated.more:
            print(f"peak memory at {stated.more} files: {run(path, 'more', stated.more)[2]:.0f} MiB")


if __name__ == "__main__":
    main()
