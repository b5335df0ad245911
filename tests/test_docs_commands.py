"""Every command of this project that a page shows is one that the command line accepts, option by option."""

from __future__ import annotations

import click
import pytest
from docs_pages import DOCS, PAGES, inline_commands, own_commands

from img2imgkit.cli import group

SHOWN = [
    pytest.param(words, id=f"{page.stem}: {' '.join(words)}"[:120])
    for page in (*PAGES, *sorted(DOCS.glob("results/*.md")))
    for words in (*own_commands(page), *(inline_commands(page) if page.stem == "coming-from" else ()))
]


def parse(words: list[str]) -> click.Context:
    """The context of the innermost command. Raises click.UsageError."""
    command: click.Command = group
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            raise click.UsageError(f"no command {words[0]!r}")
        command, words = found, words[1:]
    return command.make_context(command.name, list(words))


@pytest.mark.parametrize("words", SHOWN)
def test_a_command_shown_is_accepted(words: list[str]) -> None:
    assert parse(words).command.callback is not None


def test_many_are_shown() -> None:
    assert len(SHOWN) > 80
    assert {page.stem for page in PAGES} >= {"README", "coming-from", "enlarge-a-folder", "train-tonight"}


@pytest.mark.parametrize("words", [["run"], ["run", "a.yaml", "--outputs", "b"], ["enlarge"], ["models", "get", "x"]])
def test_what_is_not_accepted_is_found(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        parse(words)
