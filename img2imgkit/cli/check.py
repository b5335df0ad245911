"""``img2img check``."""

from __future__ import annotations

from pathlib import Path

import click

from img2imgkit.catalog import Catalog
from img2imgkit.cli import EXIT_DONE, EXIT_USAGE, show_json
from img2imgkit.config import load_yaml
from img2imgkit.errors import ConfigError, ToolkitError
from img2imgkit.pipeline import make_plan, read_pipeline


@click.command(short_help="Check a pipeline or training file without running it.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change an option first.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON on stdout.")
def command(file: Path, overrides: tuple[str, ...], as_json: bool) -> int:
    """Check FILE, a pipeline or a training file, and all that it needs, without running it.

    Exits with 2 when something is wrong, and shows everything that is, each with line and column.
    """
    problems = _problems(file, overrides)
    if as_json:
        show_json({"file": str(file), "problems": problems})
    elif problems:
        click.echo("\n".join(str(problem["text"]) for problem in problems))
    else:
        click.echo(f"{file}: good")
    return EXIT_USAGE if problems else EXIT_DONE


def _problems(file: Path, overrides: tuple[str, ...]) -> list[dict[str, object]]:
    try:
        _check(file, overrides)
    except ConfigError as error:
        return [
            {"text": str(p), "message": p.message, "key": p.key, "file": p.file, "line": p.line, "column": p.column}
            for p in error.problems
        ]
    except ToolkitError as error:
        return [{"text": str(error), "message": str(error), "key": "", "file": str(file), "line": 0, "column": 0}]
    return []


def _check(file: Path, overrides: tuple[str, ...]) -> None:
    data = load_yaml(file).data
    catalog = Catalog.installed()
    if isinstance(data, dict) and "task" in data and "steps" not in data:
        from img2imgkit.training import check_training_file

        check_training_file(file, catalog, overrides)
    else:
        make_plan(read_pipeline(file, catalog, overrides), catalog)
