"""Chores, hooks and the workflow for forks say the same: the same checks, the same versions of Python."""

import ast
import re
import tomllib

import yaml
from docs_pages import ROOT

CHORES = ROOT / "noxfile.py"


def sessions():
    """The functions of the noxfile that are sessions, by name, with the commands that each runs."""
    tree = ast.parse(CHORES.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    return {each.name: [*commands(each)] for each in functions}


def commands(function):
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "run":
            yield " ".join(each.value for each in node.args if isinstance(each, ast.Constant))


def pythons():
    tree = ast.parse(CHORES.read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    [found] = [node.value for node in assigned if ast.unparse(node.targets[0]) == "PYTHONS"]
    return ast.literal_eval(found)


def test_every_chore_is_in_the_page_for_contributors():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = {name for name in sessions() if f"nox -s {name}" in page}
    assert sessions().keys() - shown == {"lint"}  # which ``nox`` alone runs
    assert len(sessions()) > 5


def test_lint_is_what_the_gate_checks():
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert [command for command in sessions()["lint"] if command not in gate] == []
    assert len(sessions()["lint"]) == 4


def test_hooks_before_a_commit_are_of_the_same_checks():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    tools = {command.split()[0] for command in sessions()["lint"]}
    assert {hook["entry"].split()[0] for hook in hooks} == tools
    assert {hook["language"] for hook in hooks} == {"system"}  # nothing is fetched


def test_forks_check_every_python_on_every_system():
    jobs = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text(encoding="utf-8"))["jobs"]
    matrix = jobs["tests"]["strategy"]["matrix"]
    assert matrix["python"] == pythons()
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    called = [step["run"] for job in jobs.values() for step in job["steps"] if "nox -s" in step.get("run", "")]
    names = {name for run in called for name in run.partition("${{")[0].removesuffix("-").split()[2:]}
    assert names == {"lint", "docs", "tests", "lowest"}
    assert names <= sessions().keys()


def test_the_lowest_python_is_that_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={pythons()[0]}"


def test_the_core_for_the_lowest_versions_exists():
    named = re.findall(r"tests/\S+", (ROOT / ".ci" / "lowest").read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert len(named) > 10


def test_the_version_is_that_of_the_newest_changes():
    import img2imgkit

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    heading = next(line for line in changes if line.startswith("## "))
    assert project["version"] == img2imgkit.__version__
    assert heading.startswith((f"## [{project['version']}]", "## [Unreleased]"))
