"""``img2img architectures``: the networks that options choose from."""

from __future__ import annotations

from typing import Any

import click

from img2imgkit.architectures import Architecture
from img2imgkit.catalog import Catalog
from img2imgkit.cli import say, show_json
from img2imgkit.cli.console import json_option, show_options, show_table, warn_of_broken
from img2imgkit.schema import first_line, option_rows, tasks_by_role

HEADINGS = ("name", "plugin", "roles", "checkpoints", "about")


@click.command()
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the networks that options choose from; with NAME, its options and what the task decides about it.

    An option of a task accepts networks of one role. Official checkpoints are recognised by `img2img import`.
    """
    catalog = Catalog.installed()
    if name is None:
        rows = [_summary(catalog, architecture) for architecture in catalog.architectures.values()]
        show_json(rows) if as_json else show_table(HEADINGS, map(_line, rows))
    else:
        _show(catalog, name, as_json)
    warn_of_broken(catalog)


def _show(catalog: Catalog, name: str, as_json: bool) -> None:
    architecture: type[Architecture] = catalog.get("architectures", name)
    summary, options = _summary(catalog, architecture), option_rows(architecture)
    uses, by_role = list(architecture.uses), tasks_by_role(catalog)
    tasks = sorted({task for role in architecture.roles for task in by_role.get(role, ())})
    if as_json:
        show_json({**summary, "uses": uses, "tasks": tasks, "options": options})
        return
    say(f"{name}: {summary['about']}\n")
    say(f"roles: {', '.join(summary['roles'])}")
    say(f"tasks with an option for it: {', '.join(tasks) or 'none'}")
    say(f"decided by the task: {', '.join(uses) or 'nothing'}")
    say(f"official checkpoints: {'recognised' if summary['checkpoints'] else 'none'}\n")
    show_options(options)


def _summary(catalog: Catalog, architecture: type[Architecture]) -> dict[str, Any]:
    return {
        "name": architecture.name,
        "plugin": catalog.owner("architectures", architecture.name).name,
        "roles": list(architecture.roles),
        "checkpoints": architecture.checkpoint is not None,
        "about": first_line(architecture),
    }


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["name"], row["plugin"], ", ".join(row["roles"]), "yes" if row["checkpoints"] else "no", row["about"])
