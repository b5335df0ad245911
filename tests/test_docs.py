"""The generated pages agree with the code."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "docs" / "generate.py"


def run_generator(*arguments, **environ):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        cwd="/",
        env={**os.environ, **environ},
        check=False,
    )


def test_the_reference_agrees_with_the_code():
    """At any terminal width, and with any restriction of plugins."""
    done = run_generator("--check", COLUMNS="40", IMG2IMG_PLUGINS="")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("generate", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_sort_of_drift_is_found(generator, tmp_path):
    (tmp_path / "changed.md").write_text("old\n")
    (tmp_path / "same.md").write_text("same\n")
    (tmp_path / "stale.md").write_text("stale\n")
    pages = {"changed.md": "new\n", "same.md": "same\n", "missing.md": "missing\n"}
    found = "\n".join(generator.differences(pages, tmp_path))
    assert "-old" in found
    assert "+new" in found
    assert "+missing" in found
    assert "-stale" in found
    assert "same.md" not in found


def test_drift_is_an_error_that_names_the_fix(generator, capsys):
    assert generator.report(["--- a\n+++ b"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "--- a\n+++ b\n"
    assert "run python docs/generate.py" in captured.err


def test_no_drift_is_silent(generator, capsys):
    assert generator.report([]) == 0
    assert capsys.readouterr().out == ""


def test_figures_are_put_where_a_page_wants_them(generator, monkeypatch):
    monkeypatch.setattr(generator.figures, "TABLES", {"speed": lambda catalog: "| 7 |\n"})
    page = "before\n<!-- figures: speed -->\n| 6 |\n<!-- end of figures -->\nafter\n"
    filled = generator.figures.filled(page, None)
    assert filled == "before\n<!-- figures: speed -->\n\n| 7 |\n\n<!-- end of figures -->\nafter\n"
    assert generator.figures.filled(filled, None) == filled
    with pytest.raises(KeyError):
        generator.figures.filled(page.replace("speed", "weather"), None)


def test_figures_that_are_out_of_date_are_found(generator, tmp_path):
    page, same = tmp_path / "page.md", tmp_path / "same.md"
    page.write_text("| 6 |\n")
    same.write_text("| 7 |\n")
    [found] = generator.filled_differently({page: "| 7 |\n", same: "| 7 |\n"})
    assert "-| 6 |\n+| 7 |" in found


def test_every_table_of_figures_is_on_a_page(generator):
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")]
    named = {name for page in pages for _, name, _ in generator.figures.PLACE.findall(page)}
    assert named == generator.figures.TABLES.keys()


def test_a_cell_cannot_end_its_table(generator):
    assert generator.cell("a | b\nc") == "a \\| b c"


def test_pages_name_every_command_and_own_step():
    from img2imgkit.catalog import Catalog
    from img2imgkit.cli import COMMANDS

    commands = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    steps = (ROOT / "docs/reference/steps.md").read_text(encoding="utf-8")
    assert all(f"\n## {name}\n" in commands for name in COMMANDS)
    assert all(f"\n## {name}\n" in steps for name in Catalog.installed({"IMG2IMG_PLUGINS": ""}).steps)
