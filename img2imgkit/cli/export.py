"""``img2img export``: a bundle in a format that other software runs, proved equal to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from img2imgkit import backend, bundle
from img2imgkit.catalog import Catalog
from img2imgkit.cli import printable, show_json
from img2imgkit.cli.config import apply_user_settings
from img2imgkit.cli.console import json_option, show_table, warn_of_broken
from img2imgkit.config import assignments, parse_yaml, validate

if TYPE_CHECKING:
    from img2imgkit.bundle import Exported, PortDescription
    from img2imgkit.exporting import ExportedFile


@click.command()
@click.argument("reference", metavar="BUNDLE")
@click.option("--format", "wanted", required=True, help="onnx, saved-model, tflite, keras, or a plugin's.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file, or the folder.")
@click.option("--part", help="One program, such as translate or encode_style, or all.")
@click.option("--precision", help="float32, float16, or int8 with --calibrate.  [default: float32]")
@click.option("--size", default="dynamic", show_default=True, help="HxW, such as 256x384, to fix it.")
@click.option("--image-io", help="Pictures as signed [-1, 1], unit [0, 1], or uint8.  [default: signed]")
@click.option("--layout", help="Order of pictures' axes: nhwc or nchw.  [default: nhwc]")
@click.option("--opset", type=int, help="Version of ONNX's operators, 13 to 18.  [default: 18]")
@click.option("--calibrate", type=click.Path(path_type=Path), help="Folder of pictures that int8 is fitted to.")
@click.option("--set", "choice", multiple=True, metavar="KEY=VALUE", help="What the bundle's task leaves to choose.")
@click.option("--replace", is_flag=True, help="Replace what an export left at OUT before.")
@json_option
def command(
    reference: str,
    wanted: str,
    out: Path,
    size: str,
    choice: tuple[str, ...],
    replace: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Write BUNDLE, a folder or the name of an installed one, as a file that other software runs.

    What was written is opened again and compared with the bundle at several sizes; if it differs, the command fails
    and leaves nothing.

    \b
    img2img export sr-compact-x2 --format onnx --out sr.onnx --image-io uint8
    img2img export runs/facades/bundle --format saved-model --out served/facades/1
    img2img export runs/horses/bundle --format onnx --out back.onnx --set direction=b_to_a
    """
    from img2imgkit.exporting import Settings, export_bundle

    apply_user_settings()
    stated = {
        name: str(value) if isinstance(value, Path) else value for name, value in given.items() if value is not None
    }
    stated |= {"size": _size(size), "choices": assignments(choice, "--set", "direction=b_to_a")}
    settings = validate(Settings, parse_yaml("", "img2img export"), data=stated)
    catalog = Catalog.installed()
    exporter = catalog.get("exporters", wanted)()
    folder = bundle.locate(reference, Path.cwd(), catalog)
    backend.load()
    written = export_bundle(bundle.load(folder, catalog), exporter, out, settings, replace)
    if as_json:
        show_json(_plain(written))
    else:
        _show(written)
    warn_of_broken(catalog)


def _size(text: str) -> Any:
    if text == "dynamic":
        return text
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise click.UsageError(f"--size {text}: expected dynamic, or height and width such as 256x384")
    return [int(match[1]), int(match[2])]


def _plain(written: ExportedFile) -> dict[str, Any]:
    about = written.about.model_dump(mode="json")
    return {
        "path": str(written.path),
        "bytes": written.size,
        "largest_difference": max(written.differences.values()),
        "differences": dict(written.differences),
        **{key: about[key] for key in ("precision", "image_io", "layout", "size", "choices", "int8", "programs")},
        "licence": about["manifest"]["licence"],
    }


def _show(written: ExportedFile) -> None:
    about = written.about
    rows = [
        row
        for program in about.programs
        for row in (
            *(_row(program.name, "reads", port) for port in program.inputs),
            *(_row(program.name, "gives", port) for port in program.outputs),
        )
    ]
    show_table(("program", "", "name", "type", "shape", "what"), rows)
    for program in about.programs:
        if about.size is None and (program.multiple > 1 or program.minimum > 1):
            click.echo(
                f"{program.name}: height and width in multiples of {program.multiple}, from {program.minimum} on"
            )
    click.echo(_judgement(about, written.differences))
    if about.manifest.licence:
        click.echo(f"licence: {printable(about.manifest.licence)}")
    click.echo(f"{printable(written.path)}: {written.size / 1e6:.2f} MB")


def _judgement(about: Exported, differences: Mapping[str, float]) -> str:
    """How far what was written is from the bundle."""
    if about.int8:
        noun = "picture" if about.int8.pictures == 1 else "pictures"
        return f"int8: {about.int8.psnr:.1f} dB PSNR to float32, over {about.int8.pictures} {noun}"
    largest = max(differences.values())
    if about.image_io == "uint8":
        return f"largest difference from the bundle: {round(largest * 255)} of 255 levels, in {about.precision}"
    return f"largest difference from the bundle: {largest:.1e} of the range, in {about.precision}"


def _row(program: str, verb: str, port: PortDescription) -> tuple[str, ...]:
    axes = port.axes or ("",) * len(port.shape)
    shape = ", ".join(str(size) if size is not None else axis for size, axis in zip(port.shape, axes, strict=True))
    return program, verb, port.name, port.dtype, f"({shape})", printable(port.meaning)
