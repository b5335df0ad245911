"""``img2img train``."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from img2imgkit.cli import EXIT_DONE, EXIT_INTERRUPTED


@click.command(short_help="Train a task.")
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
    a checkpoint and stops; a second one stops at once.

    \b
    Example:
      img2img train train.yaml --output runs/first
      img2img train train.yaml --output runs/first --resume
    """
    from img2imgkit import backend
    from img2imgkit.catalog import Catalog
    from img2imgkit.config import load_yaml

    document = load_yaml(file).with_overrides(overrides)
    backend.load()
    from img2imgkit.cli.train_progress import shown
    from img2imgkit.training import read_recipe, train

    catalog = Catalog.installed()
    recipe = read_recipe(document, catalog)
    folder = output or Path("runs") / recipe.file.name
    with _graceful_stop() as stopped, shown(progress) as notify:
        complete = train(recipe, folder, catalog, notify, resume, device, stopped)
    return EXIT_DONE if complete else EXIT_INTERRUPTED


@contextmanager
def _graceful_stop() -> Iterator[Callable[[], bool]]:
    """The first SIGINT or SIGTERM asks for a stop, the second has its usual effect."""
    asked: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        click.echo("stopping after this step; once more to stop at once", err=True)

    for number in before:
        signal.signal(number, ask)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
