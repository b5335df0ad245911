import hashlib
import os
import stat
import sys

import pytest

from img2imgkit.catalog import Catalog
from img2imgkit.registration import plugins_in
from img2imgkit.registration.plugin_files import exposure

GOOD = """
import img2imgkit as kit

class Dim(kit.Transform):
    "Darken pictures."

    name = "dim"

    class Options(kit.Config):
        "How much."

        strength: float = 0.5

    def apply(self, item):
        return item

@kit.hookimpl
def register_steps(register):
    register(Dim)
"""


@pytest.fixture
def folder(tmp_path):
    """The user's folder of plugins."""
    made = tmp_path / "plugins"
    made.mkdir(mode=0o700)
    return made


def put(folder, name="dim.py", source=GOOD):
    path = folder / name
    path.write_text(source)
    path.chmod(0o600)
    return path


def installed(folder, **environ):
    home = str(folder.parent / "home")
    return Catalog.installed({"IMG2IMG_HOME": home, "IMG2IMG_PLUGINS_DIR": str(folder), **environ})


def reasons(catalog):
    assert catalog.steps
    return {each.plugin: each.reason for each in catalog.broken}


class TestLoading:
    def test_a_file_is_a_plugin_whose_version_is_its_digest(self, folder):
        path = put(folder)
        found = installed(folder, IMG2IMG_PLUGINS="dim")
        owner = found.owner("steps", "dim")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert (owner.name, owner.distribution, owner.file) == ("dim", "dim.py", path)
        assert digest.startswith(owner.version)
        assert len(owner.version) == 12
        assert not found.broken

    def test_the_user_file_names_the_folder_too(self, folder, tmp_path):
        put(folder)
        (tmp_path / "config.yaml").write_text("plugins_dir: plugins\n")
        found = Catalog.installed({"IMG2IMG_HOME": str(tmp_path), "IMG2IMG_PLUGINS": "dim"})
        assert "dim" in found.steps

    def test_without_a_folder_there_are_none(self, tmp_path):
        assert not [each for each in Catalog.installed({"IMG2IMG_HOME": str(tmp_path)}).plugins if each.file]

    @pytest.mark.parametrize("chosen", ["", "other"])
    def test_the_variable_that_chooses_plugins_chooses_among_files(self, folder, chosen):
        put(folder)
        assert "dim" not in installed(folder, IMG2IMG_PLUGINS=chosen).steps

    @pytest.mark.parametrize("name", [".dim.py", "_dim.py", "dim.txt", "dim.pyc"])
    def test_other_files_are_left_out(self, folder, name):
        put(folder, name)
        assert plugins_in(folder) == ()

    def test_a_file_is_executed_once_until_it_changes(self, folder):
        put(folder)
        first, again = (installed(folder, IMG2IMG_PLUGINS="dim").steps["dim"] for _ in range(2))
        assert first is again
        put(folder, source=GOOD.replace("0.5", "0.25"))
        changed = installed(folder, IMG2IMG_PLUGINS="dim")
        assert changed.steps["dim"].Options().strength == 0.25
        assert sys.modules[changed.owner("steps", "dim").module].__file__ == str(folder / "dim.py")

    def test_nothing_is_written_beside_it(self, folder):
        put(folder)
        assert installed(folder, IMG2IMG_PLUGINS="dim").steps
        assert [path.name for path in folder.iterdir()] == ["dim.py"]

    def test_a_broken_file_breaks_only_itself(self, folder):
        put(folder)
        bad = put(folder, "bad.py", "def (")
        found = installed(folder, IMG2IMG_PLUGINS="dim,bad")
        assert "dim" in found.steps
        assert [(each.plugin, each.place) for each in found.broken] == [("bad", f"{bad}:1")]
        assert not [name for name in sys.modules if name.startswith("img2imgkit_plugin_bad")]

    def test_a_name_that_a_distribution_has_stays_with_it(self, folder):
        put(folder, "steps.py")
        found = installed(folder, IMG2IMG_PLUGINS="steps")
        assert reasons(found) == {"steps": "steps.py provides it, but img2imgkit already has a plugin of that name"}

    def test_an_output_depends_on_the_file_s_content(self, folder, tmp_path):
        from img2imgkit.pipeline import read_pipeline

        file = tmp_path / "p.yaml"
        steps = "[{uses: read, with: {folder: in}}, {uses: dim}, {uses: write, with: {folder: out}}]"
        file.write_text(f"name: p\nsteps: {steps}\n")
        recipes = []
        for source in (GOOD, GOOD, GOOD + "\n# changed\n"):
            put(folder, source=source)
            use = read_pipeline(file, installed(folder, IMG2IMG_PLUGINS="dim")).uses[1]
            recipes.append(use.recipe({})["plugin"])
        assert recipes[0] == recipes[1] != recipes[2]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows keeps rights in access lists")
class TestExposure:
    @pytest.mark.parametrize("bit", [stat.S_IWGRP, stat.S_IWOTH])
    @pytest.mark.parametrize("which", ["file", "folder", "above"])
    def test_what_others_can_write_is_refused(self, folder, tmp_path, bit, which):
        path = put(folder)
        place = {"file": path, "folder": folder, "above": tmp_path}[which]
        place.chmod(place.stat().st_mode | bit)
        found = installed(folder, IMG2IMG_PLUGINS="dim")
        assert reasons(found) == {"dim": f"{place}: others can write to it and so run code as you: chmod go-w {place}"}
        assert "dim" not in found.steps

    def test_a_sticky_folder_above_is_fine_as_nobody_can_rename_in_it(self, folder, tmp_path):
        path = put(folder)
        tmp_path.chmod(0o1777)
        assert exposure(path) == ""
        folder.chmod(0o1777)
        assert exposure(path).startswith(f"{folder}: others can write to it")

    def test_a_link_is_judged_by_what_it_leads_to_and_where_it_is(self, folder, tmp_path):
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(mode=0o700)
        path = put(elsewhere)
        (folder / "dim.py").symlink_to(path)
        assert exposure(folder / "dim.py") == ""
        elsewhere.chmod(0o777)
        assert exposure(folder / "dim.py").startswith(f"{elsewhere}: others")
        elsewhere.chmod(0o700)
        folder.chmod(0o777)
        assert exposure(folder / "dim.py").startswith(f"{folder}: others")

    def test_what_another_user_owns_is_refused(self, folder, monkeypatch):
        path = put(folder)
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
        monkeypatch.setattr(type(path), "stat", _owned_by(path.stat().st_uid + 2))
        assert exposure(path).startswith(f"{path}: belongs to another user")

    def test_a_broken_link_is_refused(self, folder):
        (folder / "dim.py").symlink_to(folder / "gone.py")
        assert reasons(installed(folder, IMG2IMG_PLUGINS="dim"))["dim"].startswith(
            f"{folder / 'dim.py'}: cannot be read"
        )


def _owned_by(user):
    """What ``Path.stat`` returns for a file of this user."""

    def stat_of(self, **_):
        found = list(os.stat(self))  # noqa: PTH116 - the method is replaced
        found[stat.ST_UID] = user
        return os.stat_result(found)

    return stat_of


@pytest.mark.parametrize("text", ["plugins", ".", "../plugins"])
def test_a_relative_folder_in_the_variable_is_refused(img2img, monkeypatch, folder, text):
    """Otherwise, whoever enters a folder of somebody else would run its plugins."""
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("IMG2IMG_PLUGINS_DIR", text)
    outcome = img2img("steps")
    assert outcome.code == 2
    assert outcome.err.startswith(
        f"error: IMG2IMG_PLUGINS_DIR: {text!r} is relative: state a path from the root or from ~"
    )


@pytest.mark.parametrize("text", ["/nowhere/at/all", f"/{'x' * 5000}"])
def test_a_folder_that_there_is_not_is_an_error(img2img, monkeypatch, text):
    monkeypatch.setenv("IMG2IMG_PLUGINS_DIR", text)
    outcome = img2img("steps")
    assert outcome.code == 2
    assert outcome.err.startswith("error: IMG2IMG_PLUGINS_DIR: plugins_dir: ")
    assert "Traceback" not in outcome.err
