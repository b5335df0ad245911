"""``img2img train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from img2imgkit.cli import EXIT_DONE, EXIT_FAILED_ITEMS, warn
from img2imgkit.cli.config import apply_user_settings, limits_option
from img2imgkit.cli.signals import stopping_on_signals

if TYPE_CHECKING:
    from img2imgkit.catalog import Catalog


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--output", type=click.Path(path_type=Path), help="Run folder.  [default: runs/NAME]")
@click.option("--resume", is_flag=True, help="Continue exactly from the folder's last checkpoint.")
@click.option(
    "--finish",
    "stopped_run",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Instead: write the bundle of a stopped run from its last checkpoint.",
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value of the file.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, gpu, or gpu:0,1 for some of several.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "bar", "lines", "json", "none"]),
    default="auto",
    show_default=True,
    help="auto: a bar on a terminal, lines otherwise.",
)
@limits_option
def command(
    file: Path | None,
    output: Path | None,
    resume: bool,
    stopped_run: Path | None,
    overrides: tuple[str, ...],
    device: str,
    progress: str,
) -> int:
    """Train the task described by a training FILE.

    The run folder receives checkpoints, metrics, sample sheets, a report and finally a bundle. The first Ctrl-C writes
    a checkpoint and stops; a second one stops immediately. An error writes one, too. If TF_CONFIG lists several
    machines, run this command on each of them; the first machine writes the folder.

    \b
    Example:
      img2img train train.yaml --output runs/first
      img2img train train.yaml --output runs/first --resume
      img2img train --finish runs/first
    """
    if stopped_run is not None:
        if file or output or resume or overrides:
            raise click.UsageError("--finish takes a run folder, and neither FILE, --output, --resume nor --set")
        return _finish(stopped_run, device, progress)
    if file is None:
        raise click.UsageError("Missing argument 'FILE'.")
    from img2imgkit import backend
    from img2imgkit.catalog import Catalog
    from img2imgkit.config import load_yaml

    apply_user_settings()
    document = load_yaml(file).with_overrides(overrides, "--set")
    backend.load()
    from img2imgkit.cli.train_progress import shown
    from img2imgkit.training import prove_task_installed, read_training_plan, train

    catalog = Catalog.installed()
    if resume and output:
        prove_task_installed(output, catalog)
    plan = read_training_plan(document, catalog)
    folder = output or Path("runs") / plan.file.name
    stopping = stopping_on_signals("stopping after this step; press again to stop immediately")
    with stopping as stop, shown(progress, catalog.metrics) as notify:
        finished = train(plan, folder, catalog, notify, resume, device, stop.is_set)
    _add_form(finished.bundle, catalog)
    codes = {"complete": EXIT_DONE, "settled": EXIT_DONE, "alarm": EXIT_FAILED_ITEMS, "interrupted": stop.exit_code}
    return codes[finished.reason]


def _finish(run: Path, device: str, progress: str) -> int:
    from img2imgkit import backend
    from img2imgkit.catalog import Catalog
    from img2imgkit.cli.config import apply_user_settings

    apply_user_settings()
    backend.load()
    from img2imgkit.cli.train_progress import shown
    from img2imgkit.training import finish

    catalog = Catalog.installed()
    with shown(progress, catalog.metrics) as notify:
        finished = finish(run, catalog, notify, device)
    _add_form(finished.bundle, catalog)
    return EXIT_DONE


def _add_form(folder: Path | None, catalog: Catalog) -> None:
    """Write the engine form into a finished bundle. The bundle is complete without it."""
    from img2imgkit import bundle
    from img2imgkit.exporting import add_engine_form

    if folder and (problem := add_engine_form(bundle.load(folder, catalog))):
        warn(f"{folder}: {problem}")
