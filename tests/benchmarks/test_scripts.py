"""Every benchmark still runs: in its tiny mode, as a process of its own, it prints tables of finite figures."""

import math
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SECONDS = 300  # far more than any of them takes; a script that waits for ever must not stop the tests
FIGURE = re.compile(r"[-+]?(\d[\d,]*\.?\d*(e[-+]?\d+)?|nan|inf)\b", re.IGNORECASE)

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
SCRIPTS = {  # the number of rows in each table; None: as many as the processor has precisions
    "against_peers": pytest.param("against_peers", [15 + 6 * (find_spec("torch") is not None)]),
    "against_pytorch": pytest.param("against_pytorch", [3], marks=needs_torch),
    "cut_in_pytorch": pytest.param("cut_in_pytorch", [2], marks=needs_torch),
    "engine_agreement": pytest.param("engine_agreement", [None, None]),
    "enlargers": pytest.param("enlargers", [2]),
    "exports": pytest.param("exports", [3]),
    "inference_overhead": pytest.param("inference_overhead", [2]),
    "kill_test": pytest.param("kill_test", [2]),
    "million_entries": pytest.param("million_entries", [1]),
    "model_index": pytest.param("model_index", [1]),
    "open_model_db": pytest.param("open_model_db", [3]),
    "parity": pytest.param("parity", [2, 2, 2]),
    "profile_step": pytest.param("profile_step", [4, 28]),
    "real_weights": pytest.param("real_weights", [1, 1, 1, 2]),
    "replicas_test": pytest.param("replicas_test", [1]),
    "resume_test": pytest.param("resume_test", [2]),
    "run_bound": pytest.param("run_bound", [2]),
    "run_overhead": pytest.param("run_overhead", [4]),
    "small_trainings": pytest.param("small_trainings", [1]),
}


def run(script, *arguments):
    line = [sys.executable, str(FOLDER / f"{script}.py"), *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=SECONDS, check=False)


def tables(text):
    """Rows of cells of each Markdown table, without its head."""
    found, inside = [], False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if cells and set("".join(cells)) <= {"-", ":"}:
            found.append([])
            inside = True
        elif cells and inside:
            found[-1].append(cells)
        inside = inside and bool(cells)
    return found


def figures(row):
    """The numbers that begin a cell."""
    return [float(match[0].replace(",", "")) for cell in row if (match := FIGURE.match(cell))]


def test_every_script_is_run_here():
    """What is no script is imported by one."""
    scripts = {path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
    assert scripts == set(SCRIPTS)


@pytest.mark.slow
@pytest.mark.parametrize(("script", "counts"), SCRIPTS.values(), ids=SCRIPTS)
def test_a_benchmark_prints_its_table_with_finite_figures(script, counts):
    process = run(script, "--tiny")
    assert process.returncode == 0, process.stderr
    found = tables(process.stdout)
    for rows, count in zip(found, counts, strict=True):
        assert len(rows) == count if count else rows, process.stdout
    for row in (row for rows in found for row in rows):
        assert figures(row), row
        assert all(math.isfinite(figure) for figure in figures(row)), row
        assert not {"failed", "refused"} & {cell.partition(":")[0] for cell in row}, row
        assert row[-1] != "no", row  # a run that was killed and finished equals one that was not


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is installed")
def test_without_pytorch_the_comparison_ends_with_an_error():
    process = run("against_pytorch", "--tiny")
    assert process.returncode == 1
    assert "No module named 'torch'" in process.stderr
    assert "PyTorch, float32: ModuleNotFoundError" in process.stderr
