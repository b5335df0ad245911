"""``img2img import``: create a bundle from model files of other software."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from img2imgkit import backend, bundle
from img2imgkit.catalog import Catalog
from img2imgkit.cli import printable, say, show_json
from img2imgkit.cli.console import json_option, warn_of_broken
from img2imgkit.cli.prepare import described
from img2imgkit.config import assignments
from img2imgkit.errors import InteropError
from img2imgkit.exchange import ImportedNetwork, SavedWeights
from img2imgkit.exporting import add_engine_form
from img2imgkit.importing import import_bundle

if TYPE_CHECKING:
    from img2imgkit.architectures import Assumption
    from img2imgkit.importing import Imported

MAX_LISTED = 8  # sets of weights of a file
PLAIN = re.compile(r"[\w./][\w./+-]*")  # a path that needs no quotes in YAML


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the bundle.")
@click.option("--task", help="Task of the bundle.  [default: the one whose official code writes such files]")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="An option of the task.")
@click.option(
    "--key",
    help="Entry of the files that contains the network, such as params_ema or model.state_dict.  "
    "[default: the usual one, or the only one that contains a known network]",
)
@click.option("--importer", help="Importer that reads the files.  [default: chosen for each file]")
@click.option("--architecture", default="", help="The network's architecture.  [default: recognised for each file]")
@click.option("--name", help="The bundle's name.  [default: its folder's]")
@click.option("--licence", default="", help="Licence of the weights; stored in the bundle.")
@click.option("--attribution", multiple=True, help="Authors to credit; repeatable.")
@click.option("--replace", is_flag=True, help="Replace an existing bundle.")
@json_option
def command(
    files: tuple[Path, ...],
    out: Path,
    task: str | None,
    overrides: tuple[str, ...],
    key: str | None,
    importer: str | None,
    architecture: str,
    name: str | None,
    licence: str,
    attribution: tuple[str, ...],
    replace: bool,
    as_json: bool,
) -> None:
    """Create a bundle from model FILEs: PyTorch checkpoints, safetensors, .npz, formats of plugins.

    The content of a file decides its format, not its name. Networks and their sizes are recognised by the names and
    shapes of the weights; nothing in a file is executed.
    Assumptions about what the files do not state are printed. If a task has several networks, such as the two
    generators of CycleGAN, pass several files, in the order of the task's options.

    \b
    Example:
      img2img import latest_net_G_A.pth latest_net_G_B.pth --out bundles/horse-zebra
    """
    catalog = Catalog.installed()
    options = assignments(overrides, "--set", "norm=none")
    place = out.absolute()  # "." is replaced
    backend.load()
    try:
        done = import_bundle(
            files,
            out,
            catalog,
            task,
            options,
            key=key,
            importer=importer,
            architecture=architecture,
            name=name,
            replace=replace,
            licence=licence,
            attribution=attribution,
        )
    except InteropError as error:
        if not error.decided_by:
            raise
        raise InteropError(f"{error}; --{error.decided_by} NAME decides", error.decided_by) from None
    problem = add_engine_form(bundle.load(place, catalog))
    if as_json:
        show_json({**_described(done), "no_engine_form": problem or None})
    else:
        for line in _lines(done, printable(problem) or described(bundle.describe(place))):
            say(line)
    warn_of_broken(catalog)


def _described(done: Imported) -> dict[str, Any]:
    manifest = done.manifest
    return {
        "bundle": str(done.folder),
        "name": manifest.name,
        "task": manifest.task,
        "other_tasks": list(done.others),
        "files": manifest.training["imported"],
        "assumptions": [
            {"option": each.option, "value": each.value, "others": list(each.others), "text": each.text}
            for each in done.assumptions
        ],
        "fresh": list(done.plan.fresh),
        "left_aside": _left_aside(done),
        "options": manifest.options,
        "contract": manifest.contract.model_dump(mode="json"),
        "parameters": manifest.weights.parameters,
        "bytes": _bytes(done.folder),
    }


def _lines(done: Imported, form: str) -> Iterator[str]:
    manifest = done.manifest
    for network in done.networks:
        yield f"{printable(network.source)}: {_network(network)}"
        yield from _taken(network)
    others = f" (also possible: --task {' or '.join(done.others)})" if done.others else ""
    yield f"task: {manifest.task}{others}"
    for source in _left_aside(done):
        yield f"ignored: {printable(source)}: a critic; bundles contain generators only, but a training file accepts it"
    for role in done.plan.fresh:
        yield f"not in the files: {role}; freshly initialised, translation does not use it"
    for each in done.assumptions:
        yield f"assumed: {each.text}{_way_out(each)}"
    size = f"{manifest.weights.parameters:,} numbers, {_bytes(done.folder) / 1e6:.1f} MB"
    yield f"bundle: {printable(done.folder)}, {size}"
    yield form
    yield "next:"
    folder = printable(done.folder)
    quoted = folder if PLAIN.fullmatch(folder) else json.dumps(folder, ensure_ascii=False)
    yield f"  in a pipeline:  - {{uses: translate, with: {{bundle: {quoted}}}}}"
    yield f"  fine-tune, in a training file:  initial: {quoted}"
    yield f"  img2img export {shlex.quote(folder)} --format onnx --out {printable(manifest.name)}.onnx"


def _taken(network: ImportedNetwork | SavedWeights) -> Iterator[str]:
    """Which of a file's weights were taken, if that is not all of it."""
    if isinstance(network, ImportedNetwork) and network.key:
        left = ", ".join(map(repr, network.others[:MAX_LISTED])) + (", ..." if len(network.others) > MAX_LISTED else "")
        others = f"; the file also contains {left}: --key selects" if left else ""
        yield printable(f"weights: {network.key!r} of {network.source}{others}")


def _network(network: ImportedNetwork | SavedWeights) -> str:
    if isinstance(network, SavedWeights):
        return f"weights of {network.role!r}, saved by Keras"
    open_options = {each.option for each in network.assumptions if each.others}  # listed as assumed
    stated = {name: value for name, value in network.arguments.items() if name not in open_options}
    return f"{network.kind}({', '.join(f'{name}={value!r}' for name, value in stated.items())})"


def _left_aside(done: Imported) -> list[str]:
    taken = {each.number for each in done.plan.roles.values()}
    imported = [(number, each) for number, each in enumerate(done.networks) if isinstance(each, ImportedNetwork)]
    return [each.source for number, each in imported if number not in taken]


def _way_out(assumption: Assumption) -> str:
    """How to override an assumption; "" if no option does."""
    if not assumption.option:
        return ""
    others = [f"--set {shlex.quote(f'{assumption.option}={_stated(value)}')}" for value in assumption.others]
    return f"; otherwise {' or '.join(others) or f'--set {assumption.option}=...'}"


def _stated(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
