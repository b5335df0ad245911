"""``img2img inspect``: propose the description of an ONNX file of other software."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from img2imgkit.cli import EXIT_DONE, EXIT_FAILED_ITEMS, print_stderr, say, show_json
from img2imgkit.cli.console import json_option, show_table
from img2imgkit.config import assignments
from img2imgkit.inference import inspect_onnx

if TYPE_CHECKING:
    from img2imgkit.inference import Inspection

_HOW = {"graph": "sure: the graph", "run": "measured", "stated": "stated", "guess": "guess", "unknown": "unknown"}


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--set", "stated", multiple=True, metavar="KEY=VALUE", help="An option of the description that you know.")
@json_option
def command(file: Path, stated: tuple[str, ...], as_json: bool) -> int:
    """Propose how to describe FILE, an ONNX file of other software, to a translate step.

    The graph is read, and run on small pictures: scale, margin, multiple, minimum and receptive radius are measured.
    Each option is listed with how it is known; guesses need your judgement. The last lines are a step for a pipeline.

    \b
    img2img inspect models/x4.onnx
    img2img inspect models/mask.onnx --set mean=[0.485,0.456,0.406] --set std=[0.229,0.224,0.225]
    """
    found = inspect_onnx(file, assignments(stated, "--set", "scale=4"))
    if as_json:
        show_json(_plain(found))
    else:
        _show(found)
    if found.problem:
        print_stderr(f"{file}: does not run as described: {found.problem}")
    return EXIT_FAILED_ITEMS if found.problem else EXIT_DONE


def _plain(found: Inspection) -> dict[str, Any]:
    return {
        "path": str(found.path),
        "ports": list(found.ports),
        "findings": [asdict(each) for each in found.findings],
        "describe": found.proposal,
        "problem": found.problem or None,
    }


def _show(found: Inspection) -> None:
    for port in found.ports:
        say(port)
    say()
    rows = [(each.option, _value(each.value), _HOW[each.source], each.reason) for each in found.findings]
    show_table(("option", "value", "known", "why"), rows)
    say()
    for line in _step(found):
        say(line)


def _step(found: Inspection) -> Iterator[str]:
    """A step with the proposal, as YAML."""
    yield "  - uses: translate"
    yield "    with:"
    yield f"      bundle: {json.dumps(str(found.path), ensure_ascii=False)}"
    if not found.proposal:
        yield "      describe: {}"
        return
    yield "      describe:"
    for each in found.findings:
        if each.value is not None:
            note = "  # a guess" if each.source == "guess" else ""
            yield f"        {each.option}: {_value(each.value)}{note}"


def _value(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) and value.isidentifier() else json.dumps(value, ensure_ascii=False)
