import json
import re

import click
import pytest

from img2imgkit.cli import plugins
from img2imgkit.distributions import Change, Installation, Proof
from img2imgkit.distributions.installers import Wanted
from img2imgkit.errors import InstallError

GALLERY = """
import img2imgkit as kit
from pathlib import Path

@kit.hookimpl
def register_tasks(register):
    class Dusk(kit.Task):
        "Make it dark."

        name, data = "dusk", "paired"
        build = geometry = forward = generator_losses = translate = None

    register(Dusk)

@kit.hookimpl
def register_bundles(register):
    register(Path(__file__).parent / "night")
"""


def test_plugins_are_listed_with_what_they_provide(img2img, install, monkeypatch):
    install("kit-gallery", GALLERY, name="gallery")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "gallery")
    outcome = img2img("plugins", "--json")
    found = {row["name"]: row for row in json.loads(outcome.out)}
    assert (outcome.code, outcome.err) == (0, "")
    assert found["gallery"] == {
        "name": "gallery",
        "distribution": "kit-gallery",
        "version": "1.2.3",
        "file": None,
        "contract": None,
        "hooks": ["register_tasks", "register_bundles"],
        "brings": {"tasks": ["dusk"], "bundles": ["night"]},
        "broken": [],
    }
    assert found["data-kinds"]["hooks"] == ["register_data_kinds"]
    assert "paired" in found["data-kinds"]["brings"]["data_kinds"]
    assert "read" in found["steps"]["brings"]["steps"]
    assert "torch" in found["importers"]["brings"]["importers"]
    assert "onnx" in found["exporters"]["brings"]["exporters"]


def test_a_broken_plugin_is_listed_and_named_on_stderr(img2img, install, monkeypatch):
    install("kit-bad", "raise SystemExit('no licence')", name="bad")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "bad")
    outcome = img2img("plugins")
    line = next(line for line in outcome.out.splitlines() if line.startswith("bad"))
    assert outcome.code == 0
    assert "kit-bad 1.2.3" in line
    assert "SystemExit: no licence" in line
    assert re.fullmatch(
        r"warning: plugin 'bad' is broken: SystemExit: no licence \(.*plugin_kit_bad.*\.py:1\)\n", outcome.err
    )


def test_a_broken_hook_is_listed_too(img2img, install, monkeypatch):
    install("half", GALLERY.replace("register(Path(__file__).parent / ", "register("))
    monkeypatch.setenv("IMG2IMG_PLUGINS", "half")
    outcome = img2img("plugins", "--json")
    (row,) = [row for row in json.loads(outcome.out) if row["name"] == "half"]
    assert "pathlib.Path" in row["broken"][0]


STEP = """
import img2imgkit as kit
from pydantic import Field

class Dim(kit.Transform):
    "Darken pictures."

    name = "dim"

    class Options(kit.Config):
        "How much."

        strength: float = Field(0.5, description="how dark")

    def apply(self, item):
        return item

@kit.hookimpl
def register_steps(register):
    register(Dim)
"""


@pytest.fixture
def dim(install, monkeypatch):
    """An installed plugin with one step."""
    install("kit-dim", STEP, name="dim")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "dim")


def test_list_is_what_the_group_prints(img2img, dim):
    assert img2img("plugins", "list", "--json").out == img2img("plugins", "--json").out
    assert img2img("plugins", "list").out == img2img("plugins").out


class TestNew:
    def test_a_project_is_written_and_what_to_do_is_told(self, img2img, tmp_path, uninstall_everything):
        outcome = img2img("plugins", "new", "old-photo", "--step", "--output", tmp_path)
        assert (outcome.code, outcome.err) == (0, "")
        folder = tmp_path / "img2img-old-photo"
        assert f"wrote {folder / 'pyproject.toml'}" in outcome.out
        assert re.search(rf"Your code, \d+ lines: {folder}/src/img2img_old_photo/step\.py", outcome.out)
        assert outcome.out.endswith(f"Install it: img2img plugins install -e {folder}\n")

    @pytest.mark.parametrize("options", [(), ("--step", "--task")])
    def test_exactly_one_template_is_stated(self, img2img, options, tmp_path):
        outcome = img2img("plugins", "new", "old-photo", *options, "--output", tmp_path)
        assert outcome.code == 2
        assert "state what it is: one of --task, --step, --source, --sink, --exporter, --importer" in outcome.err
        assert not [*tmp_path.iterdir()]

    def test_an_existing_folder_is_refused(self, img2img, tmp_path, uninstall_everything):
        (tmp_path / "img2img-dim").mkdir()
        outcome = img2img("plugins", "new", "dim", "--sink", "--output", tmp_path)
        assert outcome.code == 2
        assert outcome.err.startswith(f"error: {tmp_path / 'img2img-dim'}: already exists")

    def test_every_template_has_an_option(self):
        assert set(plugins._ABOUT) == set(plugins.TEMPLATES)


class TestInstall:
    PLAN = Installation(Wanted("x"), (Change("kit-x", "1.0", "2.0", "https://a.example/x.whl"),))

    @pytest.fixture
    def calls(self, monkeypatch):
        """What was asked of the installer, which installs nothing; rows of what was installed are put into it."""
        made = {"rows": [], "asked": None, "installed": False}

        def plan(*arguments):
            made["asked"] = arguments
            return self.PLAN

        def install(planned):
            made["installed"] = True
            return made["rows"]

        monkeypatch.setattr(plugins, "plan_installation", plan)
        monkeypatch.setattr(plugins, "install_planned", install)
        return made

    def test_the_plan_is_shown_first_and_needs_consent(self, img2img, calls):
        outcome = img2img("plugins", "install", "x", "-e", "-U")
        assert calls["asked"] == ("x", True, True)
        assert not calls["installed"]
        assert outcome.code == 2
        assert outcome.out.split() == [
            "DISTRIBUTION",
            "INSTALLED",
            "NEW",
            "FROM",
            "kit-x",
            "1.0",
            "2.0",
            "https://a.example/x.whl",
        ]
        assert "nothing was installed: confirm at a terminal, or state --yes" in outcome.err

    def test_the_user_may_refuse(self, img2img, calls, monkeypatch):
        monkeypatch.setattr(plugins.sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(plugins, "confirmed", lambda question: False)
        outcome = img2img("plugins", "install", "x")
        assert (outcome.code, calls["installed"]) == (130, False)

    @pytest.mark.parametrize("broken", [[], ["no licence"]])
    def test_what_was_installed_is_named_and_what_is_broken(self, img2img, calls, broken):
        calls["rows"] = [
            {"name": "x", "distribution": "kit-x", "version": "2.0", "hooks": [], "brings": {}, "broken": broken}
        ]
        outcome = img2img("plugins", "install", "x", "--yes")
        assert "installed plugin x of kit-x 2.0: nothing" in outcome.out
        assert outcome.code == len(broken)
        assert outcome.err == "".join(f"plugin 'x' is broken: {each}\n" for each in broken)

    def test_what_has_no_plugin_is_told(self, img2img, calls):
        outcome = img2img("plugins", "install", "x", "--yes")
        assert outcome.code == 1
        assert "installed, but no plugin of img2imgkit is in kit-x: pip uninstall removes it" in outcome.err

    def test_what_is_there_already_changes_nothing(self, img2img, monkeypatch):
        monkeypatch.setattr(plugins, "plan_installation", lambda *_: Installation(Wanted("x"), ()))
        outcome = img2img("plugins", "install", "x")
        assert (outcome.code, outcome.out) == (0, "already installed: nothing would change\n")

    def test_a_refusal_is_one_line(self, img2img, monkeypatch):
        def refuse(*_):
            raise InstallError("x 1 needs numpy<2")

        monkeypatch.setattr(plugins, "plan_installation", refuse)
        outcome = img2img("plugins", "install", "x")
        assert (outcome.code, outcome.err) == (2, "error: x 1 needs numpy<2\n")


class TestUninstall:
    def test_it_needs_consent(self, img2img, dim, monkeypatch):
        gone = []
        monkeypatch.setattr(plugins, "uninstall_distribution", gone.append)
        assert img2img("plugins", "uninstall", "dim").code == 2
        assert gone == []
        assert img2img("plugins", "uninstall", "dim", "--yes").out == "uninstalled kit-dim\n"
        assert gone == ["kit-dim"]

    def test_a_file_is_to_be_removed_by_the_user(self, img2img, tmp_path, monkeypatch):
        tmp_path.chmod(0o700)
        (tmp_path / "dim.py").write_text(STEP)
        (tmp_path / "dim.py").chmod(0o600)
        monkeypatch.setenv("IMG2IMG_PLUGINS_DIR", str(tmp_path))
        monkeypatch.setenv("IMG2IMG_PLUGINS", "dim")
        outcome = img2img("plugins", "uninstall", "dim", "--yes")
        assert outcome.code == 2
        assert f"plugin 'dim' is the file {tmp_path / 'dim.py'}; remove the file instead" in outcome.err


class TestCheck:
    PROOFS = (
        Proof("dim", "steps", "dim", "proved"),
        Proof("dim", "steps", "dark", "not proved", "it takes longer than 10 s"),
        Proof("dim", "tasks", "night", "broken", "the radius\nis wrong", "Traceback: line 7"),
    )

    @pytest.fixture
    def proofs(self, monkeypatch, dim):
        """Let the contract tests find some of ``PROOFS``."""

        def find(*numbers):
            monkeypatch.setattr(plugins, "prove", lambda *_: iter([self.PROOFS[number] for number in numbers]))

        return find

    def test_each_proof_is_a_line(self, img2img, proofs):
        proofs(0, 1, 2)
        outcome = img2img("plugins", "check")
        assert outcome.code == 1
        assert outcome.out.splitlines() == [
            "dim: step dim: proved",
            "dim: step dark: not proved: it takes longer than 10 s",
            "dim: task night: broken: the radius is wrong",
            "dim: states no contract version; add IMG2IMG_CONTRACT = 1 to its module",
            "1 proved, 1 broken, 1 not proved",
        ]

    def test_a_traceback_is_printed_if_wanted(self, img2img, proofs):
        proofs(2)
        assert "Traceback: line 7" not in img2img("plugins", "check").out
        assert "\nTraceback: line 7\n" in img2img("plugins", "check", "--traceback").out
        assert "traceback" not in json.loads(img2img("plugins", "check", "--json").out)["proofs"][0]
        assert json.loads(img2img("plugins", "check", "--json", "--traceback").out)["proofs"][0]["traceback"]

    @pytest.mark.parametrize(
        ("numbers", "options", "code"),
        [((0,), (), 0), ((0, 1), (), 0), ((0, 1), ("--strict",), 1), ((2,), (), 1), ((0,), ("--strict",), 1)],
    )
    def test_the_exit_code_is_for_ci(self, img2img, proofs, numbers, options, code):
        """The plugin states no contract version, which is why the last one fails."""
        proofs(*numbers)
        assert img2img("plugins", "check", *options).code == code

    def test_one_that_cannot_be_loaded_is_broken(self, img2img, install, monkeypatch):
        install("kit-bad", "raise RuntimeError('no licence')", name="bad")
        monkeypatch.setenv("IMG2IMG_PLUGINS", "bad")
        outcome = img2img("plugins", "check", "bad", "--traceback")
        assert outcome.code == 1
        assert outcome.out.startswith("bad: broken: RuntimeError: no licence (")
        assert "Traceback (most recent call last)" in outcome.out

    def test_an_unknown_name_gets_a_suggestion(self, img2img, dim):
        outcome = img2img("plugins", "check", "kit-din")
        assert outcome.code == 2
        assert "no plugin 'kit-din' is installed; did you mean 'kit-dim'" in outcome.err

    def test_without_a_name_the_toolkit_s_own_are_left_out(self, img2img, uninstall_everything):
        outcome = img2img("plugins", "check")
        assert (outcome.code, outcome.out) == (0, "0 proved, 0 broken, 0 not proved\n")


class TestDocs:
    def test_things_are_shown_with_their_options(self, img2img, dim):
        outcome = img2img("plugins", "docs", "dim")
        assert outcome.code == 0
        assert outcome.out.startswith("step dim\n========\nDarken pictures.\n\noptions\n")
        assert re.search(r"strength +number +0\.5 +how dark", outcome.out)

    def test_json_has_the_schema_too(self, img2img, dim):
        (thing,) = json.loads(img2img("plugins", "docs", "kit-dim", "--json").out)
        assert (thing["plugin"], thing["kind"], thing["name"]) == ("dim", "steps", "dim")
        assert thing["options"][0]["schema"]["properties"]["strength"]["type"] == "number"

    def test_components_and_tasks_have_options_of_their_own(self, img2img):
        shown = img2img("plugins", "docs", "pix2pix").out
        assert "task pix2pix" in shown
        assert "\nweights\n" in shown
        assert "architecture unet" in img2img("plugins", "docs", "architectures").out

    def test_one_that_provides_nothing_says_so(self, img2img, install, monkeypatch):
        install("kit-empty", "", name="empty")
        monkeypatch.setenv("IMG2IMG_PLUGINS", "empty")
        assert img2img("plugins", "docs", "empty").out == "It provides nothing.\n"


def test_the_group_has_its_commands():
    assert set(plugins.command.commands) == {"list", "new", "install", "uninstall", "check", "docs"}
    assert isinstance(plugins.command, click.Group)
