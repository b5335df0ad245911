import json
import re

import pytest

from img2imgkit.catalog import Catalog

PLUGIN = '''
import img2imgkit as kit
from pydantic import Field
from typing import Literal

class Tint(kit.Transform):
    """Add a tint [half].

    More about it.
    """

    name = "tint"

    class Options(kit.Config):
        """How."""

        colour: Literal["red", "green"] = Field(description="which colour")
        strength: float | None = Field(default=0.5, description="how strongly")
        steps: tuple[int, ...] = ()

    def apply(self, item):
        return item

@kit.hookimpl
def register_steps(register):
    register(Tint)
'''


@pytest.fixture
def tint(install, monkeypatch):
    install("kit-tint", PLUGIN, name="tint")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "tint")


def test_steps_are_listed_with_plugin_kind_and_first_line(img2img, tint):
    outcome = img2img("steps")
    lines = {line.split()[0]: line for line in outcome.out.splitlines()}
    assert outcome.code == 0
    assert set(lines) == {"NAME", *Catalog.installed({"IMG2IMG_PLUGINS": "tint"}).steps}
    assert lines["tint"].split(None, 3) == ["tint", "tint", "transform", "Add a tint [half]."]
    assert lines["read"].split()[1:3] == ["steps", "source"]
    assert lines["write"].split()[1:3] == ["steps", "sink"]


def test_json_contains_the_same(img2img, tint):
    rows = json.loads(img2img("steps", "--json").out)
    assert {"name": "tint", "plugin": "tint", "kind": "transform", "about": "Add a tint [half]."} in rows


def test_one_step_shows_its_options(img2img, tint):
    lines = img2img("steps", "tint").out.splitlines()
    assert lines[0] == "tint (transform): Add a tint [half]."
    assert [line.split() for line in lines[2:]] == [
        ["OPTION", "TYPE", "DEFAULT", "DESCRIPTION"],
        ["colour", '"red"', "or", '"green"', "(required)", "which", "colour"],
        ["strength", "number", "or", "null", "0.5", "how", "strongly"],
        ["steps", "list", "of", "integer", "[]"],
    ]


def test_one_step_in_json(img2img, tint):
    found = json.loads(img2img("steps", "tint", "--json").out)
    assert found["options"][1] == {
        "name": "strength",
        "type": "number or null",
        "required": False,
        "default": 0.5,
        "description": "how strongly",
    }


def test_an_unknown_step_gets_a_suggestion(img2img, uninstall_everything):
    outcome = img2img("steps", "wriet")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no step 'wriet' is installed; did you mean 'write'?" in outcome.err


def test_a_broken_plugin_is_one_line_on_stderr_and_nothing_else(img2img, install, monkeypatch):
    install("bad", "raise RuntimeError('two\\nlines')")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "bad")
    outcome = img2img("steps", "--json")
    assert outcome.code == 0
    assert "read" in {row["name"] for row in json.loads(outcome.out)}
    assert re.fullmatch(r"warning: plugin 'bad' is broken: RuntimeError: two lines \(\S+\.py:1\)\n", outcome.err)
