import json
import subprocess
import sys

import pytest

PLUGIN = '''
"""A third-party plugin."""
import img2imgkit as kit
from img2imgkit.architectures import Architecture
from pydantic import Field

class Dense(Architecture):
    """A dense network (https://example.org)."""

    name = "dense"
    roles = ("generator", "enlarger")
    uses = ("channels", "scale")
    depth: int = Field(default=3, description="layers")

    def build(self, spec): ...

@kit.hookimpl
def register_architectures(register):
    register(Dense)
'''
ABOUT = "A dense network (https://example.org)."


@pytest.fixture
def dense(install, monkeypatch):
    install("kit-dense", PLUGIN, name="dense")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "dense")


def test_they_are_listed_with_their_plugins_roles_and_checkpoints(img2img, dense):
    outcome = img2img("architectures")
    assert (outcome.code, outcome.err) == (0, "")
    rows = {line.split()[0]: line.split() for line in outcome.out.splitlines()}
    assert rows["NAME"] == ["NAME", "PLUGIN", "ROLES", "CHECKPOINTS", "ABOUT"]
    assert rows["dense"] == ["dense", "dense", "generator,", "enlarger", "no", *ABOUT.split()]
    assert rows["unet"][1:4] == ["architectures", "generator", "yes"]


def test_json_contains_the_same(img2img, dense):
    rows = {row["name"]: row for row in json.loads(img2img("architectures", "--json").out)}
    assert rows["dense"] == {
        "name": "dense",
        "plugin": "dense",
        "roles": ["generator", "enlarger"],
        "checkpoints": False,
        "about": ABOUT,
    }
    assert rows["spade"]["checkpoints"] is True


def test_one_shows_its_options_and_what_the_task_decides(img2img, dense):
    lines = img2img("architectures", "dense").out.splitlines()
    assert lines[0] == f"dense: {ABOUT}"
    assert "roles: generator, enlarger" in lines
    assert "decided by the task: channels, scale" in lines
    assert "official checkpoints: none" in lines
    assert ["depth", "integer", "3", "layers"] in [line.split() for line in lines]


def test_one_in_json(img2img, dense):
    found = json.loads(img2img("architectures", "dense", "--json").out)
    assert found["uses"] == ["channels", "scale"]
    assert [option["name"] for option in found["options"]] == ["depth"]


def test_one_shows_the_tasks_that_accept_it(img2img, monkeypatch):
    monkeypatch.setenv("IMG2IMG_PLUGINS", "cut,cyclegan,super-resolution")
    assert "tasks with an option for it: cut, cyclegan\n" in img2img("architectures", "resnet").out
    assert json.loads(img2img("architectures", "edsr", "--json").out)["tasks"] == ["super-resolution"]


def test_an_unknown_name_gets_a_suggestion(img2img, uninstall_everything):
    outcome = img2img("architectures", "unte")
    assert outcome.code == 2
    assert "no architecture 'unte' is installed; did you mean 'unet'?" in outcome.err


@pytest.mark.parametrize("arguments", [[], ["resnet"], ["resnet", "--json"]])
def test_no_tensorflow_is_loaded(arguments):
    code = (
        "import sys\nfrom img2imgkit.cli import main\n"
        f"try: main(['architectures', *{arguments!r}])\n"
        "except SystemExit as done: assert not done.code\n"
        "assert not {'keras', 'tensorflow'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
