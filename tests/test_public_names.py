"""The public names of ``img2imgkit``, at run time and in a type checker."""

import os
import shutil
import subprocess
import sys
import textwrap
import venv
from importlib import import_module

import pytest
from architecture import ROOT, homes

import img2imgkit


@pytest.mark.parametrize("name", homes())
def test_each_name_is_that_of_its_module(name):
    assert getattr(img2imgkit, name) is getattr(import_module(homes()[name]), name)


def test_all_names_are_listed():
    assert {*img2imgkit.__all__} == {*homes()} <= {*dir(img2imgkit)}
    assert "Task" in homes()


@pytest.mark.slow
def test_functions_stay_functions_once_every_module_was_imported():
    code = """
        import pkgutil
        from importlib import import_module

        import img2imgkit as kit

        for module in pkgutil.walk_packages(kit.__path__, "img2imgkit."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
        for name in ("load", "run", "train", "evaluate", "export", "import_model"):
            assert callable(getattr(kit, name)), name
        """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'img2imgkit' has no attribute 'Taskk'"):
        _ = img2imgkit.Taskk


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Run ``mypy --strict`` on a user's file and return its output lines."""
    folder = tmp_path_factory.mktemp("user")

    def check(text: str) -> list[str]:
        (folder / "sample.py").write_text(textwrap.dedent(text))
        command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary"]
        done = subprocess.run(
            [*command, "--cache-dir", "cache", "sample.py"],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env={**os.environ, "MYPYPATH": str(ROOT)},
        )
        assert not done.stderr, done.stderr
        return done.stdout.splitlines()

    return check


class TestATypeChecker:
    @pytest.mark.slow
    def test_every_name_has_its_own_type(self, checked):
        found = checked(
            "\n".join([f"from img2imgkit import {', '.join(homes())}", *map("reveal_type({})".format, homes())])
        )
        assert len(found) == len(homes())
        assert [line for line in found if "Revealed type is" not in line or line.endswith('is "Any"')] == []

    @pytest.mark.slow
    def test_correct_use_is_accepted(self, checked):
        text = """\
            from typing import assert_type

            import img2imgkit
            from img2imgkit import Catalog, Task, hookimpl

            assert_type(Catalog.installed(), Catalog)
            assert_type(img2imgkit.__version__, str)


            @hookimpl
            def name_of(task: type[Task]) -> str:
                return task.name
            """
        assert checked(text) == []

    @pytest.mark.slow
    def test_programs_are_typed(self, checked):
        text = """\
            from collections.abc import Iterator
            from pathlib import Path
            from typing import Any, assert_type

            import numpy as np
            from PIL import Image

            import img2imgkit as kit
            from img2imgkit.evaluation import Evaluation
            from img2imgkit.training import Event, Finished, Progress


            def told(event: Event) -> None:
                if isinstance(event, Progress):
                    assert_type(event.step, int)


            model = kit.load("sr-compact-x2", tile=64)
            assert_type(model, kit.LoadedModel)
            assert_type(model("a.png"), kit.LibraryPicture)
            assert model(Path("a.png")).to_array().dtype == np.uint8
            assert_type(model(Image.new("L", (2, 2))), Image.Image)
            assert_type(model.batch([Path("a.png")]), Iterator[kit.LibraryPicture])
            assert_type(kit.train({}, "run", notify=told), Finished)
            assert_type(kit.train({}, "run", notify=kit.Display()), Finished)
            assert_type(kit.run({}, notify=kit.Display())["totals"], Any)
            assert_type(kit.evaluate(model, pairs=("a", "b"), metrics=["l1"]), Evaluation)
            assert_type(kit.evaluate("x", data=Path("Set5")).mean, dict[str, float])
            imported = kit.import_model("a.pth", "bundles/a", options={"scale": 3})
            assert_type(imported.assumptions, tuple[kit.Assumption, ...])
            """
        assert checked(text) == []

    @pytest.mark.slow
    @pytest.mark.parametrize("text", ["from img2imgkit import Taskk", "import img2imgkit\nimg2imgkit.Taskk"])
    def test_a_misspelt_name_is_an_error(self, checked, text):
        (found,) = checked(text)
        assert 'has no attribute "Taskk"; maybe "Task"?' in found

    @pytest.mark.slow
    def test_a_strict_editable_installation_is_followed(self, tmp_path):
        """As CONTRIBUTING.md tells a project that uses one."""
        left_out = shutil.ignore_patterns(".*", "*.egg-info", "build", "out", "runs", "__pycache__", "tests", "docs")
        source = shutil.copytree(ROOT, tmp_path / "source", ignore=left_out)
        venv.create(tmp_path / "env", with_pip=False)
        [site] = (tmp_path / "env").rglob("site-packages")
        (site / "borrowed.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
        [python] = (tmp_path / "env").glob("*/python")
        install = ["-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
        subprocess.run([python, *install, "--config-settings", "editable_mode=strict", "-e", source], check=True)
        (tmp_path / "sample.py").write_text("import img2imgkit as kit\n\nkit.load\nkit.laod\n")
        command = [python, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary", "sample.py"]
        found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
        assert found.splitlines() == ['sample.py:4: error: Module has no attribute "laod"  [attr-defined]']
