"""``img2img train``."""

from __future__ import annotations

from pathlib import Path

import click

from img2imgkit.cli import EXIT_DONE, EXIT_FAILED_ITEMS
from img2imgkit.cli.signals import stopping_on_signals


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the run.  [default: runs/NAME]")
@click.option("--resume", is_flag=True, help="Go on from the folder's last checkpoint, exactly.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a value of the file.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, gpu, or gpu:0,1 for some of several.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "bar", "lines", "json", "none"]),
    default="auto",
    show_default=True,
    help="auto: a bar on a terminal, lines elsewhere.",
)
def command(
    file: Path, output: Path | None, resume: bool, overrides: tuple[str, ...], device: str, progress: str
) -> int:
    """Train the task that a training FILE describes.

    The run's folder gets checkpoints, metrics, sample sheets, a report and at the end a bundle. The first Ctrl-C writes
    a checkpoint and stops; a second one stops at once. Where TF_CONFIG names several machines, give each of them this
    command; the first one writes the folder.

    \b
    Example:
      img2img train train.yaml --output runs/first
      img2img train train.yaml --output runs/first --resume
    """
    from img2imgkit import backend
    from img2imgkit.catalog import Catalog
    from img2imgkit.cli.config import apply_user_settings
    from img2imgkit.config import load_yaml

    apply_user_settings()
    document = load_yaml(file).with_overrides(overrides, "--set")
    backend.load()
    from img2imgkit.cli.train_progress import shown
    from img2imgkit.training import read_training_plan, train

    catalog = Catalog.installed()
    plan = read_training_plan(document, catalog)
    folder = output or Path("runs") / plan.file.name
    stopping = stopping_on_signals("stopping after this step; once more to stop at once")
    with stopping as stop, shown(progress, catalog.metrics) as notify:
        finished = train(plan, folder, catalog, notify, resume, device, stop.is_set)
    return {"complete": EXIT_DONE, "alarm": EXIT_FAILED_ITEMS, "interrupted": stop.exit_code}[finished.reason]
