"""``img2img encode``: encode pictures with a model and save the code for pipelines."""

from __future__ import annotations

from pathlib import Path

import click

from img2imgkit.catalog import Catalog
from img2imgkit.cli import say
from img2imgkit.cli.config import apply_user_settings, limits_option
from img2imgkit.data.picture_files import list_pictures
from img2imgkit.errors import ConfigError, ToolkitError
from img2imgkit.images import decode
from img2imgkit.inference import Translator, find_model, save_code


@click.command()
@click.argument("reference", metavar="BUNDLE")
@click.argument("condition", metavar="INPUT")
@click.argument("pictures", metavar="PICTURES...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The code file, .json.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, gpu or gpu:N.")
@limits_option
def command(reference: str, condition: str, pictures: tuple[Path, ...], out: Path, device: str) -> None:
    """Encode PICTURES, files or folders, for an input of BUNDLE, such as `class` or `style`.

    BUNDLE may also be an exported model with all its programs; the code fits both.

    A pipeline uses the file instead of the pictures: `inputs: {class: {code: FILE}}`. Several pictures are averaged.

    \b
    Example:
      img2img encode bundles/funit class pictures/cats --out cats.json
    """
    if out.suffix != ".json":
        raise ConfigError(f"--out {out}: the name of a code file must end in .json")
    apply_user_settings()
    found = _found(pictures)
    catalog = Catalog.installed()
    model = find_model(reference, Path.cwd(), catalog)
    code = Translator(model.load(), device=device).encode(condition, map(decode, found))
    save_code(out, code, condition, model.manifest, [path.name for path in found])
    noun = "picture" if len(found) == 1 else "pictures"
    say(f"{out}: {len(code)} numbers for {condition!r} of {model.manifest.name}, from {len(found)} {noun}")


def _found(stated: tuple[Path, ...]) -> list[Path]:
    """The stated pictures, and those in stated folders except hidden ones. Raises ToolkitError if one is missing."""
    found: list[Path] = []
    for path in stated:
        if not path.exists():
            raise ToolkitError(f"{path}: no such file or folder")
        found += list_pictures([path]) if path.is_dir() else [path]
    return found
