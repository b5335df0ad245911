"""Compare what the engines make of the same pictures, in every precision that this processor computes natively.

    python benchmarks/engine_agreement.py Set5 [--model sr-compact-x2]

Every engine translates the photographs of ``pipelines/pictures`` and the low-resolution pictures of a reference set, as
``img2img run`` does. The first table compares their levels with those of TensorFlow in float32, the engine that trained
the model; the second has the scores on the reference set. Nothing is trained, and nothing is timed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
import numpy as np
import report

from img2imgkit import Catalog, Picture
from img2imgkit.benchmark.engines import Contender, contenders, opened_by
from img2imgkit.evaluation import ReferenceSet, evaluate, find_scoring, find_set, translated
from img2imgkit.images import decode, encode
from img2imgkit.inference import BUILT_IN, Translator, find_model
from img2imgkit.metrics import SR_MATLAB

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "pipelines" / "pictures"
TINY = 24  # pixels of a side of the tiny reference set

Levels = Sequence[np.ndarray]


def able(model: str) -> list[Contender]:
    """The engines and precisions that can run a model here, TensorFlow in float32 first."""
    catalog = Catalog.installed()
    found = contenders(find_model(model, ROOT, catalog), {**BUILT_IN, **catalog.engines})
    running = [each for each in found if not each.why_not]
    return sorted(running, key=lambda each: (each.engine, each.precision) != ("tensorflow", "float32"))


def named(contender: Contender) -> tuple[str, str, str]:
    return f"{contender.engine} {contender.version}", contender.device, contender.precision


def made(translator: Translator, sources: Sequence[Picture]) -> Levels:
    return [translator.translate(source).picture.color for source in sources]


def compared(name: tuple[str, ...], ours: Levels, first: Levels) -> Sequence[str]:
    """A row: the largest difference in levels, and the shares of values that differ by one and by more."""
    apart = np.concatenate([np.abs(a.astype(np.int16) - b).ravel() for a, b in zip(ours, first, strict=True)])
    return *name, str(apart.max()), f"{(apart == 1).mean():.4%}", f"{(apart > 1).mean():.4%}"


def tables(model: str, photographs: Sequence[Picture], reference: ReferenceSet) -> Mapping[str, list[Sequence[str]]]:
    """Return the rows of both tables."""
    scoring = find_scoring(Catalog.installed(), SR_MATLAB)
    sources = [*photographs, *(sample.lr for sample in reference.samples)]
    levels: list[Sequence[str]] = []
    scores: list[Sequence[str]] = []
    first: Levels | None = None
    for contender in able(model):
        translator = opened_by(contender, model, ROOT)
        results = made(translator, sources)
        if first is None:
            first = results
        levels.append(compared(named(contender), results, first))
        mean = evaluate(reference, translated(lambda small, by=translator: by.translate(small).picture), scoring).mean  # type: ignore[misc]
        scores.append((*named(contender), *(f"{mean[each.name]:.3f}" for each in scoring.metrics)))
        translator.close()
    return {"levels": levels, "scores": scores, "metrics": [[each.name for each in scoring.metrics]]}


def tiny_set(folder: Path) -> ReferenceSet:
    """Write a small reference set."""
    level = np.random.default_rng(0).integers(0, 256, (TINY, TINY, 3), np.uint8)
    (folder / "noise.png").write_bytes(encode(Picture(level), "PNG").data)
    return find_set(folder, 2)


def shown(model: str, photographs: Sequence[Picture], reference: ReferenceSet) -> Iterator[str]:
    found = tables(model, photographs, reference)
    who = ("engine", "device", "precision")
    yield from report.table((*who, "largest difference in levels", "differ by 1", "by more"), found["levels"])
    yield ""
    yield from report.table((*who, *found["metrics"][0]), found["scores"])


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option("--model", default="sr-compact-x2", show_default=True, help="A model that enlarges, by name.")
@click.option("--scale", default=2, show_default=True, type=click.IntRange(1), help="How many times it enlarges.")
@report.tiny_option
def main(folder: Path | None, model: str, scale: int, tiny: bool) -> None:
    if folder is None and not tiny:
        raise click.UsageError("name the folder of Set5, or give --tiny")
    with tempfile.TemporaryDirectory() as made_here:
        reference = tiny_set(Path(made_here)) if folder is None else find_set(folder, scale)
        photographs = [] if tiny else [decode(path) for path in sorted(PICTURES.rglob("*.jpg"))]
        for line in shown(model, photographs, reference):
            click.echo(line)


if __name__ == "__main__":
    main()
