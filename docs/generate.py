"""Write what the docs say of commands, steps, tasks, components, metrics, hooks and schemas, from the code itself.

python docs/generate.py           writes docs/reference/
python docs/generate.py --check   exits with 1, and shows how, where docs/reference/ is not what the code says
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import json
import os
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from img2imgkit import cli, hookspecs
from img2imgkit.catalog import Catalog
from img2imgkit.components import Component
from img2imgkit.metrics import protocols_of
from img2imgkit.plugin_kinds import HOOKS, KINDS
from img2imgkit.schema import first_line, option_rows, pipeline_schema, train_schema
from img2imgkit.step import kind_of

REFERENCE = Path(__file__).parent / "reference"
WIDTH = 100  # of help texts, whatever the terminal
NOTE = "<!-- Written by docs/generate.py from the code. Do not edit. -->\n"


def main() -> int:
    """Write or check every page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 where a page differs")
    check = parser.parse_args().check
    pages = made(own_catalog())
    if check:
        return report(differences(pages, REFERENCE))
    REFERENCE.mkdir(exist_ok=True)
    for stale in set(REFERENCE.iterdir()) - {REFERENCE / name for name in pages}:
        stale.unlink()
    for name, text in pages.items():
        (REFERENCE / name).write_text(text, encoding="utf-8", newline="\n")
    return 0


def own_catalog() -> Catalog:
    """What img2imgkit brings itself, whatever else is installed."""
    catalog = Catalog.installed({})
    return Catalog(tuple(plugin for plugin in catalog.plugins if plugin.own))


def made(catalog: Catalog) -> dict[str, str]:
    """Every page by its file name."""
    pages = {
        "cli.md": cli_page(),
        "steps.md": steps_page(catalog),
        "tasks.md": tasks_page(catalog),
        "architectures.md": architectures_page(catalog),
        "components.md": components_page(catalog),
        "metrics.md": metrics_page(catalog),
        "hooks.md": hooks_page(),
        "schema-pipeline.json": json.dumps(pipeline_schema(catalog), indent=2, ensure_ascii=False) + "\n",
        "schema-train.json": json.dumps(train_schema(catalog), indent=2, ensure_ascii=False) + "\n",
    }
    if catalog.broken:
        raise SystemExit("\n".join(f"plugin {broken.plugin!r} is broken: {broken.reason}" for broken in catalog.broken))
    return pages


def differences(pages: Mapping[str, str], folder: Path) -> list[str]:
    """A unified diff of each page that is not as it should be."""
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} if folder.is_dir() else {}
    found = []
    for name in sorted(pages.keys() | there.keys()):
        old, new = there.get(name, ""), pages.get(name, "")
        if name not in pages or name not in there or old != new:
            place = f"docs/reference/{name}"
            lines = difflib.unified_diff(old.splitlines(), new.splitlines(), place, "the code", lineterm="")
            found.append("\n".join(lines) or f"{place}: is not there, or only its line endings differ")
    return found


def report(found: list[str]) -> int:
    """Print the differences, and how to mend them."""
    for text in found:
        print(text)
    if found:
        print("docs/reference/ is not what the code says: run python docs/generate.py", file=sys.stderr)
    return 1 if found else 0


def cli_page() -> str:
    """The help of ``img2img`` and of every command."""
    codes = (cli.__doc__ or "").partition("\n\n")[2]
    parts = [NOTE, "# Commands\n", codes, block(help_of(cli.group, ["img2img"]))]
    for name in cli.COMMANDS:
        command = import_module(f"img2imgkit.cli.{name}").command
        parts += [f"## {name}\n", block(help_of(command, ["img2img", name]))]
    return joined(parts)


def help_of(command: click.Command, path: list[str]) -> str:
    """What ``--help`` prints, for a terminal of ``WIDTH`` columns."""
    os.environ["NO_COLOR"] = "1"
    context = click.Context(
        command,
        info_name=" ".join(path),
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    return command.get_help(context)


def steps_page(catalog: Catalog) -> str:
    """Every step with its options."""
    parts = [NOTE, "# Steps\n", "What stands under `uses:` in a pipeline, and its options under `with:`.\n"]
    for name, step in catalog.steps.items():
        parts += [f"## {name}\n", f"*{kind_of(step)}*. {body(step)}\n", options_table(option_rows(step.Options))]
    return joined(parts)


def tasks_page(catalog: Catalog) -> str:
    """Every task with its options, loss weights and choices."""
    parts = [NOTE, "# Tasks\n", "What stands under `task:` in a training file.\n"]
    for name, task in catalog.tasks.items():
        parts += [f"## {name}\n", f"*{task.data} data*. {body(task)}\n"]
        parts += ["### options\n", options_table(option_rows(task.Options))]
        parts += ["### weights\n", options_table(option_rows(task.Weights))]
        if choices := option_rows(task.Choices):
            parts += ["### choices\n", options_table(choices)]
    return joined(parts)


def architectures_page(catalog: Catalog) -> str:
    """Every architecture with its roles and options."""
    about = "What an option that holds a network names under `kind:`, beside the network's own options.\n"
    parts = [NOTE, "# Architectures\n", about]
    for name, architecture in catalog.architectures.items():
        roles = ", ".join(architecture.roles)
        parts += [f"## {name}\n", f"*{roles}*. {body(architecture)}\n", options_table(option_rows(architecture))]
    return joined(parts)


def components_page(catalog: Catalog) -> str:
    """The losses and other components that options choose from; architectures have a page of their own."""
    parts = [NOTE, "# Losses, penalties, augmentations, degradations\n"]
    parts += [
        "An option takes one of these by name, or as a mapping with the name under `kind:` and its own options.\n"
    ]
    for kind, row in KINDS.items():
        if kind == "architectures" or not any(issubclass(base, Component) for base in row.contracts):
            continue
        parts.append(f"## {kind.replace('_', ' ').capitalize()}\n")
        for name, component in getattr(catalog, kind).items():
            parts += [f"### {name}\n", f"{body(component)}\n", options_table(option_rows(component))]
    return joined(parts)


def metrics_page(catalog: Catalog) -> str:
    """Every metric, and every protocol."""
    parts = [NOTE, "# Metrics\n", "What `img2img eval --metric` takes; those of pairs also stand under `best:`.\n"]
    header = ["| metric | of | better | unit | protocols | |", "|---|---|---|---|---|---|"]
    rows = [
        f"| `{name}` | {metric.of} | {'higher' if metric.higher_is_better else 'lower'} | {metric.unit} | "
        f"{', '.join(f'`{protocol.label}`' for protocol in metric.protocols)} | {cell(body(metric))} |"
        for name, metric in catalog.metrics.items()
    ]
    parts += ["\n".join([*header, *rows, ""]), "## Protocols\n"]
    found = sorted(protocols_of(catalog.metrics.values()).items())
    lines = [f"| `{label}` | {cell(protocol.about)} |" for label, protocol in found]
    return joined([*parts, "\n".join(["| protocol | |", "|---|---|", *lines, ""])])


def hooks_page() -> str:
    """Every hook with its signature."""
    parts = [NOTE, "# Hooks\n", "Functions that a plugin's module may hold, each marked with `@img2imgkit.hookimpl`.\n"]
    for hook in HOOKS:
        function = getattr(hookspecs, hook)
        signature = str(inspect.signature(function)).replace("'", "")  # Python versions quote annotations or not
        parts += [f"## {hook}\n", block(f"def {hook}{signature}", "python"), inspect.getdoc(function) or ""]
    return joined(parts)


def body(thing: type) -> str:
    """A class's own docstring, its lines as they are."""
    return inspect.cleandoc(thing.__doc__ or first_line(thing))


def options_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """A table of options."""
    lines = [f"| `{row['name']}` | {cell(row['type'])} | {default(row)} | {cell(row['description'])} |" for row in rows]
    return "\n".join(["| option | type | default | |", "|---|---|---|---|", *lines, ""]) if lines else "No options.\n"


def default(row: Mapping[str, Any]) -> str:
    """An option's default, as it would be written."""
    return "required" if row["required"] else cell(f"`{json.dumps(row['default'], ensure_ascii=False)}`")


def cell(text: str) -> str:
    """Text that cannot end a table's cell."""
    return " ".join(text.split()).replace("|", "\\|")


def block(text: str, language: str = "text") -> str:
    """A fenced block."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def joined(parts: Iterable[str]) -> str:
    """Parts with an empty line between them, and one newline at the end."""
    return "\n".join(part.rstrip("\n") + "\n" for part in parts if part).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
