import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from img2imgkit.catalog import Catalog
from img2imgkit.config import load_yaml, parse_yaml
from img2imgkit.errors import ConfigError
from img2imgkit.training import read_training_plan

ROOT = Path(__file__).parents[2]
PIPELINE = {
    "name": "night",
    "steps": [{"uses": "read", "with": {"folder": "in"}}, {"uses": "write", "with": {"folder": "out"}}],
}
TRAINING = {
    "name": "mine",
    "task": "super-resolution",
    "options": {"scale": 2},
    "data": {"kind": "degraded", "folder": "pictures"},
    "training": {"steps": 10, "generators": {"optimizer": {"kind": "adam", "learning_rate": 1e-3}}},
}


def validator(img2img, kind):
    schema = json.loads(img2img("schema", kind).out)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture
def pipeline(img2img, uninstall_everything):
    return validator(img2img, "pipeline")


@pytest.fixture
def training(img2img, monkeypatch):
    monkeypatch.setenv("IMG2IMG_PLUGINS", "cut,cyclegan,funit,pix2pix,pix2pixhd,spade,srmd,stargan,super-resolution")
    return validator(img2img, "train")


def test_a_pipeline_is_accepted(pipeline):
    pipeline.validate(PIPELINE)


def changed(data, *path, value):
    copy = json.loads(json.dumps(data))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("steps", 0, "uses"), "raed"),
        (("steps", 0, "with", "foldre"), "x"),
        (("steps", 0, "with", "recursive"), "yes"),
        (("steps", 1, "with"), {}),
        (("steps", 1, "tile"), 3),
        (("more",), 1),
        (("name",), 7),
    ],
)
def test_an_invalid_pipeline_is_rejected(pipeline, path, value):
    assert not pipeline.is_valid(changed(PIPELINE, *path, value=value))


def test_steps_of_plugins_are_completed(img2img, install, monkeypatch):
    install(
        "kit-tint",
        '''
import img2imgkit as kit
from pydantic import Field

class Part(kit.Config):
    """Nested options."""
    share: float = 0.5

class Tint(kit.Transform):
    """Tint."""
    name = "tint"
    class Options(kit.Config):
        """How."""
        part: Part = Field(default=Part(), description="a part")
    def apply(self, item): ...

@kit.hookimpl
def register_steps(register):
    register(Tint)
''',
        name="tint",
    )
    monkeypatch.setenv("IMG2IMG_PLUGINS", "tint")
    schema = validator(img2img, "pipeline")
    tinted = changed(PIPELINE, "steps", value=[*PIPELINE["steps"], {"uses": "tint", "with": {"part": {"share": 0.1}}}])
    schema.validate(tinted)
    assert not schema.is_valid(changed(tinted, "steps", 2, "with", "part", "shrae", value=1))


def test_a_training_file_is_accepted(training):
    training.validate(TRAINING)


@pytest.mark.parametrize("initial", ["sr-compact-x2", {"bundle": "mine", "critic": "latest_net_D.pth"}, None])
def test_a_training_file_may_start_from_a_bundle_and_from_files(training, initial):
    training.validate({**TRAINING, "initial": initial})
    assert not training.is_valid({**TRAINING, "initial": {"critic": 3}})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("task",), "super-resolutoin"),
        (("options", "sclae"), 2),
        (("options", "scale"), 0),
        (("weights",), {"l2": 1.0}),
        (("data", "kind"), "paired"),
        (("training", "generators", "optimizer", "kind"), "adagrad"),
        (("training", "steps"), 0),
    ],
)
def test_an_invalid_training_file_is_rejected(training, path, value):
    assert not training.is_valid(changed(TRAINING, *path, value=value))


@pytest.mark.parametrize("path", sorted(ROOT.glob("pipelines/*.yaml")), ids=lambda path: path.name)
def test_every_pipeline_in_the_repository_is_accepted(pipeline, path):
    pipeline.validate(load_yaml(path).data)


TRAINING_FILES = sorted(path for path in ROOT.glob("plugins/*/*.yaml") if path.name != "index.yaml")  # of models


@pytest.mark.parametrize("path", TRAINING_FILES, ids=lambda path: path.name)
def test_every_training_file_in_the_repository_is_accepted(training, path):
    training.validate(load_yaml(path).data)


def test_data_kinds_of_plugins_are_completed(img2img, install, monkeypatch):
    install(
        "kit-mirror",
        '''
from typing import Literal
import img2imgkit as kit
from img2imgkit.data import Degraded, DegradedOptions

class Options(DegradedOptions):
    """How."""
    kind: Literal["mirror"]
    axis: Literal["x", "y"] = "x"

class Mirror(Degraded):
    """Mirrored."""
    Options = Options

@kit.hookimpl
def register_data_kinds(register):
    register(Mirror)

@kit.hookimpl
def register_tasks(register):
    from img2imgkit_plugins.super_resolution.task import SuperResolution

    class Mirroring(SuperResolution):
        """Mirror."""
        name, data = "mirroring", "mirror"

    register(Mirroring)
''',
        name="mirror",
    )
    monkeypatch.setenv("IMG2IMG_PLUGINS", "mirror")
    schema = validator(img2img, "train")
    mirrored = {**TRAINING, "task": "mirroring", "data": {"kind": "mirror", "folder": "pictures", "axis": "y"}}
    schema.validate(mirrored)
    assert not schema.is_valid(changed(mirrored, "data", "axis", value="z"))
    assert not schema.is_valid(changed(mirrored, "data", value={"kind": "degraded", "folder": "pictures"}))


def test_an_unknown_kind_is_a_usage_error(img2img):
    assert img2img("schema", "bundle").code == 2


TRANSLATING = {
    "name": "mine",
    "task": "pix2pix",
    "data": {"kind": "paired", "folder": "pairs"},
    "training": {"steps": 10},
}


@pytest.mark.parametrize(
    ("options", "good"),
    [
        ({}, True),
        ({"generator": "resnet"}, True),
        ({"generator": {"kind": "resnet"}}, True),
        ({"generator": {"kind": "resnet", "blocks": 6, "padding": "zero"}}, True),
        ({"generator": {"depth": 7}}, True),  # an option of the default component
        ({"generator": {"blocks": 6}}, False),  # not an option of the default component
        ({"generator": "patch"}, False),  # a component of another role
        ({"generator": {"kind": "patch"}}, False),
        ({"generator": "resnte"}, False),
        ({"generator": {"kind": "resnet", "depth": 3}}, False),
        ({"generator": {"kind": "resnet", "blocks": "six"}}, False),
        ({"generator": {"kind": "unet", "depth": 1}}, False),
        ({"generator": 3}, False),
        ({"generator": None}, False),
        ({"critic": {"kind": "pixel", "width": 8}}, True),
        ({"critic": {"kind": "pixel", "layers": 8}}, False),
        ({"adversary": {"loss": "hinge", "penalty": "r1", "augment": ["color", {"kind": "cutout"}]}}, True),
        ({"adversary": {"loss": {"kind": "relativistic", "loss": {"kind": "lsgan", "smoothing": 0.1}}}}, True),
        ({"adversary": {"penalty": None}}, True),
        ({"adversary": {"penalty": "none"}}, False),
        ({"adversary": {"penalty": {"kind": "r1", "target": 1.0}}}, False),
        ({"adversary": {"loss": {"kind": "hinge", "smoothing": 0.1}}}, False),
        ({"adversary": {"loss": {"kind": "relativistic", "loss": "relativistic"}}}, False),
        ({"adversary": {"augment": ["r1"]}}, False),
    ],
    ids=str,
)
def test_choices_are_accepted_and_rejected_as_in_training(training, options, good):
    stated = {**TRANSLATING, "options": options}
    document = parse_yaml(json.dumps(stated), "/data/train.yaml")
    try:
        read_training_plan(document, Catalog.installed())
        taken = True
    except ConfigError:
        taken = False
    assert (training.is_valid(stated), taken) == (good, good)


def test_architectures_of_plugins_are_completed(img2img, install, monkeypatch):
    install(
        "kit-dense",
        '''
import img2imgkit as kit
from img2imgkit.architectures import Architecture
from pydantic import Field

class Inside(kit.Config):
    """Inside."""
    share: float = Field(default=0.5, description="a share")

class Dense(Architecture):
    """A dense network."""
    name = "dense"
    roles = ("generator",)
    inside: Inside = Field(default=Inside(), description="what is inside")
    another: kit.ArchitectureChoice = kit.choice("critic", "pixel", "that it asks")
    def build(self, spec): ...

@kit.hookimpl
def register_architectures(register):
    register(Dense)
''',
        name="dense",
    )
    monkeypatch.setenv("IMG2IMG_PLUGINS", "dense,pix2pix")
    schema = validator(img2img, "train")
    generator = {"kind": "dense", "inside": {"share": 0.1}, "another": {"kind": "patch", "layers": 2}}
    good = {**TRANSLATING, "options": {"generator": generator}}
    schema.validate(good)
    assert not schema.is_valid(changed(good, "options", "generator", "inside", "shrae", value=1))
    assert not schema.is_valid(changed(good, "options", "generator", "another", "kind", value="unet"))
