"""The super-resolution plugin: its task, imports of official networks, its training files, what it registers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import img2imgkit_plugins.super_resolution as plugin
import numpy as np
import pytest
from checkpoints import built, imported
from PIL import Image
from pydantic import ValidationError

from img2imgkit import Catalog, Geometry, ImportedNetwork, Networks, backend, bundle, resolve
from img2imgkit.config import load_yaml, parse_yaml
from img2imgkit.errors import ConfigError
from img2imgkit.images import Picture
from img2imgkit.importing import import_bundle
from img2imgkit.inference import Translator
from img2imgkit.training import read_training_plan, train

FILES = sorted(Path(plugin.__file__).parent.glob("*.yaml"))
RRDB = {"kind": "rrdb", "width": 3, "blocks": 1, "growth": 2}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.installed({"IMG2IMG_PLUGINS": "super-resolution"})


@pytest.fixture(scope="module")
def task_class(catalog: Catalog) -> Any:
    return catalog.get("tasks", "super-resolution")


def made(task_class: Any, **options: Any) -> Any:
    return task_class(resolve(task_class.Options(**options), Catalog.installed()))


@pytest.mark.parametrize(
    ("generator", "others"),
    [
        ({"kind": "residual", "width": 4, "blocks": 1}, {"scale": 2}),
        ({"kind": "residual", "width": 4, "blocks": 1}, {"scale": 3, "space": "rgb"}),
        ({"kind": "srvgg", "width": 4, "depth": 1}, {"scale": 4, "space": "rgb", "values": "unit"}),
        ({"kind": "srvgg", "width": 4, "depth": 1}, {"scale": 1}),
        ({"kind": "srresnet", "width": 4, "blocks": 1}, {"scale": 3, "values": "unit"}),
        ({"kind": "edsr", "width": 4, "blocks": 1}, {"scale": 8, "space": "rgb", "values": "unit"}),
        (RRDB, {"scale": 3}),
        ({**RRDB, "unshuffle": 4}, {"scale": 1, "space": "rgb"}),
    ],
    ids=str,
)
def test_translates_and_trains_at_its_scale(task_class: Any, generator: dict[str, Any], others: dict[str, Any]) -> None:
    task = made(task_class, generator=generator, **others)
    nets, scale = task.build(), others["scale"]
    source = np.random.default_rng(0).uniform(-1, 1, (2, 4, 8, 3)).astype(np.float32)
    output = np.asarray(task.translate(nets, {"source": source}))
    assert output.shape == (2, 4 * scale, 8 * scale, 3)
    batch = {"source": source, "target": output}
    losses = task.generator_losses(nets, batch, task.forward(nets, batch))
    assert losses.keys() == task.Weights.model_fields.keys()
    assert losses["l1"].shape == (2,)
    assert float(np.max(losses["l1"])) < 1e-5  # its own output is what training compares with


@pytest.mark.parametrize(
    ("generator", "scale", "radius"),
    [
        ({"kind": "residual", "blocks": 2}, 2, 6),
        ({"kind": "srvgg", "depth": 16}, 4, 18),
        ({"kind": "srresnet", "blocks": 16}, 4, 35),
        ({"kind": "edsr", "blocks": 16}, 2, 36),
        ({"kind": "edsr", "blocks": 16}, 1, 35),
        ({"kind": "rrdb", "blocks": 23}, 4, 349),
        ({"kind": "rrdb", "blocks": 1, "unshuffle": 4}, 1, 76),
    ],
    ids=str,
)
def test_its_radius_is_that_of_its_convolutions(
    task_class: Any, generator: dict[str, Any], scale: int, radius: int
) -> None:
    found: Geometry = made(task_class, scale=scale, generator=generator, space="rgb").geometry()
    assert (found.scale, found.radius) == (scale, radius)
    assert found.multiple == found.minimum == generator.get("unshuffle", 1)


@pytest.mark.parametrize(
    "generator",
    [
        {"kind": "srresnet", "width": 2, "blocks": 0},
        {"kind": "edsr", "width": 2, "blocks": 0},
        {"kind": "rrdb", "width": 2, "blocks": 0, "growth": 1},
        {"kind": "rrdb", "width": 2, "blocks": 0, "growth": 1, "unshuffle": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_receptive_radius_is_exact(task_class: Any, generator: dict[str, Any], scale: int) -> None:
    if scale == 3 and "unshuffle" in generator:
        return
    from img2imgkit.testing.geometry import measured_reach

    task = made(task_class, scale=scale, generator=generator, space="rgb")
    assert measured_reach(task, task.build(), 24) == task.geometry().radius


def test_unit_values_are_converted_both_ways(task_class: Any) -> None:
    signed, unit = (
        made(task_class, generator={"kind": "srvgg", "width": 2, "depth": 0}, space="rgb", values=values)
        for values in ("signed", "unit")
    )
    nets = signed.build()
    image = np.random.default_rng(0).uniform(-1, 1, (1, 4, 4, 3)).astype(np.float32)
    wanted = 2 * np.asarray(nets["generator"]((image + 1) / 2)) - 1
    np.testing.assert_allclose(unit.translate(nets, {"source": image}), wanted, atol=1e-6)
    assert np.abs(np.asarray(signed.translate(nets, {"source": image})) - wanted).max() > 1e-5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"generator": {"kind": "edsr"}}, "edsr.* with space 'luma' .*: EDSR needs 3 channels, not 1"),
        ({"scale": 3, "generator": {"kind": "rrdb", "unshuffle": 2}}, "scale 3 needs unshuffle 1"),
        ({"scale": 6, "generator": {"kind": "rrdb"}, "space": "rgb"}, "scale 6: expected 3 or a power of 2"),
        ({"scale": 6, "generator": {"kind": "srresnet"}}, "scale 6: expected 3 or a power of 2"),
        ({"scale": 0}, "scale"),
        ({"network": "plain"}, "network"),
    ],
    ids=str,
)
def test_impossible_options_are_refused(task_class: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ConfigError, ValidationError), match=message):
        made(task_class, **options)


class TestImportPlan:
    """Imports of official networks."""

    def imported(self, architecture: str, **arguments: Any) -> ImportedNetwork:
        backend.load()
        return imported(architecture, built(architecture, **arguments), **arguments)

    @pytest.mark.parametrize(
        ("architecture", "arguments"),
        [
            ("srvgg", {"scale": 4, "width": 2, "depth": 1, "activation": "leaky_relu", "channels": 3}),
            ("srresnet", {"scale": 3, "width": 2, "blocks": 1, "channels": 3}),
            (
                "edsr",
                {"scale": 2, "width": 2, "blocks": 1, "residual_scale": 0.1, "gain": 1.0, "mean": (0.0, 0.0, 0.0)},
            ),
            ("rrdb", {"scale": 1, "width": 2, "blocks": 1, "growth": 1, "unshuffle": 4, "channels": 3}),
            ("rrdb", {"scale": 8, "width": 2, "blocks": 1, "growth": 1, "unshuffle": 1, "channels": 3}),
        ],
        ids=str,
    )
    def test_an_official_network_becomes_a_bundle(self, task_class: Any, architecture: str, arguments: Any) -> None:
        given = self.imported(architecture, **arguments)
        found = task_class.import_plan([self.imported("vgg-critic", size=8, width=2), given])
        assert found is not None
        assert found.preferred
        assert not found.missing
        assert found.roles["generator"].number == 1
        options = resolve(task_class.Options.model_validate_json(json.dumps(found.options)), Catalog.installed())
        assert (options.scale, options.space, options.values) == (arguments["scale"], "rgb", "unit")
        task = task_class(options)
        built = task.build()["generator"]
        assert [variable.shape for variable in built.weights] == [variable.shape for variable in given.model.weights]
        built.set_weights(given.model.get_weights())
        image = np.random.default_rng(0).uniform(0, 1, (1, 8, 4, 3)).astype(np.float32)
        made = task.translate(Networks({"generator": built}), {"source": 2 * image - 1})
        np.testing.assert_allclose((made + 1) / 2, given.model(image), atol=1e-5)

    def test_networks_of_other_tasks_have_no_plan(self, task_class: Any) -> None:
        small = {"scale": 2, "width": 2, "depth": 0}
        colour = self.imported("srvgg", **small)
        assert task_class.import_plan([colour]) is not None
        assert task_class.import_plan([colour, colour]) is None
        assert task_class.import_plan([self.imported("srvgg", **small, channels=1)]) is None
        assert task_class.import_plan([self.imported("srvgg", **{**small, "scale": 5})]).options["scale"] == 5
        assert task_class.import_plan([colour, self.imported("resnet", blocks=1, width=2)]) is None
        assert task_class.import_plan([]) is None


def test_results_equal_those_of_the_official_program(catalog: Catalog, tmp_path: Path) -> None:
    folder = Path(__file__).parents[1] / "fixtures" / "realesrgan_enhance"  # of RealESRGANer, as its command calls it
    import_bundle([folder / "weights.pth"], tmp_path / "bundle", catalog)
    translator = Translator(bundle.load(tmp_path / "bundle", catalog), device="cpu")
    with np.load(folder / "io.npz") as stored:
        given, wanted = (stored[name][..., ::-1] for name in ("in.bgr", "out.prepad0"))
    assert any(size % 2 for size in given.shape[:2])  # the network takes even sizes only
    made = translator.translate(Picture(np.ascontiguousarray(given))).picture.color
    assert np.abs(made.astype(int) - wanted).max() <= 1


def test_a_bundle_of_another_network_can_be_fine_tuned(task_class: Any, catalog: Catalog, tmp_path: Path) -> None:
    task = made(task_class, scale=2, generator={**RRDB, "unshuffle": 2}, space="rgb", values="unit")
    bundle.save(tmp_path / "start", task, task.build(), "start", catalog)
    (tmp_path / "pictures").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "pictures" / "a.png")
    text = (
        "name: more\ntask: super-resolution\n"
        "options: {scale: 2, generator: {kind: rrdb, width: 3, blocks: 1, growth: 2, unshuffle: 2}, space: rgb,"
        " values: unit}\n"
        "data: {kind: degraded, folder: pictures, crop: 8, batch: 1}\ntraining: {steps: 1}\ninitial: start\n"
    )
    plan = read_training_plan(parse_yaml(text, str(tmp_path / "train.yaml")), catalog)
    train(plan, tmp_path / "run", catalog, lambda event: None, device="cpu")
    trained = bundle.load(tmp_path / "run" / "bundle", catalog)
    before = bundle.load(tmp_path / "start", catalog).nets["generator"].get_weights()
    moved = [np.abs(a - b).max() for a, b in zip(before, trained.nets["generator"].get_weights(), strict=True)]
    assert 0 < max(moved) < 0.01


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_its_training_files_are_valid(path: Path) -> None:
    plan = read_training_plan(load_yaml(path).with_overrides(["initial=null"]), Catalog.installed())
    assert plan.file.task == "super-resolution"
    assert plan.file.name == path.stem
    assert plan.task.geometry().scale == int(path.stem[-1])


def test_there_is_a_training_file_for_each_shipped_scale() -> None:
    assert [path.stem for path in FILES] == ["sr-compact-x2", "sr-compact-x4"]
