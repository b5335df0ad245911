import json

import pytest

TASK = '''
"""A third-party plugin."""
import img2imgkit as kit
from pydantic import Field

@kit.hookimpl
def register_tasks(register):
    class Blur(kit.Task):
        """Learn to blur (arXiv:1501.00092)."""

        name = "blur"
        data = "paired"

        class Options(kit.Config):
            """How wide."""

            width: int = Field(default=8, description="filters")

        class Choices(kit.Config):
            """How much."""

            strength: float = Field(default=0.5, description="of the blur")

        class Weights(kit.Config):
            """Loss coefficients."""

            l1: float = 1.0

        def build(self): ...
        def geometry(self):
            return kit.Geometry()
        def forward(self, nets, batch): ...
        def generator_losses(self, nets, batch, out): ...
        def translate(self, nets, inputs): ...

    register(Blur)
'''


@pytest.fixture
def blur(install, monkeypatch):
    install("kit-blur", TASK, name="blur")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "blur")


def test_tasks_are_listed(img2img, blur):
    lines = [line.split(None, 3) for line in img2img("tasks").out.splitlines()]
    assert lines == [
        ["NAME", "PLUGIN", "DATA", "ABOUT"],
        ["blur", "blur", "paired", "Learn to blur (arXiv:1501.00092)."],
    ]


def test_json_contains_the_same(img2img, blur):
    about = "Learn to blur (arXiv:1501.00092)."
    assert json.loads(img2img("tasks", "--json").out) == [
        {"name": "blur", "plugin": "blur", "data": "paired", "about": about}
    ]


def test_one_task_shows_its_options_weights_and_choices(img2img, blur):
    lines = img2img("tasks", "blur").out.splitlines()
    words = [line.split() for line in lines]
    assert "Trained on paired data: Pictures and their targets, which have the same size." in lines
    assert ["width", "integer", "8", "filters"] in words
    assert ["l1", "number", "1.0"] in words
    assert ["strength", "number", "0.5", "of", "the", "blur"] in words


def test_one_task_in_json(img2img, blur):
    found = json.loads(img2img("tasks", "blur", "--json").out)
    assert [option["name"] for option in found["options"]] == ["width"]
    assert [weight["default"] for weight in found["weights"]] == [1.0]
    assert [choice["name"] for choice in found["choices"]] == ["strength"]


def test_a_task_without_choices_lists_none(img2img, monkeypatch):
    monkeypatch.setenv("IMG2IMG_PLUGINS", "super-resolution")
    assert "Choices" not in img2img("tasks", "super-resolution").out


def test_an_unknown_task_names_the_broken_plugin(img2img, install, monkeypatch):
    install("bad", "import torch_that_is_not_there")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "bad")
    outcome = img2img("tasks", "paint")
    assert outcome.code == 2
    assert "no task 'paint' is installed" in outcome.err
    assert "plugin 'bad' is broken: ModuleNotFoundError" in outcome.err


def test_our_own_task_is_listed(img2img, monkeypatch):
    monkeypatch.setenv("IMG2IMG_PLUGINS", "super-resolution")
    found = json.loads(img2img("tasks", "super-resolution", "--json").out)
    assert found["data"] == "degraded"
    assert "scale" in {option["name"] for option in found["options"]}


def test_a_task_shows_the_options_of_every_network_that_fits(img2img, monkeypatch):
    monkeypatch.setenv("IMG2IMG_PLUGINS", "pix2pix,pix2pixhd")
    shown = img2img("tasks", "pix2pix").out
    _, for_generator, for_critic = shown.split("Networks for the option ")
    assert ["depth", "integer", "8"] in [line.split()[:3] for line in for_generator.splitlines()]
    assert ["blocks", "integer", "9"] in [line.split()[:3] for line in for_generator.splitlines()]
    assert "\npatch: PatchGAN" in for_critic
    assert "\nunet: " not in for_critic
    networks = json.loads(img2img("tasks", "pix2pixhd", "--json").out)["networks"]
    assert networks.keys() == {"generator", "critic", "encoder.network"}
    assert {option["name"] for option in networks["encoder.network"][0]["options"]} >= {"width", "downs"}
