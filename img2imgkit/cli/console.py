"""Shared by listing commands: tables on stdout, warnings about broken plugins on stderr, and ``--json``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from img2imgkit.cli import show_json

if TYPE_CHECKING:
    from img2imgkit.catalog import Broken, Catalog

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def show_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows: a rich table on a terminal, aligned plain text otherwise, for ``grep`` and ``cut``."""
    texts = [[_text(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(headings, texts)
    else:
        click.echo(plain_table(headings, texts), nl=False)


def show_rows(headings: Sequence[str], rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows whose keys are the headings, as JSON or as a table."""
    if as_json:
        show_json(rows)
    else:
        show_table(headings, [[row[heading] for heading in headings] for row in rows])


def show_options(rows: Iterable[dict[str, Any]]) -> None:
    """Print the output of ``option_rows``."""
    show_table(
        ("option", "type", "default", "description"),
        [
            (r["name"], r["type"], "(required)" if r["required"] else json.dumps(r["default"]), r["description"])
            for r in rows
        ],
    )


def plain_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, two spaces apart, one line per row."""
    lines = [[heading.upper() for heading in headings], *([cell.replace("\n", " ") for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)


def _rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: brackets in cells are not markup
    Console(no_color=bool(os.environ.get("NO_COLOR")) or None).print(table)


def _text(cell: Any) -> str:
    return "" if cell is None else cell if isinstance(cell, str) else str(cell)


def warn(message: str) -> None:
    """Print a warning to stderr, to keep stdout clean."""
    style = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    click.echo(f"{click.style('warning', fg='yellow') if style else 'warning'}: {message}", err=True)


def warn_of_broken(catalog: Catalog) -> None:
    """Print a warning to stderr for each broken plugin."""
    for broken in catalog.broken:
        warn(f"plugin {broken.plugin!r} is broken: {one_line(broken)}")


def one_line(broken: Broken) -> str:
    """The reason as one line."""
    return " ".join(broken.reason.split())
