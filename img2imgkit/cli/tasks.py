"""``img2img tasks``: the tasks that can be trained and run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from img2imgkit.catalog import Catalog
from img2imgkit.cli import say, show_json
from img2imgkit.cli.console import json_option, show_options, show_rows, warn_of_broken
from img2imgkit.schema import architecture_options, first_line, option_rows

if TYPE_CHECKING:
    from img2imgkit.task import Task


@click.command()
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the tasks that can be trained and run.

    With NAME, show its options and those of each network that fits, its loss weights, choices and inputs.
    """
    catalog = Catalog.installed()
    if name is None:
        rows = [_summary(catalog, task) for task in catalog.tasks.values()]
        show_rows(("name", "plugin", "data", "about"), rows, as_json)
    else:
        _show(catalog, name, as_json)
    warn_of_broken(catalog)


def _show(catalog: Catalog, name: str, as_json: bool) -> None:
    task: type[Task] = catalog.get("tasks", name)
    options, weights, choices = map(option_rows, (task.Options, task.Weights, task.Choices))
    inputs, networks = _inputs(task), _networks(catalog, task)
    if as_json:
        details = {"options": options, "networks": networks, "weights": weights, "choices": choices, "inputs": inputs}
        show_json({**_summary(catalog, task), **details})
        return
    say(f"{name}: {first_line(task)}\n")
    say(f"Trained on {task.data} data: {first_line(catalog.data_kinds[task.data])}\n\nOptions")
    show_options(options)
    for option, fitting in networks.items():
        say(f"\nNetworks for the option {option}")
        for each in fitting:
            say(f"\n{each['name']}: {each['about']}")
            show_options(each["options"])
    say("\nWeights of the loss terms")
    show_options(weights)
    if choices:
        say("\nChoices of each translation")
        show_options(choices)
    if inputs:
        say("\nInputs of each translation besides the picture; they may depend on the options")
        for each in inputs:
            need = ", required" if each["required"] else ""
            say(f"  {each['name']} ({each['kind']}{need}): {each['description']}")


def _networks(catalog: Catalog, task: type[Task]) -> dict[str, list[dict[str, Any]]]:
    """For each option that chooses an architecture, those that fit, with their options."""
    return {
        option: [
            {"name": name, "about": first_line(architecture), "options": option_rows(architecture)}
            for name, architecture in catalog.architectures.items()
            if not role or role in architecture.roles
        ]
        for option, role in architecture_options(task.Options).items()
    }


def _inputs(task: type[Task]) -> list[dict[str, Any]]:
    """The conditions of the task with its default options; other options may change them."""
    from img2imgkit.inference import conditions_of

    return [
        {"name": name, "kind": condition.kind, "required": condition.required, "description": condition.description}
        for name, condition in conditions_of(task()).items()
    ]


def _summary(catalog: Catalog, task: type[Task]) -> dict[str, Any]:
    return {
        "name": task.name,
        "plugin": catalog.owner("tasks", task.name).name,
        "data": task.data,
        "about": first_line(task),
    }
