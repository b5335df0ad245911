"""Everything built in passes the public contract tests."""

import pytest
from PIL import Image

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.components import resolve
from img2imgkit.config import parse_yaml, validate
from img2imgkit.testing import check_metric, check_step, check_task

OPTIONS = {
    "read": ["{folder: FOLDER}", "{folder: FOLDER, recursive: false, include: ['*.png']}"],
    "read-labels": ["{folder: FOLDER}"],
    "edit-objects": ["{edits: [{action: remove, label: 3}]}"],
    "translate": ["{bundle: BUNDLE}", "{bundle: BUNDLE, tile: 16}"],
    "resize": ["{scale: 2}", "{longest: 5}", "{fit: [4, 9]}"],
    "crop": ["{box: [0, 0, 1, 1]}", "{multiple: 2, if_smaller: keep}", "{centre: [400, 400]}"],
    "convert": ["{mode: grey, depth: 16}", "{mode: rgb, depth: 8, alpha: white}", "{alpha: drop, icc: strip}"],
    "compare": ["{}", "{layout: below, labels: [before, after]}"],
    "write": [
        "{folder: out}",
        "{folder: out, format: jpeg, metadata: strip}",
        "{folder: out, name: '{index}_{width}'}",
    ],
}
STEPS = Catalog.installed({"IMG2IMG_PLUGINS": ""}).steps
METRICS = Catalog.installed({"IMG2IMG_PLUGINS": ""}).metrics


@pytest.fixture(scope="session")
def catalog():
    return Catalog.installed({"IMG2IMG_PLUGINS": "super-resolution"})


@pytest.fixture(scope="session")
def places(tmp_path_factory, catalog):
    """A folder of pictures and a bundle, by their placeholders in ``OPTIONS``."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, mode in (("a.png", "RGB"), ("b.png", "L"), ("c.jpg", "RGB")):
        Image.new(mode, (9, 7), 40).save(folder / name)
    task_class = catalog.get("tasks", "super-resolution")
    task = task_class(
        resolve(validate(task_class.Options, parse_yaml("{generator: {kind: residual, width: 4, blocks: 1}}")), catalog)
    )
    place = tmp_path_factory.mktemp("bundles") / "tiny"
    bundle.save(place, task, task.build(), "tiny", catalog)
    return {"FOLDER": str(folder), "BUNDLE": str(place)}


def test_every_step_is_tested():
    assert set(OPTIONS) == set(STEPS)


@pytest.mark.parametrize(
    ("name", "options"), [(name, text) for name in OPTIONS for text in OPTIONS[name]], ids=lambda text: text
)
def test_steps_keep_their_contract(name, options, places, catalog):
    for word, place in places.items():
        options = options.replace(word, place)
    check_step(STEPS[name], validate(STEPS[name].Options, parse_yaml(options)), catalog=catalog)


def test_the_metrics_are_those_that_reports_name():
    assert list(METRICS) == ["l1", "psnr", "psnr_rgb", "psnr_y", "ssim", "ssim_rgb", "ssim_y"]


@pytest.mark.parametrize("name", METRICS)
def test_metrics_keep_their_contract(name):
    check_metric(METRICS[name])


@pytest.mark.parametrize(
    "options",
    [
        "{scale: 2, generator: {kind: residual, width: 4, blocks: 1}}",
        pytest.param(
            "{scale: 3, generator: {kind: residual, width: 3, blocks: 2}, space: rgb}", marks=pytest.mark.slow
        ),
        pytest.param("{scale: 4, generator: {kind: srvgg, width: 3, depth: 2}, values: unit}", marks=pytest.mark.slow),
        pytest.param("{scale: 3, generator: {kind: srresnet, width: 3, blocks: 1}}", marks=pytest.mark.slow),
        pytest.param("{scale: 4, generator: {kind: edsr, width: 3, blocks: 1}, space: rgb}", marks=pytest.mark.slow),
        pytest.param(
            "{scale: 2, generator: {kind: rrdb, width: 3, blocks: 1, growth: 2, unshuffle: 2}, space: rgb}",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "{scale: 1, generator: {kind: rrdb, width: 2, blocks: 0, growth: 2, unshuffle: 4}, values: unit}",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_super_resolution_keeps_its_contract(options, catalog, two_cpus):
    task = catalog.get("tasks", "super-resolution")
    check_task(task, validate(task.Options, parse_yaml(options)))


def test_every_task_is_tested(catalog):
    """Other tasks are tested in tests/plugins."""
    own = Catalog(tuple(plugin for plugin in Catalog.installed({}).plugins if plugin.own))
    tried = {
        "cut",
        "cyclegan",
        "funit",
        "pix2pix",
        "pix2pixhd",
        "pix2pixhd-photo",
        "spade",
        "srmd",
        "stargan",
        "super-resolution",
    }
    assert set(own.tasks) == tried
