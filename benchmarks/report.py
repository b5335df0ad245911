"""Common parts of the benchmarks: the option for a quick mode, and Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click

tiny_option = click.option(
    "--tiny", is_flag=True, help="Small sizes that show within seconds that the script works; the figures mean nothing."
)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table, each as soon as its row is available."""
    for row in (columns, ("---",) * len(columns)):
        yield f"| {' | '.join(row)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, row by row."""
    for line in table(columns, rows):
        click.echo(line)
