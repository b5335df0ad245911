"""The Translator's throughput relative to that of its bare compiled model.

    python benchmarks/inference_overhead.py [--bundle NAME_OR_FOLDER] [--size 512] [--pictures 20] [--rounds 5]

Both process the same pictures from memory. The bare model receives float32 tensors and its output is discarded; the
Translator receives and returns uint8 pictures. They alternate picture by picture, so that other processes slow both
alike. Each round yields one ratio, and the result is the median. Without ``--bundle``, an untrained super-resolution
network of the default size is used, which is equally fast.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
import numpy as np
import report

from img2imgkit import backend, bundle
from img2imgkit.benchmark import turns
from img2imgkit.catalog import Catalog
from img2imgkit.images import Picture, to_unit
from img2imgkit.inference import TranslateOptions, Translator
from img2imgkit.task import Geometry


def untrained(catalog: Catalog) -> bundle.Bundle:
    """Create the default super-resolution network with random weights, as if loaded from a bundle."""
    task = catalog.get("tasks", "super-resolution")()
    geometry: Geometry = task.geometry()
    manifest = bundle.Manifest(
        format=bundle.FORMAT,
        name="untrained",
        task=task.name,
        plugin=bundle.PluginVersion(name="super-resolution", version=""),
        options=task.options.model_dump(mode="json"),
        contract=bundle.Contract.model_validate({"data": task.data, **vars(geometry)}),
        weights=bundle.WeightsFile(sha256="0" * 64, parameters=0),
    )
    return bundle.Bundle(Path(), manifest, task, task.build())


def compare(translator: Translator, size: int, pictures: int) -> tuple[float, float]:
    """Return the seconds of the bare model and of the Translator for the same pictures."""
    session, rng = translator.model.runner.sessions[0], np.random.default_rng(0)
    levels = [rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(pictures)]
    bare = whole = 0.0
    for color in levels:
        arrays, picture = {"source": to_unit(color)[None]}, Picture(color)
        bare += turns.seconds(partial(session, arrays))
        whole += turns.seconds(partial(translator.translate, picture))
    return bare, whole


def rows(translator: Translator, size: int, pictures: int, rounds: int) -> Iterator[tuple[str, ...]]:
    """Yield one row per round, then the medians."""
    compare(translator, size, 2)  # compiles
    found = [compare(translator, size, pictures) for _ in range(rounds)]
    for number, (bare, whole) in enumerate(found, 1):
        yield str(number), f"{pictures / bare:.2f}", f"{pictures / whole:.2f}", f"{bare / whole:.3f}"
    bare, whole = (statistics.median(seconds) for seconds in zip(*found, strict=True))
    ratio = statistics.median(bare / whole for bare, whole in found)
    yield "median", f"{pictures / bare:.2f}", f"{pictures / whole:.2f}", f"{ratio:.3f}"


@click.command(help=__doc__)
@click.option("--bundle", "reference", help="Name or folder.")
@click.option("--size", default=512, show_default=True, help="Pixels a side.")
@click.option("--pictures", default=20, show_default=True, help="In a round.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--device", default="auto", show_default=True)
@report.tiny_option
def main(reference: str | None, size: int, pictures: int, rounds: int, device: str, tiny: bool) -> None:
    if tiny:
        size, pictures, rounds = 32, 2, 1
    backend.load()
    catalog = Catalog.installed()
    loaded = bundle.load(bundle.locate(reference, Path.cwd(), catalog), catalog) if reference else untrained(catalog)
    translator = Translator(loaded, TranslateOptions(tile="off"), device)
    click.echo(f"{loaded.manifest.name} on {', '.join(translator.devices)}, pictures of {size} x {size}\n")
    columns = ("round", "bare network, pictures/s", "Translator, pictures/s", "ratio")
    report.show(columns, rows(translator, size, pictures, rounds))


if __name__ == "__main__":
    main()
