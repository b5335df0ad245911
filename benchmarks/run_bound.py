"""How close `img2img run` comes to the bound of its cores, and where its core-seconds go.

    python benchmarks/run_bound.py [--size 128 --size 512 --size 2048] [--folder PHOTOGRAPHS] [--model nearest]

A picture costs core-seconds in the model and in the codec: decoding, encoding, thumbnails, and writing with its digest.
Each part is measured alone, in turn with the run, and no run can make more than cores / (model + codec) pictures per
second. The ratio to that bound counts the cores that other processes leave. Conversions between levels and floats,
tiling and the pipeline itself are what the bound does not count. `--model nearest` replaces the model by one that costs
next to nothing, so that the codec is the bottleneck, as with a fast engine.

The pictures are crops of the photographs in a folder, enlarged where they are smaller.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import click
import numpy as np
import psutil
import report
from PIL import Image

from img2imgkit import Catalog, Item, Transform, hookimpl
from img2imgkit.catalog import Plugin
from img2imgkit.pipeline import Outcome, Plan, ThreadExecutor, make_plan, read_pipeline, run
from img2imgkit.pipeline.output_folder import OutputFolder, stage, unstage
from img2imgkit.pipeline.report import Thumbnails
from img2imgkit.step import Resources

PHOTOGRAPHS = Path(__file__).parent.parent / "pipelines" / "pictures"
PICTURES = {128: 400, 512: 60, 2048: 10}  # by size: enough for some seconds
CODEC = ("decode", "encode", "thumbnails", "write")


class Nearest(Transform):
    """Double each pixel, in the lane of models: a model that costs next to nothing."""

    name = "nearest"
    lane: ClassVar[Literal["cpu", "model"]] = "model"

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        return 2 * width, 2 * height

    def apply(self, item: Item) -> Item:
        color = item.picture.color
        height, width, channels = color.shape
        large = np.empty((height, 2, width, 2, channels), color.dtype)
        large[:] = color[:, None, :, None]
        return item.with_picture(item.picture.resized(large.reshape(2 * height, 2 * width, channels), None))


@hookimpl
def register_steps(register: Callable[[type[Transform]], None]) -> None:
    register(Nearest)


class Processes:
    """The core-seconds of this process and of those that it started."""

    def __init__(self) -> None:
        self._children: list[psutil.Process] = []

    def look(self) -> None:
        """Look for processes that were started; this takes a while."""
        self._children = psutil.Process().children(recursive=True)

    def seconds(self) -> float:
        """Core-seconds so far."""
        times = [child.cpu_times() for child in self._children]
        return time.process_time() + sum(each.user + each.system for each in times)


PROCESSES = Processes()


def busy_seconds() -> float:
    """Core-seconds of all processes of the machine so far."""
    times = psutil.cpu_times()
    return times.user + times.system + times.nice + getattr(times, "irq", 0.0) + getattr(times, "softirq", 0.0)


@dataclass
class Alone:
    """Core-seconds of each part over all rounds, and the number of pictures."""

    parts: Counter[str] = field(default_factory=Counter)
    pictures: int = 0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        began = PROCESSES.seconds()
        yield
        self.parts[name] += PROCESSES.seconds() - began

    def milliseconds(self, *names: str) -> float:
        """Core-milliseconds a picture of these parts."""
        return 1000 * sum(self.parts[name] for name in names) / self.pictures


class Runner:
    """Counts the core-seconds of a runner's calls."""

    def __init__(self, runner: Any, alone: Alone) -> None:
        self._runner, self._alone = runner, alone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> Any:
        with self._alone.part("model"):
            return self._runner(inputs)


class Stopwatch:
    """A watcher that notes when the warm-up ended: clock, core-seconds of this process, and of all."""

    def __init__(self, warm_up: int) -> None:
        self._warm_up, self.count, self.began = warm_up, 0, (0.0, 0.0, 0.0)

    def started(self, total: int, up_to_date: int) -> None:
        pass

    def finished(self, outcome: Outcome) -> None:
        assert outcome.status == "done", outcome.reason
        self.count += 1
        if self.count == self._warm_up:
            PROCESSES.look()
            self.began = self.now()
        self.ended = self.now()

    @staticmethod
    def now() -> tuple[float, float, float]:
        return time.perf_counter(), PROCESSES.seconds(), busy_seconds()


@dataclass(frozen=True)
class Run:
    """A run in its steady state: pictures per second, core-seconds a picture, and the cores that others left."""

    rate: float
    seconds: float
    cores: float


def make_pictures(folder: Path, photographs: Path, count: int, size: int, format: str) -> None:
    """Write different crops of photographs."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    paths = sorted(path for path in photographs.iterdir() if path.suffix in (".jpg", ".png"))
    for number in range(count):
        photograph = Image.open(paths[number % len(paths)]).convert("RGB")
        factor = max(1.0, 1.25 * size / min(photograph.size))
        photograph = photograph.resize([round(side * factor) for side in photograph.size], Image.Resampling.LANCZOS)
        left, top = (int(random.integers(0, side - size + 1)) for side in photograph.size)
        crop = photograph.crop((left, top, left + size, top + size))
        crop.save(folder / f"{number:05d}.{'jpg' if format == 'jpeg' else format}", quality=92)


def plan_of(folder: Path, out: str, model: str, catalog: Catalog) -> Plan:
    """``read -> model -> write``."""
    translate = {"uses": "nearest"} if model == "nearest" else {"uses": "translate", "with": {"bundle": model}}
    write = {"uses": "write", "with": {"folder": str(folder / out)}}
    path = folder / "pipeline.yaml"
    path.write_text(
        json.dumps(
            {"name": "bound", "steps": [{"uses": "read", "with": {"folder": str(folder / "in")}}, translate, write]}
        )
    )
    return make_plan(read_pipeline(path, catalog), catalog)


def opened(plan: Plan, alone: Alone) -> Transform:
    """Open the model's step, and count what its engine costs."""
    step = plan.pipeline.uses[1].step
    assert isinstance(step, Transform)
    step.open(Resources("cpu"))
    if translator := getattr(step, "_translator", None):
        translator.model.runner = Runner(translator.model.runner, alone)
    return step


def alone(plan: Plan, step: Transform, count: int, found: Alone) -> None:
    """Measure each part over the first pictures, in one thread."""
    sink = plan.pipeline.main_sink
    folder = Path(sink.location())
    with OutputFolder(folder):
        thumbnails = Thumbnails(folder)
        for _, job in zip(range(count), plan.jobs.to_make(), strict=False):
            PROCESSES.look()
            with found.part("decode"):
                item = plan.pipeline.source.load(job.entry)
            with found.part("translate"):
                item = step.apply_to_frames(item)
            with found.part("encode"):
                rendering = sink.render(item)
            with found.part("thumbnails"):
                thumbnails.make(item)
            with found.part("write"):
                staged = stage(folder, rendering.target, rendering.data)
            unstage(staged)
            found.pictures += 1
    shutil.rmtree(folder)


def together(plan: Plan, warm_up: int, threads: int | None) -> Run:
    """Run the pipeline, and return what it did after the first pictures."""
    watch = Stopwatch(warm_up)
    run(plan, ThreadExecutor(plan.pipeline, Resources("cpu"), threads), watch)
    clock, own, busy = (end - start for start, end in zip(watch.began, watch.ended, strict=True))
    made = watch.count - warm_up
    cores = max(own / clock, (os.cpu_count() or 1) - max(0.0, busy - own) / clock)
    shutil.rmtree(plan.pipeline.main_sink.location())
    return Run(made / clock, own / made, cores)


def measured(folder: Path, model: str, count: int, rounds: int, threads: int | None) -> tuple[Alone, list[Run]]:
    """Measure the parts and the run in turn."""
    catalog = Catalog((*Catalog.installed().plugins, Plugin("bound", lambda: sys.modules[__name__], version="1")))
    few, found, runs = max(1, count // 4), Alone(), list[Run]()
    step = opened(plan_of(folder, "out", model, catalog), found)
    alone(plan_of(folder, "out", model, catalog), step, 1, found)
    found.parts.clear()
    found.pictures = 0
    for _ in range(rounds):
        alone(plan_of(folder, "out", model, catalog), step, few, found)
        runs.append(together(plan_of(folder, "out", model, catalog), few, threads))
    if "model" not in found.parts:
        found.parts["model"] = found.parts["translate"]
    return found, runs


def rows(sizes: list[int], rounds: int, scratch: Path, stated: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each size."""
    for size in sizes:
        folder = scratch / str(size)
        count = stated["pictures"] or PICTURES.get(size, max(10, 60 * 512**2 // size**2))
        make_pictures(folder / "in", stated["folder"], count, size, stated["format"])
        found, runs = measured(folder, stated["model"], count, rounds, stated["threads"])
        least = found.milliseconds("model", *CODEC) / 1000
        cores = os.cpu_count() or 1
        parts = [f"{found.milliseconds(name):.2f}" for name in ("model", *CODEC)]
        yield (
            str(size),
            *parts,
            f"{found.milliseconds('translate') - found.milliseconds('model'):.2f}",
            f"{1000 * statistics.median(each.seconds for each in runs):.2f}",
            f"{cores / least:.2f}",
            f"{statistics.median(each.rate for each in runs):.2f}",
            f"{statistics.median(each.rate * least / cores for each in runs):.3f}",
            f"{statistics.median(each.rate * least / each.cores for each in runs):.3f}",
        )
        shutil.rmtree(folder)


@click.command(help=__doc__)
@click.option("--size", "sizes", multiple=True, type=int, default=(128, 512, 2048), show_default=True)
@click.option("--pictures", type=int, help="Of each size; by default enough for some seconds.")
@click.option("--format", default="jpeg", show_default=True, type=click.Choice(["jpeg", "png", "webp", "tiff"]))
@click.option("--model", default="sr-compact-x2", show_default=True, help="A bundle, or nearest.")
@click.option("--folder", type=click.Path(path_type=Path, exists=True), default=PHOTOGRAPHS, help="Photographs.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--threads", type=int, help="Of the codec; by default those of `img2img run`.")
@report.tiny_option
def main(sizes: tuple[int, ...], rounds: int, tiny: bool, **stated: Any) -> None:
    if tiny:
        sizes, rounds, stated["pictures"] = (16, 24), 1, 4
    columns = ("pixels a side", "model, core-ms", *CODEC, "conversions", "run", "bound, pictures/s", "run, pictures/s")
    with tempfile.TemporaryDirectory() as scratch:
        report.show(
            (*columns, "ratio", "ratio to the cores that others left"), rows(list(sizes), rounds, Path(scratch), stated)
        )


if __name__ == "__main__":
    main()
