"""Every task in every format: how far it is from the bundle, how large it is, and how fast.

    python benchmarks/exports.py [BUNDLE ...] [--side 128] [--rounds 9] [--write docs/results/export.md]

Bundles are those that are named or installed; tasks that none of them is of get a small network with random weights.
Speed is the time of the compiled Keras networks (``tf.function``) over that of the format's own software on the CPU,
for one picture: above 1, the export is faster. The two take turns, and the figure is the median over the rounds.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import report
import turns

from img2imgkit import backend, bundle
from img2imgkit.catalog import Catalog
from img2imgkit.components import resolve
from img2imgkit.config import parse_yaml, validate
from img2imgkit.errors import ConfigError, ToolkitError
from img2imgkit.exchange import Exporter, Program
from img2imgkit.exporting import ExportedFile, ExportOptions, export_bundle, programs_of
from img2imgkit.formats.tracing import traceable
from img2imgkit.task import Task

PICTURES = Path(__file__).parents[1] / "pipelines" / "pictures"
FORMS = (
    ("onnx", "float32"),
    ("onnx", "float16"),
    ("onnx", "int8"),
    ("saved-model", "float32"),
    ("tflite", "float32"),
    ("tflite", "float16"),
    ("keras", "float32"),
)
FRESH = {
    "cut": "{blocks: 6, width: 16}",
    "cyclegan": "{generator: {kind: resnet, width: 16, blocks: 6}}",
    "funit": "{classes: 10, width: 16, mlp_width: 64}",
    "pix2pix": "{generator: {kind: unet, width: 16, depth: 7}}",
    "pix2pixhd": "{generator: {kind: pix2pixhd, width: 8, downs: 3, blocks: 4, enhancers: 1}, encoder: {}}",
    "pix2pixhd-photo": "{generator: {kind: pix2pixhd, width: 16, downs: 3, blocks: 4}}",
    "spade": "{width: 8, style: {width: 8}}",
    "stargan": "{width: 16, blocks: 4}",
    "super-resolution": "{}",
}
HEADER = """# Exports

`python benchmarks/exports.py` writes this page: every task in every format, each export proved as `img2img export` does
it: opened again in its own software, and its programs compared with the bundle at three sizes and two batch sizes. An
ONNX file holds `translate` here, a Keras file the networks, the others all programs.

- *difference*: the largest one over its programs, over the range of the output; of int8 the PSNR to float32 in dB, over
  photographs that did not set its ranges
- *speed*: the compiled Keras networks' time over that of the format's own software, for `translate` on one picture of
  {side} pixels a side (or the next legal size), on {cpus} CPU cores; above 1, the export is faster. Medians of {rounds}
  rounds by turns, with some noise where the machine did other work besides.
- *random*: small networks with random weights; the others are trained
- *refused*, *failed*: what the command said; it wrote nothing. CUT's float16 fails at the smallest size tried, where
  the normalization inside sees 2x3 pixels

"""
COLUMNS = ("bundle", "task", "format", "difference", "MB", "speed")


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    forms: tuple[tuple[str, str], ...] = FORMS
    fresh: tuple[str, ...] = tuple(FRESH)
    installed: bool = True
    side: int = 128
    rounds: int = 9


TINY = Extent((("onnx", "float32"), ("tflite", "float16"), ("keras", "float32")), ("super-resolution",), False, 16, 1)


def fresh_tasks(catalog: Catalog) -> dict[str, Task]:
    """The tasks of FRESH with small networks."""
    found = {}
    for name, options in FRESH.items():
        task_class = catalog.get("tasks", name)
        found[name] = task_class(resolve(validate(task_class.Options, parse_yaml(options)), catalog))
    return found


def fresh(name: str, task: Task, catalog: Catalog, folder: Path) -> Path:
    """A bundle of a task with random weights that keep the variance of what goes through them."""
    nets, random = task.build(), np.random.default_rng(0)
    for network in nets.generators.values():
        for variable in network.weights:
            if variable.path.endswith("kernel"):
                fan = max(1, int(np.prod(variable.shape[:-1])))
                variable.assign(random.normal(0, 1 / np.sqrt(fan), variable.shape))
    bundle.save(folder / name, task, nets, name, catalog)
    return folder / name


def row(loaded: bundle.Bundle, exporter: Exporter, precision: str, extent: Extent, mark: str) -> tuple[str, ...]:
    """Export, prove, time."""
    manifest = loaded.manifest
    told = (f"{manifest.name}{mark}", manifest.task, f"{exporter.name} {precision}".removesuffix(" float32"))
    several = exporter.name == "keras" and len(loaded.nets.generators) > 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("model" if several else f"model{exporter.suffix}")
        options = ExportOptions(precision=precision, calibrate=PICTURES if precision == "int8" else None)
        try:
            written = export_bundle(loaded, exporter, path, options)
        except ConfigError as error:
            return *told, f"refused: {str(error).partition(':')[2].strip() or error}", "", ""
        except ToolkitError as error:
            return *told, f"failed: {error}", "", ""
        speed = "" if exporter.name == "keras" else f"{ratio(loaded, exporter, path, extent):.2f}"
        return *told, difference(written), f"{written.size / 1e6:.2f}", speed


def difference(written: ExportedFile) -> str:
    """The figure that counts."""
    return f"{written.about.int8.psnr:.1f} dB" if written.about.int8 else f"{max(written.differences.values()):.1e}"


def ratio(loaded: bundle.Bundle, exporter: Exporter, path: Path, extent: Extent) -> float:
    """Keras's time over the export's."""
    import tensorflow as tf

    translate: Program = programs_of(loaded)[0]
    legal = -(-max(extent.side, translate.minimum) // translate.multiple) * translate.multiple
    arrays = translate.sample(np.random.default_rng(0), 1, legal, legal)
    tensors = {name: tf.constant(array) for name, array in arrays.items()}
    compiled, run = traceable(translate), exporter.open(path)

    def ours() -> Any:
        return compiled(tensors)["output"].numpy()

    def theirs() -> Any:
        return run("translate", arrays)["output"]

    for call in (ours, theirs):
        call()
    pairs = [(turns.seconds(theirs), turns.seconds(ours)) for _ in range(extent.rounds)]
    return turns.median_ratio(*zip(*pairs, strict=True))


def subjects(stated: Sequence[str], catalog: Catalog, extent: Extent) -> Iterator[tuple[bundle.Bundle, str]]:
    """Bundles, and a mark of those with random weights."""
    tasks, small = set(), fresh_tasks(catalog)
    for reference in (*(catalog.bundles if extent.installed else ()), *stated):
        try:
            loaded = bundle.load(bundle.locate(reference, Path.cwd(), catalog), catalog)
        except ToolkitError as error:
            click.echo(f"{reference}: left out: {str(error).splitlines()[0]}", err=True)
            continue
        tasks.add(loaded.manifest.task)
        yield loaded, ""
    for name in extent.fresh:
        if name not in tasks:
            with tempfile.TemporaryDirectory() as folder:
                loaded = bundle.load(fresh(name, small[name], catalog, Path(folder)), catalog)
            yield loaded, " (random)"


def rows(stated: Sequence[str], catalog: Catalog, extent: Extent) -> Iterator[tuple[str, ...]]:
    """One row for each bundle in each format."""
    for loaded, mark in subjects(stated, catalog, extent):
        for format, precision in extent.forms:
            yield row(loaded, catalog.get("exporters", format)(), precision, extent, mark)


@click.command(help=__doc__)
@click.argument("bundles", nargs=-1)
@click.option("--side", default=Extent.side, show_default=True, help="Pixels a side of the picture that is timed.")
@click.option("--rounds", default=Extent.rounds, show_default=True)
@click.option("--write", type=click.Path(path_type=Path), help="The page.")
@report.tiny_option
def main(bundles: tuple[str, ...], side: int, rounds: int, write: Path | None, tiny: bool) -> None:
    backend.load()
    extent = TINY if tiny else Extent(side=side, rounds=rounds)
    lines = [HEADER.format(side=extent.side, rounds=extent.rounds, cpus=os.cpu_count()).rstrip("\n"), ""]
    for line in report.table(COLUMNS, rows(bundles, Catalog.installed(), extent)):
        click.echo(line)
        lines.append(line)
    if write:
        write.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
