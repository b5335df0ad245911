"""``img2img check``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from img2imgkit.catalog import Catalog
from img2imgkit.cli import EXIT_DONE, EXIT_USAGE, printable, say, show_json
from img2imgkit.cli.config import apply_user_settings, limits_option
from img2imgkit.cli.console import show_table, warn
from img2imgkit.cli.importable import ways_out
from img2imgkit.cli.progress import nothing_to_read
from img2imgkit.config import load_yaml
from img2imgkit.errors import ConfigError, Problem, ToolkitError
from img2imgkit.pipeline import make_plan, pipeline_of

if TYPE_CHECKING:
    from img2imgkit.data import Inspection


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override an option first.")
@click.option("--json", "as_json", is_flag=True, help="Print problems and findings as JSON on stdout.")
@limits_option
def command(file: Path, overrides: tuple[str, ...], as_json: bool) -> int:
    """Check FILE, a pipeline or training file, and everything it refers to, without running it.

    For a training file, every picture is decoded, the contents of its folders are shown, and the networks of its task
    are measured.

    Lists every problem with line and column, or with the picture, and then exits with 2.
    """
    problems, inspection = _checked(file, overrides)
    if as_json:
        show_json({"file": str(file), "problems": list(map(_plain, problems)), **_found(inspection)})
    elif problems:
        say("\n".join([*map(str, problems), *ways_out(each.model_file for each in problems)]))
    else:
        say(f"{file}: OK")
        _show_found(inspection)
    return EXIT_USAGE if problems else EXIT_DONE


def _checked(file: Path, overrides: tuple[str, ...]) -> tuple[Sequence[Problem], Inspection | None]:
    try:
        inspection = _check(file, overrides)
    except ConfigError as error:
        return error.problems, None
    except ToolkitError as error:
        return [Problem(str(error), file=str(file), model_file=next(iter(error.model_files), None))], None
    problems = inspection.problems if inspection else ()
    return [Problem(problem) for problem in problems], inspection


def _check(file: Path, overrides: tuple[str, ...]) -> Inspection | None:
    apply_user_settings()
    document = load_yaml(file).with_overrides(overrides, "--set")
    catalog = Catalog.installed()
    if isinstance(document.data, dict) and "task" in document.data and "steps" not in document.data:
        from img2imgkit.training import check_training_file

        return check_training_file(document, catalog)
    plan = make_plan(pipeline_of(document, catalog), catalog, dry=True)
    if not plan.jobs:
        warn(nothing_to_read(plan))
    return None


def _plain(problem: Problem) -> dict[str, Any]:
    return {"text": str(problem), **asdict(problem), "model_file": str(problem.model_file or "")}


def _found(inspection: Inspection | None) -> dict[str, Any]:
    if inspection is None:
        return {}
    return {"notes": list(inspection.notes), "contents": [asdict(each) for each in inspection.contents]}


def _show_found(inspection: Inspection | None) -> None:
    if inspection is None:
        return
    rows = [
        (each.name, each.pictures, _size(each.smallest), _size(each.largest), _modes(each.modes))
        for each in inspection.contents
    ]
    show_table(("folder", "pictures", "smallest", "largest", "modes"), rows)
    for note in inspection.notes:
        say(f"note: {printable(note)}")


def _size(size: tuple[int, int] | None) -> str:
    return f"{size[0]}x{size[1]}" if size else ""


def _modes(modes: Mapping[str, int]) -> str:
    return ", ".join(f"{mode} {count}" for mode, count in Counter(modes).most_common())
