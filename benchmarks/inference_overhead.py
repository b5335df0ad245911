"""What the Translator costs beside its network: its throughput as a ratio to the bare compiled model.

    python benchmarks/inference_overhead.py [--bundle NAME_OR_FOLDER] [--size 512] [--pictures 20] [--rounds 5]

Both get the same pictures from memory. The bare model gets float32 tensors and its output is thrown away; the
Translator gets uint8 pictures and gives uint8 pictures. They take turns picture by picture, so that whatever else the
machine does falls on both; each round gives one ratio, and the median is the result. Without ``--bundle`` the network
is an untrained super-resolution network of the default size, which takes the same time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit import backend, bundle
from img2imgkit.catalog import Catalog
from img2imgkit.images import Picture, to_unit
from img2imgkit.inference import Settings, Translator
from img2imgkit.task import Geometry


def untrained(catalog: Catalog) -> bundle.Bundle:
    """The default super-resolution network with random weights, as if it came from a bundle."""
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
    """Seconds that the bare model and the Translator take for the same pictures, by turns."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    levels = [rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(pictures)]
    bare = whole = 0.0
    for color in levels:
        tensor, picture = tf.constant(to_unit(color)[None]), Picture(color)
        began = time.perf_counter()
        translator.model.engine.compiled(tensor)[0][0].numpy()
        middle = time.perf_counter()
        translator.translate(picture)
        bare, whole = bare + middle - began, whole + time.perf_counter() - middle
    return bare, whole


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    backend.load()
    catalog = Catalog.installed()
    loaded = (
        bundle.load(bundle.locate(given.bundle, Path.cwd(), catalog), catalog) if given.bundle else untrained(catalog)
    )
    translator = Translator(loaded, Settings(tile="off"), given.device)
    compare(translator, given.size, 2)
    rounds = [compare(translator, given.size, given.pictures) for _ in range(given.rounds)]
    ratios = [bare / whole for bare, whole in rounds]
    result: dict[str, Any] = {
        "bundle": loaded.manifest.name,
        "devices": translator.devices,
        "pictures": f"{given.rounds} x {given.pictures} of {given.size} x {given.size}",
        "bare_pictures_per_second": round(given.pictures / statistics.median(bare for bare, _ in rounds), 2),
        "translator_pictures_per_second": round(given.pictures / statistics.median(whole for _, whole in rounds), 2),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }
    json.dump(result, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
