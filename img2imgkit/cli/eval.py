"""``img2img eval``: a bundle, or a baseline, against a reference set."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from img2imgkit import bundle, evaluation
from img2imgkit.catalog import Catalog
from img2imgkit.cli import show_json
from img2imgkit.cli.console import json_option, show_table, warn_of_broken
from img2imgkit.metrics import PROTOCOLS

if TYPE_CHECKING:
    from img2imgkit.evaluation import Evaluation, Method, Row


@click.command("eval", short_help="Measure a bundle against a reference set.")
@click.argument("reference", metavar="[BUNDLE]", required=False)
@click.option("--baseline", type=click.Choice(["bicubic"]), help="Measure this instead of a bundle.")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of the reference set.")
@click.option("--scale", type=click.IntRange(2, 16), help="How many times larger; a bundle's own by default.")
@click.option("--protocol", type=click.Choice(list(PROTOCOLS)), default="sr-matlab", show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, gpu, or gpu:0,1.")
@click.option("--record", is_flag=True, help="Write the mean scores into the bundle's description.")
@json_option
def command(
    reference: str | None,
    baseline: str | None,
    data: Path,
    scale: int | None,
    protocol: str,
    device: str,
    record: bool,
    as_json: bool,
) -> None:
    """Measure BUNDLE, a folder or the name of an installed one, against a reference set.

    The set is a folder of sharp pictures, or HR/NAME.png with LR_bicubic/X2/NAMEx2.png as Set5 is published.

    \b
    img2img eval --baseline bicubic --data Set5 --scale 2
    img2img eval sr-compact-x2 --data Set5
    """
    if (reference is None) == (baseline is None):
        raise click.UsageError("give either a BUNDLE or --baseline")
    if record and reference is None:
        raise click.UsageError("--record needs a BUNDLE to write to")
    catalog = Catalog.installed()
    folder = bundle.resolve(reference, Path.cwd(), catalog) if reference is not None else None
    measured = evaluation.find_set(data, _scale(scale, folder))
    method, subject = _subject(folder, catalog, device)
    result = _evaluated(measured, method, protocol)
    if folder is not None and record:
        evaluation.record(folder, result)
    if as_json:
        show_json({**subject, **result.plain()})
    else:
        _show(result)
    warn_of_broken(catalog)


def _scale(asked: int | None, folder: Path | None) -> int:
    if folder is None:
        if asked is None:
            raise click.UsageError("--baseline needs --scale")
        return asked
    own = bundle.describe(folder).contract.scale
    if asked not in (None, own):
        raise click.UsageError(f"{folder} enlarges {own} times, not {asked}")
    return own


def _subject(folder: Path | None, catalog: Catalog, device: str) -> tuple[Method, dict[str, Any]]:
    """What is measured, and how the report names it."""
    if folder is None:
        return evaluation.BICUBIC, {"baseline": "bicubic"}
    loaded = bundle.load(folder, catalog)
    from img2imgkit.inference import Translator

    translator = Translator(loaded, device=device)
    name = {"bundle": loaded.manifest.name, "digest": loaded.manifest.digest}
    return evaluation.translated(lambda picture: translator.translate(picture).picture), name


def _evaluated(measured: evaluation.ReferenceSet, method: Method, protocol: str) -> Evaluation:
    def watch(rows: Iterator[Row]) -> Iterator[Row]:
        label = f"{measured.name} x{measured.scale}"
        with click.progressbar(rows, length=len(measured.samples), label=label, file=sys.stderr) as watched:
            yield from watched

    return evaluation.evaluate(measured, method, PROTOCOLS[protocol], watch)


def _show(result: Evaluation) -> None:
    metrics = result.protocol.metrics
    lines = [(row.name, row.scores) for row in result.rows] + [("mean", result.mean)]
    table = [(name, f"{scores[metrics[0]]:.2f}", f"{scores[metrics[1]]:.4f}") for name, scores in lines]
    show_table((f"{result.reference.name} x{result.reference.scale}", *metrics), table)
    click.echo(f"protocol {result.protocol.name}: {result.protocol.about}; inputs: {result.inputs}")
