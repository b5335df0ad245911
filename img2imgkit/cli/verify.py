"""``img2img verify``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from img2imgkit.cli import EXIT_DONE, EXIT_FAILED_ITEMS, print_stderr, say, show_json
from img2imgkit.cli.console import json_option
from img2imgkit.pipeline import Verified, verifying

SECONDS_BETWEEN_LINES = 5.0


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Compare only N outputs, chosen at random.")
@json_option
def command(folder: Path, sample: int | None, as_json: bool) -> int:
    """Compare the outputs in FOLDER with the digests that runs recorded, byte for byte.

    FOLDER is the folder of a write step. Names every output that is missing, changed or unreadable, and then exits
    with 1. Nothing is written.

    \b
    Examples:
      img2img verify enlarged
      img2img verify /backup/enlarged --sample 500
    """
    with verifying(folder, sample) as (count, chosen, results):
        wrong = []
        for result in _with_progress(results, chosen):
            if result.problem:
                wrong.append({"path": str(result.path), "problem": result.problem})
                if not as_json:
                    say(f"{result.problem}: {result.path}")
    if as_json:
        show_json(
            {
                "folder": str(folder),
                "outputs": count,
                "compared": chosen,
                "problems": sorted(wrong, key=lambda each: each["path"]),
            }
        )
    else:
        part = f"{chosen} of {count} outputs" if chosen < count else f"{count} outputs"
        say(f"{folder}: {part} compared, {len(wrong)} not as written")
    return EXIT_FAILED_ITEMS if wrong else EXIT_DONE


def _with_progress(results: Iterable[Verified], total: int) -> Iterator[Verified]:
    """Yield the results, and print a line to stderr every few seconds."""
    last = time.monotonic()
    for number, result in enumerate(results, 1):
        yield result
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print_stderr(f"{number}/{total} compared")
