import sys
from types import SimpleNamespace

import pytest

from img2imgkit.distributions import installers
from img2imgkit.distributions.installers import (
    Change,
    Pip,
    Uv,
    Wanted,
    conflict,
    installer,
    pipx_command,
    uv_tool_command,
)
from img2imgkit.errors import InstallError

PINS = {"numpy": "2.4.0", "ml-dtypes": "0.5.4"}
PIP_SAYS = """
ERROR: Cannot install img2img-bad==0.1.0 because these package versions have conflicting dependencies.

The conflict is caused by:
    img2img-bad 0.1.0 depends on numpy<2
    The user requested (constraint) numpy==2.4.0

To fix this you could try to:
"""
UV_SAYS_SHORTER = """
error: No solution found when resolving dependencies
  cause: Because all versions of img2img-bad depend on numpy<2 and numpy==2.4.0, we can conclude that all versions of
         img2img-bad cannot be used.
"""
UV_SAYS = """
  × No solution found when resolving dependencies:
  ╰─▶ Because only img2img-bad==0.1.0 is available and img2img-bad==0.1.0 depends on
      numpy<2, we can conclude that all versions of img2img-bad depend on numpy<2.
      And because you require img2img-bad and numpy==2.4.0, we can conclude that your
      requirements are unsatisfiable.
"""
SENTENCE = (
    "img2img-bad 0.1.0 needs numpy<2, but img2imgkit works here with numpy 2.4.0, which must not change: "
    "ask its author for a version that fits, or install both in another environment"
)


@pytest.fixture
def says(monkeypatch):
    """Let the installer say something: ``calls = says("text", code)``; the commands come back."""
    calls = []

    def set_answer(text, code=0):
        def run(command, **_):
            calls.append(list(command))
            return SimpleNamespace(returncode=code, stdout=text.encode())

        monkeypatch.setattr(installers.subprocess, "run", run)
        return calls

    return set_answer


class TestConflicts:
    @pytest.mark.parametrize(
        ("said", "sentence"),
        [
            (PIP_SAYS, SENTENCE),
            (UV_SAYS, SENTENCE),
            (UV_SAYS_SHORTER, SENTENCE.replace("img2img-bad 0.1.0", "img2img-bad")),
        ],
    )
    def test_who_would_change_what_is_named(self, said, sentence):
        assert conflict(said, PINS) == sentence

    def test_one_for_a_later_toolkit_asks_for_that(self):
        said = "    dim 2.0 depends on img2imgkit>=0.5\n    The user requested (constraint) img2imgkit==0.1.0"
        assert conflict(said, {"img2imgkit": "0.1.0"}) == (
            "dim 2.0 needs img2imgkit>=0.5, but 0.1.0 is installed: upgrade img2imgkit first, or install a version of "
            "the plugin for this one"
        )

    def test_what_the_toolkit_itself_needs_is_not_to_blame(self):
        own = "    img2imgkit 0.1.0 depends on numpy>=2.0\n    ml_dtypes 0.5.4 depends on numpy>=1.2\n"
        assert conflict(own, {**PINS, "img2imgkit": "0.1.0"}) == ""
        assert (
            conflict(PIP_SAYS.replace("    img2img-bad", f"{own}    img2img-bad"), {**PINS, "img2imgkit": "0.1.0"})
            == SENTENCE
        )

    @pytest.mark.parametrize("spelling", ["ml_dtypes", "ML.dtypes", "ml-dtypes"])
    def test_names_are_compared_as_indexes_do(self, spelling):
        assert "ml-dtypes 0.5.4" in conflict(f"    bad 1 depends on {spelling}>=1", PINS)

    @pytest.mark.parametrize("said", ["", "bad 1 depends on torch>=1", "bad 1 depends on numpy and more", "numpy<2"])
    def test_another_failure_is_none(self, said):
        assert conflict(said, PINS) == ""

    def test_it_is_the_error_of_an_installation(self, says):
        says(PIP_SAYS, 1)
        with pytest.raises(InstallError) as caught:
            Pip().plan(Wanted("img2img-bad", pins=PINS))
        assert str(caught.value) == SENTENCE

    @pytest.mark.parametrize(
        ("said", "told"),
        [
            ("Looking\nERROR: No matching distribution found for x\n", "No matching distribution found for x"),
            (
                "Using\nerror: Failed to parse: `x y`\n  cause: a space\n\nhint: none\n",
                "Failed to parse: `x y` cause: a space",
            ),
            ("something\nelse\n", "something else"),
            ("", "the installer said nothing"),
        ],
    )
    def test_other_failures_keep_the_installer_s_words(self, says, said, told):
        says(said, 1)
        with pytest.raises(InstallError) as caught:
            Uv(("uv",)).install(Wanted("x"))
        assert str(caught.value) == told


class TestCommands:
    def test_options_of_a_user_become_those_of_the_installer(self, says):
        calls = says("")
        Pip().install(Wanted("./here", editable=True, upgrade=True))
        Uv(("uv",)).install(Wanted("name"))
        Uv(("uv",)).uninstall("name")
        pip, uv, gone = calls
        assert pip[:3] == [sys.executable, "-m", "pip"]
        assert pip[-3:] == ["--upgrade", "--editable", "./here"]
        assert uv[:3] == ["uv", "pip", "install"]
        assert f"--python={sys.executable}" in uv
        assert uv[-1] == "name"
        assert not {"--upgrade", "--editable"} & {*uv}
        assert gone == ["uv", "pip", "uninstall", f"--python={sys.executable}", "name"]

    def test_what_uv_would_do_is_read_from_its_lines(self, says):
        says(
            "Resolved 3 packages in 9ms\nWould download 1 package\n"
            " - img2img-dim==0.1.0\n + img2img-dim==0.2.0 (from file:///tmp/dim)\n + other-thing==1.0\n"
        )
        assert Uv(("uv",)).plan(Wanted("x")) == (
            Change("img2img-dim", "0.1.0", "0.2.0", "file:///tmp/dim"),
            Change("other-thing", "", "1.0"),
        )

    @pytest.mark.parametrize(
        ("modules", "program", "found"), [({"pip", "uv"}, "/bin/uv", Pip), ({"uv"}, None, Uv), ((), "/bin/uv", Uv)]
    )
    def test_pip_is_preferred_to_uv(self, monkeypatch, modules, program, found):
        monkeypatch.setattr(installers, "find_spec", lambda name: name if name in modules else None)
        monkeypatch.setattr(installers.shutil, "which", lambda name: program)
        assert isinstance(installer(), found)

    def test_without_either_the_way_out_is_named(self, monkeypatch):
        monkeypatch.setattr(installers, "find_spec", lambda name: None)
        monkeypatch.setattr(installers.shutil, "which", lambda name: None)
        with pytest.raises(InstallError, match=r"has neither pip nor uv: .* -m ensurepip adds pip"):
            installer()


class TestOtherManagers:
    def test_pipx_injects(self):
        assert pipx_command("install", "img2imgkit", "img2img-dim", False) == "pipx inject img2imgkit img2img-dim"
        assert pipx_command("install", "img2imgkit", "a b", True) == "pipx inject --editable img2imgkit 'a b'"
        assert pipx_command("uninstall", "img2imgkit", "img2img-dim", False) == "pipx uninject img2imgkit img2img-dim"

    def test_uv_makes_its_tool_anew_with_all_that_it_had(self):
        with_extras = {"name": "img2imgkit", "extras": ["raw", "exr"], "specifier": ">=0.2"}
        assert uv_tool_command("uninstall", [with_extras], "x", False) == "uv tool install 'img2imgkit[raw,exr]>=0.2'"
        has = [{"name": "img2imgkit", "specifier": "==0.2"}, {"name": "img2img-dim"}, {"name": "e", "editable": "/e"}]
        before = "uv tool install img2imgkit==0.2"
        assert uv_tool_command("install", has, "new", False) == (
            f"{before} --with img2img-dim --with-editable /e --with new"
        )
        assert uv_tool_command("install", has, "./new", True).endswith("--with-editable ./new")
        assert uv_tool_command("uninstall", has, "img2img-dim", False) == f"{before} --with-editable /e"
        assert uv_tool_command("install", [], "new", False) == "uv tool install img2imgkit --with new"
        local = [{"name": "img2imgkit", "directory": "/src/kit"}]
        assert uv_tool_command("install", local, "new", False) == "uv tool install /src/kit --with new"
