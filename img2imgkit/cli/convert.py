"""``img2img convert``: make an ONNX file of a network that other software saved with its description."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from img2imgkit import backend
from img2imgkit.catalog import Catalog
from img2imgkit.cli import printable, say, show_json
from img2imgkit.cli.config import apply_user_settings, limits_option
from img2imgkit.cli.console import json_option, show_table, warn_of_broken
from img2imgkit.exporting import convert_network

if TYPE_CHECKING:
    from img2imgkit.exchange import Port, Statistics
    from img2imgkit.exporting import ConvertedNetwork


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The ONNX file.")
@click.option(
    "--statistics",
    type=click.Choice(["running", "image"]),
    default="running",
    show_default=True,
    help="Statistics of batch normalization: running ones, or those of each image, as with training=True in Keras.",
)
@click.option("--importer", help="Importer that reads the file.  [default: chosen for it]")
@click.option("--replace", is_flag=True, help="Replace an existing file.")
@limits_option
@json_option
def command(file: Path, out: Path, statistics: str, importer: str | None, replace: bool, as_json: bool) -> None:
    """Make an ONNX file of FILE, a network of other software: whole models of Keras and of TensorFlow.js.

    The network is rebuilt from plain layers of Keras; nothing in the file is executed, and a layer that is not known is
    refused. The written file is compared with the network. img2img inspect proposes how to describe it to a pipeline.

    \b
    img2img convert generator.h5 --out generator.onnx
    img2img convert models/style/model.json --out style.onnx
    """
    apply_user_settings()
    catalog = Catalog.installed()
    backend.load()
    done = convert_network(file, out, catalog, cast("Statistics", statistics), importer, replace)
    if as_json:
        show_json({**asdict(done), "path": str(done.path)})
    else:
        _show(done)
    warn_of_broken(catalog)


def _show(done: ConvertedNetwork) -> None:
    rows = [*(_row("input", port) for port in done.inputs), *(_row("output", port) for port in done.outputs)]
    show_table(("port", "name", "type", "shape"), rows)
    for line in _lines(done):
        say(line)


def _lines(done: ConvertedNetwork) -> Iterator[str]:
    if done.multiple > 1:
        yield f"height and width must be multiples of {done.multiple}"
    yield f"largest difference from the network: {done.difference:.1e} of the range"
    yield f"{printable(done.path)}: {done.size / 1e6:.2f} MB"
    yield f"next: img2img inspect {shlex.quote(printable(done.path))}"


def _row(kind: str, port: Port) -> tuple[Any, ...]:
    axes = port.axes or ("",) * len(port.shape)
    shape = ", ".join(str(size) if size is not None else axis for size, axis in zip(port.shape, axes, strict=True))
    return kind, printable(port.name), port.dtype, f"({shape})"
