"""How far this toolkit's numbers are from those of the official PyTorch code, as a Markdown page.

    python benchmarks/parity.py [FOLDER] [--section networks ...] > docs/results/parity.md

FOLDER, by default the fixtures of the tests, holds one folder per fixture: weights as the official code saved them,
inputs, and the outputs that it computed. Every ``parity_<section>.py`` beside this file is a section: a docstring that
says what is compared, ``COLUMNS``, and ``rows(folder)``, which yields one tuple of texts per comparison.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import click
import report

from img2imgkit import backend

TESTS = Path(__file__).parents[1] / "tests"
TINY_ROWS = 2
sys.path.append(str(TESTS))  # where the sections find the fixtures' readers


def sections() -> list[str]:
    """Names of the sections."""
    return [path.stem.removeprefix("parity_") for path in sorted(Path(__file__).parent.glob("parity_*.py"))]


def page(folder: Path, wanted: Sequence[str], most: int | None) -> Iterator[str]:
    """The page, line by line, with at most so many rows in a section."""
    yield "# Parity with the official code\n"
    libraries = f"TensorFlow {version('tensorflow')}, Keras {version('keras')}"
    yield f"Made by `python benchmarks/parity.py FOLDER` with {libraries} on {platform.machine()}, in float32.\n"
    for name in wanted:
        section = import_module(f"parity_{name}")
        yield f"## {name.replace('_', ' ').capitalize()}\n"
        yield f"{section.__doc__}\n"
        yield from report.table(section.COLUMNS, islice(section.rows(folder), most))
        yield ""


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default=TESTS / "fixtures")
@click.option("--section", "wanted", multiple=True, type=click.Choice(sections()), help="Only this one; repeatable.")
@report.tiny_option
def main(folder: Path, wanted: tuple[str, ...], tiny: bool) -> None:
    backend.load()
    for line in page(folder, wanted or sections(), TINY_ROWS if tiny else None):
        click.echo(line)


if __name__ == "__main__":
    main()
