"""Tables and progress bars, warnings about broken plugins, and ``--json``; what they show is escaped here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from img2imgkit.cli import printable, printable_lines, say, show_json, warn
from img2imgkit.streams import output

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, TaskID

    from img2imgkit.catalog import Catalog

Item = TypeVar("Item")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def show_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows: a rich table on a terminal, aligned plain text otherwise, for ``grep`` and ``cut``."""
    texts = [[_text(cell) for cell in row] for row in rows]
    if output().isatty():
        _rich_table(headings, texts)
    else:
        say(plain_table(headings, texts).removesuffix("\n"))


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
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(Text(printable(heading)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable_lines(cell)) for cell in row))  # Text: brackets in cells are not markup
    _console().print(table)


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, file=None if stderr else output(), no_color=bool(os.environ.get("NO_COLOR")) or None)


class Bar:
    """A progress bar on stderr, in one line; lines can be printed above it."""

    def __init__(self, bar: Progress, row: TaskID) -> None:
        self._bar, self._row = bar, row

    def update(self, completed: int, total: int, **texts: str) -> None:
        """Redraw the bar, with new texts of its columns."""
        safe: dict[str, Any] = {name: printable(text) for name, text in texts.items()}
        self._bar.update(self._row, completed=completed, total=total, **safe)

    def say(self, line: object) -> None:
        """Print a line above the bar."""
        self._bar.console.print(printable_lines(line), markup=False, highlight=False, emoji=False)


@contextmanager
def bar_of(columns: Sequence[str | ProgressColumn], expand: bool = False, **texts: str) -> Iterator[Bar]:
    """Show a bar. ``texts`` are the first texts of the columns."""
    from rich.progress import Progress

    with Progress(*columns, console=_console(stderr=True), expand=expand) as bar:
        fields: dict[str, Any] = dict(texts)
        yield Bar(bar, bar.add_task("", total=None, **fields))


@contextmanager
def counted(rows: Iterable[Item], length: int, label: str) -> Iterator[Iterable[Item]]:
    """Show a plain bar on stderr while the rows are iterated."""
    with click.progressbar(rows, length=length, label=printable(label), file=sys.stderr) as watched:
        yield watched


def confirmed(question: str) -> bool:
    """Ask at the terminal, on stderr; the answer is no unless the user says yes."""
    return click.confirm(printable(question), default=False, err=True)


def asked_secret(question: str) -> str:
    """Ask for a text at the terminal, on stderr, twice and without showing it."""
    secret: str = click.prompt(printable(question), hide_input=True, confirmation_prompt=True, err=True)
    return secret


def _text(cell: Any) -> str:
    return "" if cell is None else cell if isinstance(cell, str) else str(cell)


def warn_of_broken(catalog: Catalog) -> None:
    """Print a warning to stderr for each broken plugin."""
    for broken in catalog.broken:
        warn(f"plugin {broken.plugin!r} is broken: {broken.sentence}")
