"""``img2img eval``: score a bundle, a folder of results or a baseline on a reference set or on pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from img2imgkit import evaluation
from img2imgkit.catalog import Catalog
from img2imgkit.cli import say, show_json
from img2imgkit.cli.config import apply_user_settings, limits_option
from img2imgkit.cli.console import counted, json_option, show_table, warn, warn_of_broken
from img2imgkit.config import assignments, parse_yaml, validate
from img2imgkit.data.picture_files import IGNORED
from img2imgkit.inference import (
    BundleReference,
    Describe,
    ModelReference,
    TranslateOptions,
    Translator,
    chosen,
    find_model,
)
from img2imgkit.metrics import PAIRS_8BIT, SR_MATLAB

if TYPE_CHECKING:
    from img2imgkit.evaluation import Evaluation, Pair, Row, Scoring
    from img2imgkit.evaluation.result import Watch
    from img2imgkit.images import Picture
    from img2imgkit.metrics import Metric

_FOLDER = click.Path(path_type=Path)
_NEEDS = {"bicubic": "data", "scale": "data", "copy": "pairs", "swap": "pairs", "results": "pairs"}


@dataclass(frozen=True)
class _Arguments:
    """The command's arguments."""

    reference: str | None
    baseline: str | None
    results: Path | None
    data: Path | None
    pairs: Path | None
    swap: bool
    choice: tuple[str, ...]
    describe: tuple[str, ...]
    scale: int | None
    protocol: str | None
    metric: tuple[str, ...]
    weights: tuple[str, ...]
    device: str
    record: bool
    confidence: bool

    def refuse_contradictions(self) -> None:
        """Raise a usage error if arguments contradict each other."""
        if (self.data is None) == (self.pairs is None):
            raise click.UsageError("give either --data or --pairs")
        if sum(given is not None for given in (self.reference, self.baseline, self.results)) != 1:
            raise click.UsageError("give either a BUNDLE or --baseline, or --results with --pairs")
        for name in ("scale", "swap", "results"):
            if getattr(self, name) and getattr(self, _NEEDS[name]) is None:
                raise click.UsageError(f"--{name} requires --{_NEEDS[name]}")
        if self.baseline and getattr(self, _NEEDS[self.baseline]) is None:
            raise click.UsageError(f"--baseline {self.baseline} requires --{_NEEDS[self.baseline]}")
        for name in ("record", "choice", "describe"):
            if getattr(self, name) and self.reference is None:
                raise click.UsageError(f"--{name} requires a BUNDLE")
        if self.baseline == "bicubic" and self.scale is None:
            raise click.UsageError("--baseline bicubic requires --scale")

    def weight_files(self) -> dict[str, Path]:
        """The weights files of metrics, by name."""
        stated = assignments(self.weights, "--weights", "inception=inception.safetensors")
        return {name: Path(str(path)) for name, path in stated.items()}


@click.command()
@click.argument("reference", metavar="[BUNDLE]", required=False)
@click.option("--data", type=_FOLDER, help="Reference set: a folder of high-resolution pictures.")
@click.option("--pairs", type=_FOLDER, help="Pairs: a folder with source/ and target/, or of side-by-side pictures.")
@click.option("--baseline", type=click.Choice(["bicubic", "copy"]), help="Score this instead of a bundle.")
@click.option("--results", type=_FOLDER, help="Score existing pictures, with the same names as the pairs.")
@click.option("--choice", multiple=True, metavar="KEY=VALUE", help="A choice of the bundle's task.")
@click.option("--describe", multiple=True, metavar="KEY=VALUE", help="Describe an .onnx file of other software.")
@click.option("--swap", is_flag=True, help="Exchange sources and targets, or left and right halves.")
@click.option("--scale", type=click.IntRange(2, 16), help="Upscaling factor; the bundle's by default.")
@click.option("--metric", multiple=True, metavar="NAME", help="Metric to measure; all of the protocol by default.")
@click.option("--protocol", metavar="NAME", help="Protocol; by default sr-matlab for --data, pairs-8bit for --pairs.")
@click.option("--weights", multiple=True, metavar="KEY=FILE", help="Weights file of a metric.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, gpu, or gpu:0,1.")
@click.option("--record", is_flag=True, help="Write the mean scores into bundle.json.")
@click.option("--confidence", is_flag=True, help="Also show 95 % confidence intervals.")
@limits_option
@json_option
def command(as_json: bool, **arguments: Any) -> None:
    """Score BUNDLE: the folder or name of a bundle, or an exported model.

    A reference set (--data) is a folder of high-resolution pictures, or HR/NAME.png with LR_bicubic/X2/NAMEx2.png, as
    Set5 is published. Pairs (--pairs) are source/NAME.png and target/NAME.png, or pictures with the source in the left
    half and the target in the right. `img2img plugins` lists the metrics; several metrics need a common protocol.

    \b
    img2img eval sr-compact-x2 --data Set5
    img2img eval x4.onnx --describe scale=4 --data Set5
    img2img eval --baseline bicubic --data Set5 --scale 2
    img2img eval runs/facades/bundle --pairs facades/val --choice direction=b_to_a
    img2img eval --baseline copy --pairs facades/val
    img2img eval runs/facades/bundle --pairs facades/val --metric l1 --metric ssim
    """
    asked = _Arguments(**arguments)
    asked.refuse_contradictions()
    apply_user_settings()
    choices = assignments(asked.choice, "--choice", "direction=b_to_a")
    catalog = Catalog.installed()
    usual = SR_MATLAB if asked.data is not None else PAIRS_8BIT
    scoring = evaluation.find_scoring(catalog, usual, asked.metric, asked.protocol, asked.weight_files())
    scoring = replace(scoring, confidence=asked.confidence)
    measured = _Subject(_model(asked, catalog), choices, asked.device)
    measure = _on_data if asked.data is not None else _on_pairs
    result, subject = measure(asked, measured, scoring)
    if measured.folder is not None and asked.record:
        evaluation.record(measured.folder, result, subject.get("choices"))
    if as_json:
        show_json({**subject, **result.plain()})
    else:
        _show(result)
    warn_of_broken(catalog)


def _model(asked: _Arguments, catalog: Catalog) -> ModelReference | None:
    """The model to score; None for a baseline or existing results."""
    if asked.reference is None:
        return None
    stated = assignments(asked.describe, "--describe", "scale=4")
    describe = validate(Describe, parse_yaml("", "--describe"), data=stated) if stated else None
    found = find_model(asked.reference, Path.cwd(), catalog, describe)
    if asked.record and not isinstance(found, BundleReference):
        raise click.UsageError("--record requires a bundle: an exported model has no bundle.json to write to")
    return found


@dataclass(frozen=True)
class _Subject:
    """The model to score, if there is one, and how to run it."""

    model: ModelReference | None
    choices: dict[str, Any]
    device: str

    @property
    def scale(self) -> int | None:
        """The model's upscaling factor."""
        return self.model.scale if self.model else None

    @property
    def folder(self) -> Path | None:
        """The bundle's folder, if the model is a bundle."""
        return self.model.folder if isinstance(self.model, BundleReference) else None

    def translator(self) -> tuple[Translator, dict[str, Any]]:
        """A translator for the model, and the model's identification in the report."""
        assert self.model is not None
        translator = Translator(self.model.load(), TranslateOptions(choices=self.choices), self.device)
        choices = chosen(translator.bundle.task)
        name = {"bundle": self.model.manifest.name, "digest": self.model.digest}
        return translator, {**name, **({"choices": choices} if choices else {})}


def _on_data(asked: _Arguments, subject: _Subject, scoring: Scoring) -> tuple[Evaluation, dict[str, Any]]:
    assert asked.data is not None
    scale, own = asked.scale, subject.scale
    if own is not None and scale not in (None, own):
        raise click.UsageError(f"{asked.reference} has scale {own}, not {scale}")
    measured = evaluation.find_set(asked.data, own or scale or 1)
    _show_unread(asked.data, measured.unread)
    watch = _bar(f"{measured.name} x{measured.scale}", len(measured.samples))
    if asked.baseline:
        return evaluation.evaluate(measured, evaluation.BICUBIC, scoring, watch), {"baseline": asked.baseline}
    translator, name = subject.translator()
    method = evaluation.translated(lambda picture: translator.translate(picture).picture)
    return evaluation.evaluate(measured, method, scoring, watch), name


def _on_pairs(asked: _Arguments, subject: _Subject, scoring: Scoring) -> tuple[Evaluation, dict[str, Any]]:
    assert asked.pairs is not None
    measured = evaluation.find_pairs(asked.pairs, asked.swap)
    _show_unread(asked.pairs, measured.unread)
    watch = _bar(measured.name, len(measured.pairs))
    if asked.baseline:
        return evaluation.evaluate_pairs(measured, evaluation.copy_baseline, scoring, 1, watch), {
            "baseline": asked.baseline
        }
    if asked.results:
        make = evaluation.results_in(asked.results, measured)
        return evaluation.evaluate_pairs(measured, make, scoring, 1, watch), {"results": str(asked.results)}
    translator, name = subject.translator()
    scale = translator.geometry.scale

    def result(_: Pair, source: Picture) -> Picture:
        return translator.translate(source).picture

    return evaluation.evaluate_pairs(measured, result, scoring, scale, watch), name


def _show_unread(folder: Path, unread: str) -> None:
    if unread:
        warn(f"{folder}: {IGNORED}: {unread}")


def _bar(label: str, length: int) -> Watch:
    def watch(rows: Iterator[Row]) -> Iterator[Row]:
        with counted(rows, length, label) as watched:
            yield from watched

    return watch


def _show(result: Evaluation) -> None:
    table = [(row.name, *(_number(metric, row.scores) for metric in result.scoring.metrics)) for row in result.lines]
    enlarged = f" x{result.scale}" if result.scale > 1 else ""
    show_table((f"{result.set}{enlarged}", *result.metrics), table)
    say(f"protocol {result.protocol}: {result.scoring.protocol.about}; inputs: {result.inputs}")
    for metric in result.scoring.metrics:
        if metric.name in result.intervals:
            bounds = result.intervals[metric.name]
            say(f"95 % confidence, {metric.name}: {bounds.low:.{metric.digits}f} to {bounds.high:.{metric.digits}f}")


def _number(metric: Metric, scores: Mapping[str, float]) -> str:
    return f"{scores[metric.name]:.{metric.digits}f}" if metric.name in scores else ""
