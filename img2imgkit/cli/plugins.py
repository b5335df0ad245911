"""``img2img plugins``: what each plugin provides, which are broken; new ones, installed, proved and uninstalled."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.cli import EXIT_DONE, EXIT_FAILED_ITEMS, print_stderr, printable, say, show_json, warn
from img2imgkit.cli.console import confirmed, json_option, show_table, warn_of_broken
from img2imgkit.cli.plugin_docs import docs_of, show_docs
from img2imgkit.config import suggestion
from img2imgkit.distributions import (
    TEMPLATES,
    Installation,
    Proof,
    distribution_of,
    new_project,
    plan_installation,
    prove,
)
from img2imgkit.distributions import install as install_planned
from img2imgkit.distributions import uninstall as uninstall_distribution
from img2imgkit.errors import NotInstalled
from img2imgkit.hooks import CONTRACT, STATES_CONTRACT
from img2imgkit.plugin_kinds import KINDS

Command = TypeVar("Command", bound="click.Command | Callable[..., Any]")
_ABOUT = {
    "task": "A task that learns from pairs of pictures.",
    "step": "A step that changes pictures.",
    "source": "A step that finds and reads pictures.",
    "sink": "A step that writes pictures.",
    "exporter": "A format that bundles are written in.",
    "importer": "A format that weights of networks are read from.",
    "architecture": "A network that tasks can choose.",
    "data-kind": "A way of organising training pictures.",
    "metric": "A score of picture quality.",
}


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the plugins, what they provide, and which are broken; write, install and prove others.

    IMG2IMG_PLUGINS=a,b loads only these plugins; empty, only the built-in ones. IMG2IMG_PLUGINS_DIR, or plugins_dir in
    the user's file, is a folder of plugins of one file each.

    \b
    Example:
      img2img plugins new old-photo --task
      img2img plugins install -e img2img-old-photo
      img2img plugins check old-photo
    """
    if context.invoked_subcommand is None:
        _list(as_json)


@command.command("list")
@json_option
def list_plugins(as_json: bool) -> None:
    """List the plugins, what they provide, and which are broken."""
    _list(as_json)


def _template_options(called: Command) -> Command:
    """An option for each template of a project."""
    for name, about in reversed(_ABOUT.items()):
        called = click.option(f"--{name}", name.replace("-", "_"), is_flag=True, help=about)(called)
    return called


@command.command()
@click.argument("name")
@_template_options
@click.option("--output", type=click.Path(path_type=Path), default=Path(), help="Folder for it.  [default: this one]")
def new(name: str, output: Path, **templates: bool) -> None:
    """Write a project with a plugin called NAME, such as old-photo, into the new folder img2img-NAME.

    It can be installed, passes its contract test and does something simple, which you replace.

    \b
    Example:
      img2img plugins new old-photo --task
    """
    chosen = [template for template in TEMPLATES if templates[template.replace("-", "_")]]
    if len(chosen) != 1:
        raise click.UsageError(f"state what it is: one of {', '.join(f'--{template}' for template in TEMPLATES)}")
    made = new_project(name, chosen[0], output, Catalog.installed())
    for path in made.files:
        say(f"wrote {printable(path)}")
    module = next(path for path in made.files if path.stem == chosen[0].replace("-", "_"))
    say(f"\nYour code, {made.written} lines: {printable(module)}")
    say(f"Install it: img2img plugins install -e {printable(made.folder)}")


@command.command()
@click.argument("what", metavar="NAME|PATH|WHEEL|URL")
@click.option("-e", "--editable", is_flag=True, help="Use the folder PATH in place: changes of its code count at once.")
@click.option("-U", "--upgrade", is_flag=True, help="Replace an installed version by the newest.")
@click.option("-y", "--yes", is_flag=True, help="Install without asking.")
def install(what: str, editable: bool, upgrade: bool, yes: bool) -> int:
    """Install a plugin with pip, or with uv where there is no pip.

    What would be installed or changed is shown first. A plugin that would change TensorFlow, Keras or anything else
    that img2imgkit needs is refused. Installing runs its author's code: install only plugins that you trust.

    \b
    Example:
      img2img plugins install img2img-watercolour
      img2img plugins install -e ./img2img-old-photo
    """
    planned = plan_installation(what, editable, upgrade)
    if not planned.changes:
        say("already installed: nothing would change")
        return EXIT_DONE
    _show_plan(planned)
    _ask("Install this?", yes, "installed")
    say("installing ...")
    return _loaded(planned, install_planned(planned))


@command.command()
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Uninstall without asking.")
def uninstall(name: str, yes: bool) -> None:
    """Uninstall the distribution of the plugin NAME."""
    for plugin in Catalog.installed().plugins:
        if plugin.name == name and plugin.file:
            raise click.UsageError(f"plugin {name!r} is the file {plugin.file}; remove the file instead")
    distribution = distribution_of(name)
    _ask(f"Uninstall {distribution}?", yes, "uninstalled")
    uninstall_distribution(distribution)
    say(f"uninstalled {printable(distribution)}")


@command.command()
@click.argument("name", required=False)
@click.option("--traceback", "with_traceback", is_flag=True, help="Print Python's own account of what is broken.")
@click.option("--strict", is_flag=True, help="Fail also for what is not proved, or states no contract version.")
@click.option(
    "--seconds", type=click.FloatRange(min=0, min_open=True), default=10, show_default=True, help="Limit of each proof."
)
@json_option
def check(name: str | None, with_traceback: bool, strict: bool, seconds: float, as_json: bool) -> int:
    """Run the contract tests of all that the plugin NAME provides; of all plugins but img2imgkit's own without NAME.

    Exits with 1 if something is broken. A proof that takes longer than --seconds is ended: not proved.
    """
    catalog = Catalog.installed()
    plugins = _chosen(catalog, name)
    found: list[Proof] = []
    for each in _proofs(catalog, plugins, seconds):
        found.append(each)
        if not as_json:
            _say_proof(each, with_traceback)
    unstated = [plugin.name for plugin in plugins if not plugin.own and catalog.contract(plugin.name) is None]
    for plugin in unstated if not as_json else ():
        say(f"{plugin}: states no contract version; add {STATES_CONTRACT} = {CONTRACT} to its module")
    counts = {outcome: sum(each.outcome == outcome for each in found) for outcome in ("proved", "broken", "not proved")}
    if as_json:
        show_json({"proofs": [_plain(each, with_traceback) for each in found], "states_no_contract": unstated})
    else:
        say(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    failed = counts["broken"] or (strict and (counts["not proved"] or unstated))
    return EXIT_FAILED_ITEMS if failed else EXIT_DONE


@command.command()
@click.argument("name")
@json_option
def docs(name: str, as_json: bool) -> None:
    """Print what the plugin NAME provides, with the options of each thing; with --json also their schemas."""
    catalog = Catalog.installed()
    found = docs_of(catalog, {plugin.name for plugin in _chosen(catalog, name)})
    if as_json:
        show_json(found)
    else:
        show_docs(found)
    warn_of_broken(catalog)


def _list(as_json: bool) -> None:
    catalog = Catalog.installed()
    brought = {kind: _by_plugin(catalog, kind) for kind in KINDS}
    rows = [_row(catalog, plugin, brought) for plugin in catalog.plugins]
    if as_json:
        show_json(rows)
    else:
        show_table(("name", "distribution", "hooks", "brings", "broken"), [_line(row) for row in rows])
    warn_of_broken(catalog)


def _by_plugin(catalog: Catalog, kind: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in getattr(catalog, kind):
        found.setdefault(catalog.owner(kind, name).name, []).append(name)
    return found


def _row(catalog: Catalog, plugin: Plugin, brought: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "file": str(plugin.file) if plugin.file else None,
        "contract": catalog.contract(plugin.name),
        "hooks": list(catalog.hooks(plugin.name)),
        "brings": {kind: names[plugin.name] for kind, names in brought.items() if plugin.name in names},
        "broken": [broken.sentence for broken in catalog.broken if broken.plugin == plugin.name],
    }


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    brings = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in row["brings"].items())
    distribution = f"{row['distribution']} {row['version']}".strip()
    return row["name"], distribution, ", ".join(row["hooks"]), brings, "; ".join(row["broken"])


def _chosen(catalog: Catalog, name: str | None) -> list[Plugin]:
    """The plugins of that name or distribution; without one all that are not img2imgkit's own."""
    if name is None:
        return [plugin for plugin in catalog.plugins if not plugin.own]
    found = [plugin for plugin in catalog.plugins if name in (plugin.name, plugin.distribution)]
    if not found:
        names = [each for plugin in catalog.plugins for each in (plugin.name, plugin.distribution)]
        raise NotInstalled(f"no plugin {name!r} is installed{suggestion(name, names)}")
    return found


def _proofs(catalog: Catalog, plugins: Sequence[Plugin], seconds: float) -> Iterator[Proof]:
    """What failed when the plugins were loaded, then what their contract tests find."""
    names = {plugin.name for plugin in plugins}
    for kind in KINDS:
        getattr(catalog, kind)
    for broken in catalog.broken:
        if broken.plugin in names:
            yield Proof(broken.plugin, broken.kind, "", "broken", broken.sentence, broken.traceback)
    yield from prove(catalog, names, seconds)


def _say_proof(proof: Proof, with_traceback: bool) -> None:
    thing = f"{KINDS[proof.kind].singular} {proof.name}".strip() if proof.kind else ""
    parts = (proof.plugin, thing, proof.outcome, " ".join(proof.reason.split()))
    say(": ".join(printable(part) for part in parts if part))
    if with_traceback and proof.traceback:
        say(proof.traceback.rstrip())


def _plain(proof: Proof, with_traceback: bool) -> Mapping[str, Any]:
    row = {name: getattr(proof, name) for name in ("plugin", "kind", "name", "outcome", "reason")}
    return {**row, "traceback": proof.traceback} if with_traceback else row


def _show_plan(planned: Installation) -> None:
    rows = [(each.name, each.before, each.after, each.origin) for each in planned.changes]
    show_table(("distribution", "installed", "new", "from"), rows)


def _ask(question: str, yes: bool, done: str) -> None:
    """Go on only if the user agrees."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"nothing was {done}: confirm at a terminal, or state --yes")
    if not confirmed(question):
        raise click.Abort


def _loaded(planned: Installation, rows: Sequence[Mapping[str, Any]]) -> int:
    """Say what the installed plugins bring, and which are broken."""
    if not rows:
        names = ", ".join(each.name for each in planned.changes)
        warn(f"installed, but no plugin of img2imgkit is in {names}: pip uninstall removes it")
        return EXIT_FAILED_ITEMS
    for row in rows:
        name, distribution, _, brings, broken = _line(dict(row))
        say(f"installed plugin {printable(name)} of {printable(distribution)}: {printable(brings or 'nothing')}")
        if broken:
            print_stderr(f"plugin {name!r} is broken: {broken}")
    return EXIT_FAILED_ITEMS if any(row["broken"] for row in rows) else EXIT_DONE
