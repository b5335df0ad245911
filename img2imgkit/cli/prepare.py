"""``img2img prepare``: write the engine form of bundles, which engines open without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import click

from img2imgkit import backend, bundle
from img2imgkit.bundle import Manifest
from img2imgkit.catalog import Catalog
from img2imgkit.cli import EXIT_DONE, EXIT_FAILED_ITEMS, printable, say
from img2imgkit.cli.config import apply_user_settings
from img2imgkit.cli.console import warn_of_broken
from img2imgkit.exporting import add_engine_form, cache_size, clear_cache
from img2imgkit.places import Places


@click.command()
@click.argument("references", metavar="BUNDLE...", nargs=-1)
@click.option("--clear-cache", is_flag=True, help="Remove the forms that runs made for bundles without one.")
def command(references: tuple[str, ...], clear_cache: bool) -> int:
    """Write the engine form of each BUNDLE, a folder or name, into its folder, and prove that it computes the same.

    Training and import do this by themselves. Bundles from elsewhere may lack the form.

    \b
    img2img prepare bundles/horse-zebra
    img2img prepare --clear-cache
    """
    if not references and not clear_cache:
        raise click.UsageError("Missing argument 'BUNDLE...'.")
    apply_user_settings()
    if clear_cache:
        _clear()
    catalog = Catalog.installed()
    folders = [bundle.locate(reference, Path.cwd(), catalog) for reference in references]
    noted = [_say_form(folder, catalog) for folder in folders]
    warn_of_broken(catalog)
    return EXIT_DONE if all(noted) else EXIT_FAILED_ITEMS


def _say_form(folder: Path, catalog: Catalog) -> bool:
    """Write a bundle's engine form, and print its size, or why there is none; returns whether there is one."""
    backend.load()
    problem = add_engine_form(bundle.load(folder, catalog))
    say(f"{printable(folder)}: {printable(problem) or described(bundle.describe(folder))}")
    return not problem


def described(manifest: Manifest) -> str:
    """The size of a bundle's engine form, in words."""
    record = manifest.form
    size = sum(file.bytes for file in record.files) if record else 0
    return f"engine form, {size / 1e6:.1f} MB" if record else "no engine form"


def _clear() -> None:
    places = Places.of_user()
    count, size = cache_size(places)
    clear_cache(places)
    left, _ = cache_size(places)
    say(f"cached engine forms: {count - left} removed, {size / 1e6:.1f} MB")
