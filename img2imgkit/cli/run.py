"""``img2img run``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click

from img2imgkit import backend
from img2imgkit.catalog import Catalog
from img2imgkit.cli import (
    EXIT_DONE,
    EXIT_FAILED_ITEMS,
    EXIT_USAGE,
    print_stderr,
    printable,
    say,
    show_json,
    show_json_with,
)
from img2imgkit.cli.config import apply_user_settings, limits_option
from img2imgkit.cli.progress import (
    KINDS,
    ignored_counts,
    nothing_to_read,
    progress,
    show_notes,
    show_unreadable,
    teller,
)
from img2imgkit.cli.pruning import show_pruning
from img2imgkit.cli.signals import interrupt_at_end_of_input, stopping_on_signals
from img2imgkit.config import load_yaml
from img2imgkit.item import local_path
from img2imgkit.pipeline import (
    Job,
    Plan,
    Result,
    ThreadExecutor,
    engine_lines,
    forecasts,
    make_plan,
    make_report,
    orphans,
    pipeline_of,
    run,
    write_report,
)
from img2imgkit.step import Resources
from img2imgkit.streams import stop_on_broken_pipe

LINES = 1000  # lines of a plan printed at a time
_ACTIONS = ("skip", "make", "fail")  # by the state of a job


def _device(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not backend.DEVICE.fullmatch(value):
        raise click.BadParameter(
            f"{value!r}: expected auto, cpu, gpu, or gpu with numbers such as gpu:0,1", context, parameter
        )
    return value


def _attend(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        interrupt_at_end_of_input()


jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    help="Pictures decoded and encoded in parallel; by default `threads` of the user's file, or one per CPU and one.",
)
device_option = click.option(
    "--device", default="auto", show_default=True, callback=_device, help="auto, cpu, gpu, or gpu:0,1."
)
engine_option = click.option(
    "--engine", metavar="NAME", help="Run all models with this engine; `img2img doctor` lists them."
)
output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write here instead of the location in FILE."
)
set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override an option: steps.1.with.tile=256."
)
progress_option = click.option(
    "--progress",
    "kind",
    type=click.Choice(KINDS),
    default="auto",
    show_default=True,
    help="Style of progress on stderr.",
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print failures, warnings and notes only.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-i", "--input", "source", type=click.Path(path_type=Path), help="Read from here instead of the location in FILE."
)
@output_option
@set_option
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be done and why, without doing it.")
@click.option("--prune", is_flag=True, help="Make nothing; list the outputs whose inputs are gone.")
@click.option("--yes", is_flag=True, help="With --prune: remove those that are as they were written.")
@click.option("--limit", type=click.IntRange(min=1), help="Process only the first pictures, up to this number.")
@jobs_option
@device_option
@engine_option
@click.option("--fail-fast", is_flag=True, help="Start no new picture after the first failure.")
@progress_option
@click.option("--json", "as_json", is_flag=True, help="Print the report or plan as JSON on stdout.")
@quiet_option
@click.option("--allow-empty", is_flag=True, help="Succeed if there are no pictures to read.")
@click.option(
    "--attended",
    is_flag=True,
    expose_value=False,
    callback=_attend,
    help="Stop as by Ctrl-C when standard input ends, for programs that start runs.",
)
@limits_option
def command(
    file: Path,
    source: Path | None,
    output: Path | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    prune: bool,
    yes: bool,
    limit: int | None,
    jobs: int | None,
    device: str,
    engine: str | None,
    fail_fast: bool,
    kind: str,
    as_json: bool,
    quiet: bool,
    allow_empty: bool,
) -> int:
    """Run the pipeline in FILE over folders of pictures.

    Outputs of earlier runs that are still valid are not computed again. Ctrl-C finishes the pictures in progress and
    writes the report; a second Ctrl-C stops immediately. Neither leaves incomplete files.

    What was lost or changed in some pictures is summarised in notes at the end, one line for each kind. Without any
    picture to read, nothing runs and the exit code is 2.

    \b
    Examples:
      img2img run pipelines/quickstart.yaml
      img2img run pipelines/quickstart.yaml -i photos -o enlarged --dry-run
    """
    _prove_compatible(prune, yes, limit)
    user = apply_user_settings()
    catalog = Catalog.installed()
    pipeline = pipeline_of(load_yaml(file).with_overrides(overrides, "--set"), catalog, source, output)
    if prune:
        return show_pruning(orphans(pipeline, catalog, remove=yes and not dry_run), as_json)
    resources, told = Resources(device, engine), list[str]()
    plan = make_plan(
        pipeline, catalog, limit, resources, dry=dry_run, tell=told.append if dry_run else teller(kind, quiet)
    )
    if not (plan.jobs or plan.skipped or allow_empty):
        print_stderr(f"error: {nothing_to_read(plan)}; --allow-empty accepts this")
        return EXIT_USAGE
    if dry_run:
        _show_plan(plan, told, as_json)
        return EXIT_FAILED_ITEMS if plan.jobs.to_fail_count else EXIT_DONE
    for line in () if quiet else engine_lines(plan):
        print_stderr(line)
    began = time.time()
    with stopping_on_signals("finishing the pictures in progress; press again to stop immediately") as stop:
        with progress(kind, quiet) as watcher:
            executor = ThreadExecutor(pipeline, resources, jobs or user.threads)
            result = run(plan, executor, watcher, fail_fast=fail_fast, stop=stop)
        _show_result(plan, result, began, as_json, quiet, kind)
    if result.interrupted:
        return stop.exit_code
    return EXIT_FAILED_ITEMS if result.count("failed") else EXIT_DONE


def _prove_compatible(prune: bool, yes: bool, limit: int | None) -> None:
    if yes and not prune:
        raise click.UsageError("--yes is for --prune")
    if prune and limit:
        raise click.UsageError("--prune considers all outputs, whatever the --limit; state one of the two")


def _show_result(plan: Plan, result: Result, began: float, as_json: bool, quiet: bool, kind: str) -> None:
    report = make_report(plan, result, began)
    try:
        page = str(write_report(report, plan))
    except OSError as error:
        page = f"not written: {error.strerror or error}"
        print_stderr(f"warning: the report is {page}")
    if as_json:
        with stop_on_broken_pipe():
            show_json(report)
    totals = report["totals"]
    show_unreadable(totals["ignored"], kind)
    show_notes(report["notes"], kind)
    if not quiet:
        counts = [f"{totals['done']} made", f"{totals['up_to_date']} up to date", f"{totals['failed']} failed"]
        counts += [f"{totals['not_reached']} not reached"] if totals["not_reached"] else []
        counts += [f"{totals['skipped']} skipped"] if totals["skipped"] else []
        counts += ignored_counts(totals["ignored"])
        print_stderr(f"{', '.join(counts)} in {result.seconds:.1f} s; report: {page}")


def _show_plan(plan: Plan, told: Sequence[str], as_json: bool) -> None:
    """Print the plan in chunks: it can have a million jobs."""
    if as_json:
        stated = {"pipeline": plan.pipeline.name, "steps": plan.recipes.common.steps, "ignored": dict(plan.ignored)}
        stated["preparations"] = list(told)
        sinks = [local_path(sink.location()) for sink in plan.pipeline.sinks]
        items = (_stated(plan, job, sinks) for job in chain(plan.jobs, plan.skipped))
        show_json_with(stated, "items", items)
        return
    say(f"{plan.pipeline.name}: {' -> '.join(use.step.name for use in plan.pipeline.uses)}")
    for line in (*engine_lines(plan), *told):
        say(printable(line))
    lines = chain((_line(plan, job) for job in plan.jobs), map(_skipped_line, plan.skipped))
    while chunk := list(islice(lines, LINES)):
        say("\n".join(chunk))
    ignored = "".join(f", {count}" for count in ignored_counts(plan.ignored))
    jobs = plan.jobs
    failing = f", {jobs.to_fail_count} would fail" if jobs.to_fail_count else ""
    skipped = f", {len(plan.skipped)} skipped" if plan.skipped else ""
    say(f"{jobs.to_make_count} to make, {jobs.up_to_date_count} up to date{failing}{skipped}{ignored}")
    show_unreadable(plan.ignored, "lines")


def _stated(plan: Plan, job: Job, sinks: Sequence[Path]) -> dict[str, Any]:
    sizes = forecasts(plan.pipeline, job.entry) if job.reason and job.targets else ""
    return {
        "input": job.entry.location,
        "variant": dict(job.entry.variant),
        "action": _ACTIONS[job.state] if job.targets else "skip",
        "reason": job.problem or job.reason or "up to date",
        "outputs": [str(folder / target) for folder, target in zip(sinks, job.targets, strict=False) if target],
        **({"sizes": sizes} if sizes else {}),
    }


def _line(plan: Plan, job: Job) -> str:
    why = job.problem or job.reason or "up to date"
    targets = ", ".join(printable(target) for target in job.targets if target)
    sizes = forecasts(plan.pipeline, job.entry) if job.reason else ""
    why = f"{why}; {sizes}" if sizes else why
    return f"{_ACTIONS[job.state]}  {printable(job.entry.title)} -> {targets}  ({printable(why)})"


def _skipped_line(job: Job) -> str:
    return f"skip  {printable(job.entry.title)}  ({printable(job.reason)})"
