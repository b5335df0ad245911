"""New projects: their files, which are linted, typed and tested as they are written; refused names."""

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.distributions import TEMPLATES, new_project
from img2imgkit.distributions.new_project import lines_of, rendered
from img2imgkit.errors import ConfigError
from img2imgkit.hooks import CONTRACT

ROOT = Path(__file__).parents[2]
NAMES = ("old-photo", "x2", "sepia")


@pytest.fixture(scope="module")
def catalog():
    return Catalog.installed()


@pytest.fixture(scope="module")
def projects(tmp_path_factory, catalog):
    """A project of each template."""
    folder = tmp_path_factory.mktemp("projects")
    return {template: new_project(f"my-{template}", template, folder, catalog).folder for template in TEMPLATES}


def python(*arguments, cwd, **variables):
    command = [sys.executable, "-m", *map(str, arguments)]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_the_template_is_left(template, name):
    module, title = name.replace("-", "_"), "".join(map(str.capitalize, name.split("-")))
    files = rendered(name, template)
    for path, text in files.items():
        assert "newcomer" not in f"{path}{text}".lower()
    assert f"class {title}(" in "".join(files.values())
    points = tomllib.loads(files[Path("pyproject.toml")])["project"]["entry-points"]["img2imgkit"]
    assert points == {name: f"img2img_{module}"}
    assert yaml.safe_load(files[Path(".github/workflows/test.yml")])["jobs"]["test"]["steps"]
    kinds = (".github/workflows/test.yml", ".gitignore", "README.md", "tests/test_contract.py")
    assert {*map(Path, kinds), Path(f"src/img2img_{module}/__init__.py")} <= {*files}


def test_the_readme_ends_with_how_it_is_used():
    text = rendered("old-photo", "step")[Path("README.md")]
    assert text.startswith("# img2img-old-photo")
    assert text.rstrip().endswith("- {uses: old-photo, with: {strength: 0.5}}\n```")


def test_the_prefix_may_be_stated():
    with pytest.raises(ConfigError, match="name 'read': plugin 'steps' already has a step of that name"):
        new_project("img2img-read", "step", Path("nowhere"), Catalog.installed({"IMG2IMG_PLUGINS": ""}))


@pytest.mark.parametrize("name", ["", "Old", "old_photo", "old--photo", "-old", "../old", "2old", "old photo", "ö"])
def test_a_name_that_is_none_is_refused(name, tmp_path, catalog):
    with pytest.raises(ConfigError, match="expected small letters, digits and dashes, such as 'old-photo'"):
        new_project(name, "step", tmp_path, catalog)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("name", "template", "reason"),
    [
        ("none", "step", "its class would be called None, a word of Python's"),
        ("path", "source", "source.py imports something called Path"),
        ("steps", "metric", "img2imgkit already has a plugin of that name"),
        ("pix2pix", "task", "plugin 'pix2pix' already has a task of that name"),
    ],
)
def test_a_name_that_is_taken_is_refused(name, template, reason, tmp_path, catalog):
    with pytest.raises(ConfigError, match=reason):
        new_project(name, template, tmp_path, catalog)


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("gone")])
def test_an_existing_place_is_refused(make, tmp_path, catalog):
    make(tmp_path / "img2img-sepia")
    with pytest.raises(ConfigError, match=r"img2img-sepia: already exists; choose another name or place, or remove it"):
        new_project("sepia", "step", tmp_path, catalog)


def test_what_cannot_be_written_whole_is_not_left(tmp_path, catalog, monkeypatch):
    write, done = Path.write_text, []

    def fail(self, *arguments, **options):
        if len(done) == 3:
            raise OSError(28, "No space left on device")
        done.append(self)
        return write(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="No space left"):
        new_project("sepia", "step", tmp_path, catalog)
    assert len(done) == 3
    assert not (tmp_path / "img2img-sepia").exists()


@pytest.mark.parametrize("template", TEMPLATES)
def test_lines_are_counted_without_empty_ones(template, tmp_path, catalog):
    made = new_project("sepia", template, tmp_path, catalog)
    text = (made.folder / "src/img2img_sepia" / f"{template.replace('-', '_')}.py").read_text()
    assert made.written == len([line for line in text.splitlines() if line.strip()])
    assert set(made.files) == {path for path in made.folder.rglob("*") if path.is_file()}


def test_the_page_states_how_many_lines_a_person_writes():
    page = " ".join((ROOT / "docs" / "plugins.md").read_text(encoding="utf-8").split())
    lines = {template: lines_of(rendered("x", template), template) for template in TEMPLATES}
    stated = "is {task} lines; of a step {step}, of an architecture {architecture} (".format(**lines)
    assert stated in page


@pytest.mark.parametrize("template", TEMPLATES)
def test_its_entry_point_registers_one_thing_of_its_kind(template, projects, monkeypatch):
    monkeypatch.syspath_prepend(projects[template] / "src")
    about = tomllib.loads((projects[template] / "pyproject.toml").read_text())["project"]
    [(name, module)] = about["entry-points"]["img2imgkit"].items()
    plugin = Plugin(name, lambda: import_module(module), about["name"], about["version"], module)
    found = Catalog((*Catalog.installed({"IMG2IMG_PLUGINS": ""}).plugins, plugin))
    things = getattr(found, TEMPLATES[template])
    assert [thing for thing in things if found.owner(TEMPLATES[template], thing) is plugin] == [name]
    assert found.contract(name) == CONTRACT
    assert found.broken == ()


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_project_is_formatted_and_linted(template, projects):
    rules = ["--select", "E,F,I,UP,B,SIM,RUF,PL,PT,RET,C4,PTH,ERA", "--ignore", "PLC0415,PLR0913,PLR2004"]
    for command in (["check", *rules], ["format", "--check"]):
        options = ["--isolated", "--no-cache", "--line-length=120", "--target-version=py311", "."]
        done = python("ruff", *command, *options, cwd=projects[template])
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_projects_are_typed(projects):
    """As strictly as this project, and with what it knows of img2imgkit already."""
    sources = [folder / "src" for folder in projects.values()]
    packages = [f"-p={path.name}" for source in sources for path in source.iterdir()]
    done = python("mypy", *packages, cwd=ROOT, MYPYPATH=os.pathsep.join(map(str, sources)))
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_projects_pass_their_contract_tests(projects):
    """But for the task, whose test is part of the whole life of a plugin."""
    folders = [folder for template, folder in projects.items() if template != "task"]
    sources = os.pathsep.join(str(folder / "src") for folder in folders)
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    tests = [folder / "tests" for folder in folders]
    done = python("pytest", *options, *tests, cwd=folders[0].parent, PYTHONPATH=sources)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(TEMPLATES) - 1} passed" in done.stdout
