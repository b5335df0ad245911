"""The super-resolution plugin: its task, imports of official networks, its training files, what it registers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import img2imgkit_plugins.super_resolution as plugin
import numpy as np
import pytest
from checkpoints import built, checkpoint_of, imported, randomised
from PIL import Image
from pydantic import ValidationError
from torch_files import save_torch

from img2imgkit import Catalog, Geometry, ImportedNetwork, Networks, backend, bundle, resolve
from img2imgkit.config import load_yaml, parse_yaml
from img2imgkit.errors import ConfigError
from img2imgkit.exporting import ExportOptions, export_bundle
from img2imgkit.images import Picture, to_grey
from img2imgkit.importing import import_bundle, load_torch, state_of_model
from img2imgkit.inference import TranslateOptions, Translator
from img2imgkit.inference.models.exported_reference import exported_reference
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
        ({"kind": "edsr", "width": 4, "blocks": 1, "levels": True}, {"scale": 2, "space": "rgb", "values": "levels"}),
        ({"kind": "span", "width": 4}, {"scale": 2, "space": "rgb", "values": "unit"}),
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
        ({"kind": "span"}, 4, 21),
        ({"kind": "realplksr"}, 4, 2 + 28 * (2 + 8 + 1)),
        ({"kind": "realplksr", "layer_norm": False}, 2, None),
        ({"kind": "rcan"}, 3, None),
    ],
    ids=str,
)
def test_its_radius_is_that_of_its_convolutions(
    task_class: Any, generator: dict[str, Any], scale: int, radius: int | None
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
        {"kind": "realplksr", "width": 2, "blocks": 1, "kernel_size": 7, "large": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_receptive_radius_is_exact(task_class: Any, generator: dict[str, Any], scale: int) -> None:
    if scale == 3 and "unshuffle" in generator:
        return
    from img2imgkit.geometry_proof import measured_reach

    task = made(task_class, scale=scale, generator=generator, space="rgb")
    assert measured_reach(task, task.build(), (24, 24)) == task.geometry().radius


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
        ({"output": "rgb"}, "output 'rgb': a network for the space luma makes luma"),
        (
            {"space": "rgb", "output": "grey"},
            "residual with space 'rgb' makes as many channels as it reads, but output",
        ),
        ({"generator": {"kind": "srvgg"}, "space": "rgb", "output": "grey"}, "3 input channels cannot be added to 1"),
        ({"generator": {"kind": "span"}, "space": "rgba"}, "span with space 'rgba' .*: centred networks have 3"),
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
            ("rrdb", {"scale": 4, "width": 2, "blocks": 1, "growth": 1, "inner": True, "channels": 4}),
            ("srvgg", {"scale": 2, "width": 2, "depth": 1, "channels": 4}),
            ("span", {"scale": 2, "width": 2, "centred": False, "channels": 4}),
            ("realplksr", {"scale": 2, "width": 4, "blocks": 1, "kernel_size": 3, "large": 1, "layer_norm": False}),
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
        space = {3: "rgb", 4: "rgba"}[given.spec.channels]
        assert (options.scale, options.space, options.values) == (arguments["scale"], space, "unit")
        task = task_class(options)
        built = task.build()["generator"]
        assert [variable.shape for variable in built.weights] == [variable.shape for variable in given.model.weights]
        built.set_weights(given.model.get_weights())
        image = np.random.default_rng(0).uniform(0, 1, (1, 8, 4, given.spec.channels)).astype(np.float32)
        made = task.translate(Networks({"generator": built}), {"source": 2 * image - 1})
        np.testing.assert_allclose((made + 1) / 2, given.model(image), atol=1e-5)

    def test_networks_of_other_tasks_have_no_plan(self, task_class: Any) -> None:
        small = {"scale": 2, "width": 2, "depth": 0}
        colour = self.imported("srvgg", **small)
        assert task_class.import_plan([colour]) is not None
        assert task_class.import_plan([colour, colour]) is None
        assert task_class.import_plan([self.imported("srvgg", **small, channels=2)]) is None
        without_alpha = self.imported("rrdb", scale=2, width=2, blocks=0, channels=4, out_channels=3)
        assert task_class.import_plan([without_alpha]) is None
        assert task_class.import_plan([self.imported("srvgg", **{**small, "scale": 5})]).options["scale"] == 5
        assert task_class.import_plan([colour, self.imported("resnet", blocks=1, width=2)]) is None
        assert task_class.import_plan([]) is None

    def test_a_network_for_levels_gets_levels(self, task_class: Any) -> None:
        given = self.imported("edsr", scale=2, width=2, blocks=1, levels=True)
        plan = task_class.import_plan([given])
        assert (plan.options["values"], plan.options["space"]) == ("levels", "rgb")
        task = made(task_class, **plan.options)
        image = np.random.default_rng(0).uniform(-1, 1, (1, 4, 5, 3)).astype(np.float32)
        wanted = given.model((image + 1) * 127.5) / 127.5 - 1
        np.testing.assert_allclose(task.translate(Networks({"generator": given.model}), {"source": image}), wanted)

    def test_a_grey_network_enlarges_luma_unless_another_space_is_stated(self, task_class: Any) -> None:
        plan = task_class.import_plan([self.imported("srvgg", scale=2, width=2, depth=0, channels=1)])
        assert (plan.options["space"], plan.options["values"]) == ("luma", "unit")
        assert [(each.option, each.value, each.others) for each in plan.assumptions] == [("space", "luma", ("grey",))]


def imported_bundle(
    catalog: Catalog, folder: Path, channels: int, written: int | None = None, **options: Any
) -> tuple[bundle.Bundle, Any]:
    """A checkpoint of a network of so many channels, as a bundle, and the network itself."""
    sizes = {"scale": 2, "width": 4, "channels": channels, "out_channels": written or channels}
    kind, arguments = ("span", sizes) if channels > 1 and written else ("srvgg", {**sizes, "depth": 1})
    network = randomised(kind, **arguments)
    for variable in network.weights:
        variable.assign(variable * 0.2)
    state = state_of_model(network, checkpoint_of(kind).places({"depth": 1, "activation": "prelu"}))
    save_torch(folder / "network.pth", state)
    import_bundle([folder / "network.pth"], folder / "bundle", catalog, options=options)
    read = load_torch(folder / "network.pth", catalog.architectures)
    return bundle.load(
        folder / "bundle", catalog
    ), lambda levels: 255 * np.asarray(read(levels[None].astype("float32") / 255))[0]


def assert_levels(made: np.ndarray, wanted: np.ndarray, most: int = 1) -> None:
    assert made.shape == wanted.shape
    assert np.ptp(wanted.astype(int)) > 20
    assert np.abs(made - np.clip(np.floor(wanted.astype(float) + 0.5), 0, 255)).max() <= most


@pytest.mark.parametrize("space", ["luma", "grey"])
def test_a_grey_network_enlarges_grey_pictures(catalog: Catalog, tmp_path: Path, space: str) -> None:
    loaded, official = imported_bundle(catalog, tmp_path, 1, space=space)
    assert loaded.manifest.contract.channels == (1 if space == "grey" else 3)
    levels = np.random.default_rng(0).integers(0, 256, (9, 12, 1), dtype=np.uint8)
    made = Translator(loaded, device="cpu").translate(Picture(levels, None, "grey")).picture
    assert made.space == "grey"
    assert_levels(made.color, official(levels))


def test_a_grey_network_enlarges_each_channel_if_stated(catalog: Catalog, tmp_path: Path) -> None:
    loaded, official = imported_bundle(catalog, tmp_path, 1, space="grey")
    levels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    made = Translator(loaded, device="cpu").translate(Picture(levels)).picture.color
    assert_levels(made, np.concatenate([official(levels[..., i : i + 1]) for i in range(3)], axis=-1))


@pytest.mark.parametrize("space", ["grey", "rgb"])
def test_a_network_for_grey_that_makes_colours_makes_colours_of_any_picture(
    catalog: Catalog, tmp_path: Path, space: Literal["grey", "rgb"]
) -> None:
    loaded, official = imported_bundle(catalog, tmp_path, 1, 3)
    assert (loaded.manifest.options["space"], loaded.manifest.options["output"]) == ("grey", "rgb")
    levels = np.random.default_rng(0).integers(0, 256, (9, 12, 3 if space == "rgb" else 1), dtype=np.uint8)
    picture = Picture(levels, None, space)
    made = Translator(loaded, device="cpu").translate(picture).picture
    assert made.space == "rgb"
    assert_levels(made.color, official(to_grey(picture).color if space == "rgb" else levels))


@pytest.mark.parametrize("space", ["grey", "rgb"])
def test_a_network_for_colours_that_makes_grey_makes_grey_of_any_picture(
    catalog: Catalog, tmp_path: Path, space: Literal["grey", "rgb"]
) -> None:
    loaded, official = imported_bundle(catalog, tmp_path, 3, 1)
    assert (loaded.manifest.options["space"], loaded.manifest.options["output"]) == ("rgb", "grey")
    levels = np.random.default_rng(0).integers(0, 256, (9, 12, 3 if space == "rgb" else 1), dtype=np.uint8)
    made = Translator(loaded, device="cpu").translate(Picture(levels, None, space)).picture
    assert made.space == "grey"
    assert_levels(made.color, official(np.broadcast_to(levels, (9, 12, 3))))


class TestAlpha:
    """Networks of four channels."""

    @pytest.fixture
    def levels(self) -> np.ndarray:
        found = np.random.default_rng(0).integers(0, 256, (40, 30, 4), dtype=np.uint8)
        found[:8, :, 3] = 0
        return found

    def test_the_network_reads_and_writes_it(self, catalog: Catalog, tmp_path: Path, levels: np.ndarray) -> None:
        loaded, official = imported_bundle(catalog, tmp_path, 4)
        assert (loaded.manifest.contract.channels, loaded.manifest.options["space"]) == (4, "rgba")
        picture = Picture(levels[..., :3], levels[..., 3:])
        made = Translator(loaded, device="cpu").translate(picture).picture
        assert_levels(np.concatenate([made.color, made.alpha], axis=-1), official(levels))
        tiled = Translator(loaded, TranslateOptions(tile=16), "cpu").translate(picture)
        assert tiled.notes["tiles"] > 1
        assert "inexact" not in tiled.notes
        assert_levels(tiled.picture.color, made.color)
        assert_levels(tiled.picture.alpha, made.alpha)  # type: ignore[arg-type]

    @pytest.mark.parametrize("given", [False, True])
    def test_it_is_opaque_for_pictures_without_it_and_stays_opaque(
        self, catalog: Catalog, tmp_path: Path, levels: np.ndarray, given: bool
    ) -> None:
        loaded, official = imported_bundle(catalog, tmp_path, 4)
        levels[..., 3] = 255
        picture = Picture(levels[..., :3], levels[..., 3:] if given else None)
        made = Translator(loaded, device="cpu").translate(picture).picture
        assert_levels(made.color, official(levels)[..., :3])
        assert made.alpha.min() == 255 if given else made.alpha is None  # type: ignore[union-attr]

    def test_grey_is_repeated_and_stays_grey(self, catalog: Catalog, tmp_path: Path, levels: np.ndarray) -> None:
        loaded, official = imported_bundle(catalog, tmp_path, 4)
        made = Translator(loaded, device="cpu").translate(Picture(levels[..., :1], levels[..., 3:], "grey")).picture
        wanted = official(levels[..., [0, 0, 0, 3]])
        assert made.space == "grey"
        assert_levels(made.color, wanted[..., :3].mean(axis=-1, keepdims=True))
        assert_levels(made.alpha, wanted[..., 3:])  # type: ignore[arg-type]

    @pytest.mark.slow
    def test_it_has_all_bits_and_can_be_averaged(self, catalog: Catalog, tmp_path: Path, levels: np.ndarray) -> None:
        loaded, _ = imported_bundle(catalog, tmp_path, 4)
        small = Picture(levels[..., :3], levels[..., 3:])
        deep = Picture(levels[..., :3].astype(np.uint16) * 257, levels[..., 3:].astype(np.uint16) * 257)
        for options in (TranslateOptions(), TranslateOptions(ensemble=True)):
            made = [Translator(loaded, options, "cpu").translate(each).picture for each in (small, deep)]
            assert_levels(made[0].alpha, made[1].alpha / 257)  # type: ignore[arg-type, operator]
            assert len(np.unique(made[1].alpha)) > 300  # type: ignore[arg-type]

    @pytest.mark.slow
    def test_an_exported_model_reads_and_writes_it(self, tmp_path: Path, levels: np.ndarray) -> None:
        catalog = Catalog.installed()
        loaded, official = imported_bundle(catalog, tmp_path, 4)
        path = tmp_path / "model.onnx"
        written = export_bundle(loaded, catalog.exporters["onnx"](), path, ExportOptions(image_io="uint8"))
        assert written.about.programs[0].inputs[0].meaning == "RGBA as levels, 0 to 255"
        exported = exported_reference(path, catalog).model
        made = Translator(exported, device="cpu").translate(Picture(levels[..., :3], levels[..., 3:])).picture
        assert_levels(np.concatenate([made.color, made.alpha], axis=-1), official(levels))

    def test_training_data_have_none(self, task_class: Any) -> None:
        data = Catalog.installed().get("data_kinds", "degraded")
        task = made(task_class, generator={"kind": "srvgg", "width": 2, "depth": 0}, space="rgba")
        options = data.Options(kind="degraded", folder=Path("pictures"))
        [(_, text)] = options.data_problems(task.geometry())
        assert text == "degraded data have 3 channels, but this task reads 4 and writes 4"


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
