"""The public names of ``img2imgkit``, at run time and in a type checker."""

import os
import subprocess
import sys
import textwrap
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
    @pytest.mark.parametrize("text", ["from img2imgkit import Taskk", "import img2imgkit\nimg2imgkit.Taskk"])
    def test_a_misspelt_name_is_an_error(self, checked, text):
        (found,) = checked(text)
        assert 'has no attribute "Taskk"; maybe "Task"?' in found
