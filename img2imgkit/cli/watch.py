"""``img2img watch``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from img2imgkit.catalog import Catalog
from img2imgkit.cli import EXIT_DONE, EXIT_FAILED_ITEMS, print_stderr
from img2imgkit.cli.config import apply_user_settings, limits_option
from img2imgkit.cli.progress import progress, show_notes
from img2imgkit.cli.run import (
    device_option,
    engine_option,
    jobs_option,
    output_option,
    progress_option,
    quiet_option,
    set_option,
)
from img2imgkit.cli.signals import stopping_on_signals
from img2imgkit.config import load_yaml
from img2imgkit.pipeline import Plan, Result, ThreadExecutor, make_report, pipeline_of, watch, write_report
from img2imgkit.step import Resources


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-i", "--input", "source", type=click.Path(path_type=Path), help="Watch this instead of the location in FILE."
)
@output_option
@set_option
@click.option(
    "--settle",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Take a file when it has not changed for this long.",
)
@jobs_option
@device_option
@engine_option
@progress_option
@quiet_option
@limits_option
def command(
    file: Path,
    source: Path | None,
    output: Path | None,
    overrides: tuple[str, ...],
    settle: float,
    jobs: int | None,
    device: str,
    engine: str | None,
    kind: str,
    quiet: bool,
) -> int:
    """Run the pipeline in FILE over its input folder, and again over every picture that is added or changed.

    A file is taken when it has not changed for some seconds. Models stay loaded. The ledger and the report are those of
    `img2img run`. Ctrl-C finishes the pictures in progress and ends; the exit code is 1 if pictures have failed.

    \b
    Example:
      img2img watch pipelines/quickstart.yaml -i incoming -o enlarged
    """
    user = apply_user_settings()
    catalog = Catalog.installed()
    pipeline = pipeline_of(load_yaml(file).with_overrides(overrides, "--set"), catalog, source, output)
    resources, began = Resources(device, engine), time.time()
    shown: list[dict[str, Any]] = []

    def write(plan: Plan, result: Result) -> None:
        report = make_report(plan, result, began)
        show_notes([note for note in report["notes"] if note not in shown], kind)
        shown[:] = report["notes"]
        try:
            write_report(report, plan)
        except OSError as error:
            print_stderr(f"warning: the report is not written: {error.strerror or error}")

    if not quiet:
        print_stderr(f"watching {pipeline.source.location()}; Ctrl-C ends")
    with stopping_on_signals("finishing the pictures in progress; press again to stop immediately") as stop:
        result = watch(
            pipeline,
            catalog,
            ThreadExecutor(pipeline, resources, jobs or user.threads),
            stop,
            settle=settle,
            resources=resources,
            progress=lambda: progress(kind, quiet),
            report=write,
            tell=print_stderr,
        )
    if not quiet:
        print_stderr(f"{result.count('done')} made, {result.count('failed')} failed")
    return EXIT_FAILED_ITEMS if result.count("failed") else EXIT_DONE
