"""``img2img export``: write a bundle in a format for other software, and verify the result."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from img2imgkit import backend, bundle
from img2imgkit.catalog import Catalog
from img2imgkit.cli import printable, say, show_json
from img2imgkit.cli.config import apply_user_settings, limits_option
from img2imgkit.cli.console import json_option, show_table, warn_of_broken
from img2imgkit.config import assignments, parse_yaml, validate

if TYPE_CHECKING:
    from img2imgkit.bundle import Exported, PortDescription
    from img2imgkit.exporting import ExportedFile


@click.command()
@click.argument("reference", metavar="BUNDLE")
@click.option("--format", "wanted", required=True, help="onnx, saved-model, tflite, keras, ncnn, or a plugin's.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Output file or folder.")
@click.option("--program", help="Program to export, such as translate or encode_style, or all.")
@click.option("--precision", help="float32, float16, or int8 with --calibrate.  [default: float32]")
@click.option("--size", default="dynamic", show_default=True, help="HxW, such as 256x384: one picture of a fixed size.")
@click.option("--image-io", help="Range of pictures: signed [-1, 1], unit [0, 1], or uint8.  [default: signed]")
@click.option("--layout", help="Axis order of pictures: nhwc or nchw.  [default: nhwc]")
@click.option("--opset", type=int, help="ONNX opset version, 13 to 23.  [default: 18]")
@click.option("--calibrate", type=click.Path(path_type=Path), help="Folder of pictures to calibrate int8 with.")
@click.option("--set", "choice", multiple=True, metavar="KEY=VALUE", help="A choice of the bundle's task.")
@click.option("--replace", is_flag=True, help="Replace an earlier export at OUT.")
@limits_option
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
    """Write BUNDLE, the folder or name of a bundle, in a format for other software.

    The written model is opened and compared with the bundle at several sizes; if it differs, the command fails and
    removes it.

    \b
    img2img export sr-compact-x2 --format onnx --out sr.onnx --image-io uint8
    img2img export runs/facades/bundle --format saved-model --out served/facades/1
    img2img export runs/horses/bundle --format onnx --out back.onnx --set direction=b_to_a
    img2img export sr-compact-x2 --format ncnn --out models
    """
    from img2imgkit.exporting import ExportOptions, export_bundle

    apply_user_settings()
    stated = {
        name: str(value) if isinstance(value, Path) else value for name, value in given.items() if value is not None
    }
    stated |= {"size": _size(size), "choices": assignments(choice, "--set", "direction=b_to_a")}
    options = validate(ExportOptions, parse_yaml("", "img2img export"), data=stated)
    catalog = Catalog.installed()
    exporter = catalog.get("exporters", wanted)()
    folder = bundle.locate(reference, Path.cwd(), catalog)
    backend.load()
    written = export_bundle(bundle.load(folder, catalog), exporter, out, options, replace)
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
        "largest_difference": max(written.differences.values(), default=None),
        "not_compared_without": written.unproved or None,
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
            *(_row(program.name, "input", port) for port in program.inputs),
            *(_row(program.name, "output", port) for port in program.outputs),
        )
    ]
    show_table(("program", "port", "name", "type", "shape", "meaning"), rows)
    for program in about.programs:
        if about.size is None and (program.multiple > 1 or program.minimum > 1):
            say(f"{program.name}: height and width must be multiples of {program.multiple}, at least {program.minimum}")
    say(_judgement(about, written))
    if about.manifest.licence:
        say(f"licence: {printable(about.manifest.licence)}")
    say(f"{printable(written.path)}: {written.size / 1e6:.2f} MB")


def _judgement(about: Exported, written: ExportedFile) -> str:
    """One line on the difference between the written model and the bundle."""
    if written.unproved:
        return f"not proved: comparing the written model with the bundle needs {written.unproved}"
    if about.int8:
        noun = "picture" if about.int8.pictures == 1 else "pictures"
        return f"int8: {about.int8.psnr:.1f} dB PSNR against float32, over {about.int8.pictures} {noun}"
    largest = max(written.differences.values())
    if about.image_io == "uint8":
        return f"largest difference from the bundle: {round(largest * 255)} of 255 levels, in {about.precision}"
    return f"largest difference from the bundle: {largest:.1e} of the range, in {about.precision}"


def _row(program: str, kind: str, port: PortDescription) -> tuple[str, ...]:
    axes = port.axes or ("",) * len(port.shape)
    shape = ", ".join(str(size) if size is not None else axis for size, axis in zip(port.shape, axes, strict=True))
    return program, kind, port.name, port.dtype, f"({shape})", printable(port.meaning)
