"""``img2img bench``: the speed and memory of all engines with the user's models on this machine."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from img2imgkit import __version__
from img2imgkit.benchmark import Contender, Extents, Result, contenders, measure
from img2imgkit.benchmark.engines import PRECISIONS
from img2imgkit.catalog import Catalog
from img2imgkit.cli import EXIT_DONE, EXIT_FAILED_ITEMS, print_stderr, say, show_json
from img2imgkit.cli.config import apply_user_settings
from img2imgkit.cli.console import json_option, show_table, warn_of_broken
from img2imgkit.engine import Precision
from img2imgkit.errors import ConfigError
from img2imgkit.inference import BUILT_IN, find_model
from img2imgkit.inference.engines.devices import cpu_name, cpu_threads

LARGEST_SIDE = 1 << 15
_SIZE = re.compile(r"([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?")
_HEADINGS = ("model", "engine", "device", "precision", "auto", "pictures/s", "from - to", "megapixels/s", "memory")


@click.command()
@click.argument("references", metavar="[BUNDLE]...", nargs=-1)
@click.option("--size", default="512", show_default=True, metavar="WxH or N", help="Pixels of each picture.")
@click.option("--engine", help="Only this engine.")
@click.option("--precision", type=click.Choice(PRECISIONS), help="Only this one, native or not.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="How often each has its turn.")
@click.option(
    "--seconds", default=1.0, show_default=True, type=click.FloatRange(0, 3600), help="Length of a turn; 0: a picture."
)
@json_option
def command(
    references: tuple[str, ...],
    size: str,
    engine: str | None,
    precision: Precision | None,
    rounds: int,
    seconds: float,
    as_json: bool,
) -> int:
    """Measure each engine in each precision that this machine has natively; BUNDLEs are names or paths of models.

    Without a BUNDLE, all installed ones are measured. Each engine has a process of its own, and they take turns.
    Pictures are translated from memory, without decoding and encoding. Rates are medians of the rounds, memory is the
    peak of the process, megapixels are those of the source, and auto marks what runs without a stated engine.

    \b
    img2img bench sr-compact-x2 --size 1920x1080
    img2img bench bundles/horse-zebra --engine openvino --json
    """
    width, height = _size(size)
    extents = Extents(width, height, rounds, seconds)
    apply_user_settings()
    catalog = Catalog.installed()
    warn_of_broken(catalog)
    names = references or tuple(catalog.bundles)
    if not names:
        raise ConfigError("no bundle is installed: state the folder of one")
    engines = {**BUILT_IN, **catalog.engines}
    models = {name: contenders(find_model(name, Path.cwd(), catalog), engines, engine, precision) for name in names}
    found: list[Result] = []
    for name, candidates in models.items():
        print_stderr(_announcement(name, candidates, extents))
        found += measure(name, Path.cwd(), candidates, extents)
    if as_json:
        show_json({**_machine(), **asdict(extents), "results": [_record(each) for each in found]})
    else:
        _show(found)
    return EXIT_FAILED_ITEMS if _any_failed(found) or not any(each.rounds for each in found) else EXIT_DONE


def _size(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    width, height = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 0 < max(width, height) <= LARGEST_SIDE:
        raise ConfigError(f"--size {text}: expected WIDTHxHEIGHT or one number, 1 to {LARGEST_SIDE}, such as 1920x1080")
    return width, height


def _announcement(name: str, candidates: list[Contender], extents: Extents) -> str:
    able = sum(not each.why_not for each in candidates)
    return f"{name}: {able} processes, {extents.rounds} rounds of {extents.seconds:g} s each"


def _machine() -> dict[str, Any]:
    return {
        "img2imgkit": __version__,
        "cpu": cpu_name(),
        "cores": cpu_threads(),
        "system": platform.platform(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _any_failed(found: list[Result]) -> bool:
    return any(each.problem and not each.contender.why_not for each in found)


def _record(result: Result) -> dict[str, Any]:
    about = asdict(result.contender)
    del about["why_not"]
    return {
        "model": result.model,
        **about,
        "pictures_per_second": result.pictures or None,
        "megapixels_per_second": result.megapixels or None,
        "rounds": list(result.rounds),
        "peak_bytes": result.peak_bytes,
        "problem": result.problem,
    }


def _show(found: list[Result]) -> None:
    measured = [each for each in found if each.rounds]
    if measured:
        show_table(_HEADINGS, [_cells(each) for each in measured])
    for each in found:
        if each.problem:
            about = each.contender
            verb = "cannot run it" if about.why_not else "failed"
            say(f"{each.model}: {about.engine} on {about.device} in {about.precision} {verb}: {each.problem}")


def _cells(result: Result) -> tuple[str, ...]:
    about = result.contender
    spread = f"{min(result.rounds):.2f} - {max(result.rounds):.2f}"
    memory = "unknown" if result.peak_bytes is None else f"{result.peak_bytes / (1 << 20):.0f} MiB"
    rates = f"{result.pictures:.2f}", spread, f"{result.megapixels:.2f}"
    return result.model, about.engine, about.device, about.precision, "yes" if about.auto else "", *rates, memory
