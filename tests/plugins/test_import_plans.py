"""Official checkpoints as bundles: inferred options, and translations equal to the official ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED, built, imported
from img2imgkit_plugins.cut.task import Cut
from img2imgkit_plugins.cyclegan.task import CycleGan
from img2imgkit_plugins.funit.task import Funit
from img2imgkit_plugins.pix2pix.task import Pix2Pix
from img2imgkit_plugins.pix2pixhd.task import Pix2PixHd, Pix2PixHdPhoto
from img2imgkit_plugins.spade.task import Spade
from img2imgkit_plugins.stargan.task import CELEBA, StarGan

import img2imgkit as kit
from img2imgkit.architectures import ClassEncoder, ContentEncoder, Stargan, StarganCritic
from img2imgkit.importing import read_network

SMALL = Path(__file__).parents[1] / "fixtures"
LARGE = os.environ.get("IMG2IMGKIT_PARITY", "")
PLACES = (SMALL, Path(LARGE)) if LARGE else (SMALL,)
TOLERANCE = 3e-5  # of the largest output


@cache
def read(
    name: str, key: str | None = None, place: Path = SMALL, architecture: str = "", **arguments: Any
) -> kit.ImportedNetwork:
    path = place / name / ("weights_init.pth" if name.startswith("trainstep_") else "weights.pth")
    return read_network(path, INSTALLED, architecture, key, **arguments)


def bundled(task_class: type[kit.Task], *networks: kit.ImportedNetwork, **stated: Any) -> tuple[kit.Task, kit.Networks]:
    """The task that the networks make, and its generators filled with them, as an import does it."""
    plan = task_class.import_plan(networks)
    assert plan is not None
    assert plan.missing == ()
    task = task_class(options_of(task_class, plan, **stated))
    nets = task.build()
    assert {*plan.roles, *plan.fresh} == set(nets.generators)
    for role, taken in plan.roles.items():
        source = networks[taken.number].model
        source = source.get_layer(taken.inside) if taken.inside else source
        assert [tuple(v.shape) for v in nets[role].weights] == [tuple(v.shape) for v in source.weights]
        nets[role].set_weights(source.get_weights())
    return task, nets


def cases(name: str, place: Path, mode: Sequence[str] = ("eval",)) -> Iterator[tuple[dict[str, Any], np.ndarray, int]]:
    """Inputs and the output of each official forward pass in one of these modes, channels last."""
    config = json.loads((place / name / "config.json").read_text(encoding="utf-8"))
    with np.load(place / name / "io.npz") as stored:
        for case in config["cases"]:
            if case["mode"] in mode:
                given = {key: last(stored[entry["key"]]) for key, entry in case["inputs"].items()}
                yield given, last(stored[case["outputs"]["y"]["key"]]), config.get("every", 1)


def probed(name: str, probe: str) -> tuple[dict[str, np.ndarray], int]:
    """What went into an official training step and came out, and which pixels of the probe are there."""
    config = json.loads((SMALL / name / "config.json").read_text(encoding="utf-8"))
    with np.load(SMALL / name / "io.npz") as stored:
        return {key: last(stored[key]) for key in stored.files}, config["probe_stride"][probe]


def last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def assert_close(made: Any, wanted: np.ndarray, every: int = 1) -> None:
    shown = np.asarray(made)[:, ::every, ::every]
    np.testing.assert_allclose(shown, wanted, atol=TOLERANCE * np.abs(wanted).max())


def folders(*names: str) -> list[Any]:
    found = [(name, place) for place in PLACES for name in names if (place / name).is_dir()]
    marks = {place: () if place == SMALL else pytest.mark.slow for place in PLACES}
    return [pytest.param(*each, id=f"{each[1].name}-{each[0]}", marks=marks[each[1]]) for each in found]


class TestPix2Pix:
    @pytest.mark.parametrize(("name", "place"), folders("junyanz_unet128_batch"))
    def test_it_translates_as_the_official_test_does_without_dropout(self, name: str, place: Path) -> None:
        network = read(name, place=place)
        task, nets = bundled(Pix2Pix, network)
        assert task.options.statistics == "image"
        [(given, wanted, every)] = cases(name, place, ["train_nodropout"])
        assert_close(task.translate(nets, {"source": given["input"]}), wanted, every)
        task, nets = bundled(Pix2Pix, network, statistics="running")
        [(given, wanted, every)] = cases(name, place)
        made = task.translate(nets, {"source": given["input"]})
        assert_close(made, wanted, every)
        np.testing.assert_array_equal(made, network.model(given["input"], training=False))

    @pytest.mark.parametrize(
        ("name", "place"),
        folders("junyanz_unet256_instance", "junyanz_resnet6_instance", "cut_resnet4_antialias_rect"),
    )
    def test_other_generators_translate_as_officially(self, name: str, place: Path) -> None:
        task, nets = bundled(Pix2Pix, read(name, place=place))
        for given, wanted, every in cases(name, place):
            assert_close(task.translate(nets, {"source": given["input"]}), wanted, every)

    def test_the_usual_generator_is_known(self) -> None:
        names = ("junyanz_unet128_batch", "junyanz_resnet6_instance", "cut_resnet9")
        unet, resnet, blurred = (plan_of(Pix2Pix, read(name)) for name in names)
        assert [each.preferred for each in (unet, resnet, blurred)] == [True, True, False]
        [statistics] = [each for each in unet.assumptions if each.option == "statistics"]
        assert (statistics.value, statistics.others) == ("image", ("running",))
        assert unet.options["statistics"] == "image"
        assert [each.option for each in unet.assumptions] == ["statistics", "generator.dropout"]
        assert "import the files of both generators together" in resnet.assumptions[0].text

    def test_a_critics_options_are_taken_over(self) -> None:
        plan = plan_of(Pix2Pix, read("junyanz_patchgan_batch"), read("junyanz_unet128_batch"))
        assert plan.roles == {"generator": kit.FromFile(1)}
        assert plan.options["critic"] == {
            "kind": "patch",
            "layers": 3,
            "width": 8,
            "antialias": False,
            "init": "normal",
        }
        assert plan.options["adversary"]["loss"]["kind"] == "vanilla"

    def test_networks_of_other_tasks_have_no_plan(self) -> None:
        unet, critic = read("junyanz_unet128_batch"), read("junyanz_patchgan_batch")
        assert Pix2Pix.import_plan([unet, unet]) is None
        assert Pix2Pix.import_plan([critic]) is None
        assert Pix2Pix.import_plan([unet, critic, critic]) is None
        assert Pix2Pix.import_plan([unet, read("junyanz_patchgan_none")]) is None  # judges three channels, not a pair
        assert Pix2Pix.import_plan([unet, read("stargan_G")]) is None


class TestCycleGan:
    @pytest.mark.parametrize(("name", "place"), folders("junyanz_resnet6_instance", "junyanz_resnet9_instance"))
    def test_each_direction_translates_as_its_file(self, name: str, place: Path) -> None:
        one, other = read(name, place=place), read.__wrapped__(name, place=place)
        other.model.set_weights([0.5 * weight for weight in other.model.get_weights()])
        task, nets = bundled(CycleGan, one, other)
        for given, wanted, every in cases(name, place):
            assert_close(task.translate(nets, {"source": given["input"]}), wanted, every)
        back = CycleGan(task.options, None, CycleGan.Choices(direction="b_to_a"))
        np.testing.assert_array_equal(
            back.translate(nets, {"source": given["input"]}), other.model(given["input"], training=False)
        )

    def test_a_missing_direction_is_reported(self) -> None:
        network = read("junyanz_resnet6_instance")
        plan = plan_of(CycleGan, network)
        assert (plan.preferred, plan.roles) == (True, {"a_to_b": kit.FromFile(0)})
        [lacking] = plan.missing
        assert "latest_net_G_A.pth and latest_net_G_B.pth, and weights.pth is one" in lacking

    def test_the_order_of_files_is_reported_and_critics_are_taken_over(self) -> None:
        parts = [read("trainstep_cyclegan", part) for part in ("D_A", "G_A", "D_B", "G_B")]
        plan = plan_of(CycleGan, *parts)
        assert plan.roles == {"a_to_b": kit.FromFile(1), "b_to_a": kit.FromFile(3)}
        assert plan.options["critic"] == {
            "kind": "patch",
            "layers": 3,
            "width": 3,
            "antialias": False,
            "init": "normal",
        }
        assert plan.assumptions[0].text.startswith("a_to_b is weights_init.pth")

    def test_networks_of_other_tasks_have_no_plan(self) -> None:
        six, grey = read("junyanz_resnet6_instance"), read("cut_resnet4_antialias_rect")
        assert CycleGan.import_plan([six, read("trainstep_cyclegan", "G_A")]) is None  # of other widths
        assert CycleGan.import_plan([grey, grey]) is None  # no way back
        assert CycleGan.import_plan([read("junyanz_patchgan_none")]) is None


class TestStarGan:
    @pytest.mark.parametrize(("name", "place"), folders("stargan_G"))
    def test_it_translates_as_the_official_solver_which_never_evaluates(self, name: str, place: Path) -> None:
        task, nets = bundled(StarGan, read(name, place=place))
        assert task.options.labels == (CELEBA,)
        for given, wanted, every in cases(name, place, ["train"]):
            made = task.translate(nets, {"source": given["x"], "target_label": given["c"]})
            assert_close(made, wanted, every)

    def test_a_critic_gives_the_size(self) -> None:
        task, _ = bundled(StarGan, read("trainstep_stargan", "D"), read("trainstep_stargan", "G"))
        assert task.options.size == 32
        assert task.options.critic.chosen == StarganCritic(width=4, layers=3)
        assert task.options.generator.chosen == Stargan(width=4, blocks=2)
        assert task.options.adversary.penalty.kind == "wgan_gp"

    @pytest.mark.parametrize(
        ("domains", "names", "sets"),
        [
            (8, ("angry", "contemptuous", "disgusted"), 1),
            (15, ("Black_Hair", "Blond_Hair", "Brown_Hair"), 2),
            (3, ("domain_1", "domain_2", "domain_3"), 1),
            (1, ("domain_1",), 1),
        ],
    )
    def test_names_are_assumed_from_their_number(self, domains: int, names: Sequence[str], sets: int) -> None:
        arguments = {"code": domains, "width": 1, "blocks": 0, "channels": 3}
        found = plan_of(StarGan, imported("stargan", **arguments))
        task = StarGan(options_of(StarGan, found))
        assert task.names.all[:3] == tuple(names)
        assert len(task.options.labels) == sets
        assert task.build()["generator"].input_shape[1] == (None, domains)

    def test_others_are_stated(self) -> None:
        network = read("stargan_G")
        [assumption] = plan_of(StarGan, network).assumptions
        assert assumption.option == "labels"
        assert "the number of labels, 5" in assumption.text
        named = [{"names": list("vwxyz"), "kind": "classes"}]
        task, _ = bundled(StarGan, network, labels=named)
        assert task.names.all == tuple("vwxyz")


class TestCut:
    @pytest.mark.parametrize(("name", "place"), folders("cut_resnet9", "junyanz_resnet6_instance"))
    def test_it_translates_as_the_official_test_does(self, name: str, place: Path) -> None:
        task, nets = bundled(Cut, read(name, place=place))
        for given, wanted, every in cases(name, place):
            assert_close(task.translate(nets, {"source": given["input"]}), wanted, every)

    def test_the_projection_and_the_critics_options_are_taken_over(self) -> None:
        networks = [read("trainstep_cut", part) for part in ("G", "F", "D")]
        task, nets = bundled(Cut, *networks)
        chosen = task.options
        widths = (chosen.projection.chosen.width, chosen.critic.chosen.width)
        assert (*widths, chosen.generator.chosen.blocks, chosen.critic.chosen.init) == (12, 3, 6, "xavier")
        assert task.options.taps == (0, 4, 8, 12, 16)
        assert len(nets["projection"].weights) == 20
        plan = plan_of(Cut, networks[0])
        assert (plan.fresh, plan.preferred) == (("projection",), True)

    def test_anti_aliasing_of_downsampling_alone_is_kept(self) -> None:
        arguments = {"blocks": 2, "width": 2, "norm": "instance", "dropout": 0.0, "channels": 1, "out_channels": 1}
        arguments |= {"antialias": True, "antialias_up": False, "padding": "reflect"}
        task, nets = bundled(Cut, given := imported("resnet", built("resnet", **arguments), **arguments))
        assert task.options.taps == (0, 4, 8, 12)  # there are 14 modules
        picture = np.linspace(-1, 1, 16 * 16, dtype=np.float32).reshape(1, 16, 16, 1)
        np.testing.assert_array_equal(task.translate(nets, {"source": picture}), given.model(picture))

    def test_a_projection_for_other_taps_is_reported(self) -> None:
        plan = plan_of(Cut, read("junyanz_resnet6_instance"), read("cut_patchsampleF"))
        assert "a patch projection for taps [0, 4, 8, 12]" in plan.missing[0]
        assert not plan.preferred

    def test_networks_of_other_tasks_have_no_plan(self) -> None:
        assert Cut.import_plan([read("cut_resnet4_antialias_rect")]) is None  # grey to colours
        assert Cut.import_plan([read("cut_patchgan")]) is None
        assert Cut.import_plan([read("trainstep_cut", "G"), read("junyanz_patchgan_none")]) is None  # no norm


class TestPix2PixHd:
    @pytest.mark.parametrize(("name", "place"), folders("pix2pixhd_local", "pix2pixhd_global"))
    def test_it_generates_what_the_official_generator_does(self, name: str, place: Path) -> None:
        from keras import ops

        from img2imgkit.architectures.pix2pixhd.network import pix2pixhd_image

        task, nets = bundled(Pix2PixHd, read(name, place=place))
        assert (task.options.classes, task.options.edges, task.options.encoder) == (8, True, None)
        for given, wanted, every in cases(name, place):
            assert_close(pix2pixhd_image(nets.generators, ops.convert_to_tensor(given["input"])), wanted, every)

    def test_the_network_input_is_the_official_one(self) -> None:
        given = read("pix2pixhd_local")
        task, nets = bundled(Pix2PixHd, given)
        random = np.random.default_rng(0)
        label, instance = (np.repeat(random.integers(0, 8, (1, 32, 4, 1)), 8, 2).astype(np.float32) for _ in range(2))
        shown = task.prepare({"label": label, "instance": instance})["shown"]
        made = task.translate(nets, {"source": label, "instance": instance})
        np.testing.assert_array_equal(made, given.model(shown, training=False))

    def test_features_need_the_encoder_and_appearances_are_missing(self) -> None:
        networks = [official_pix2pixhd(), read("trainstep_pix2pixhd", "D"), read("trainstep_pix2pixhd", "E")]
        plan = plan_of(Pix2PixHd, *networks)
        assert (plan.fresh, plan.preferred) == (("appearances",), True)
        assert "features_clustered_010.npy" in plan.assumptions[-1].text
        task, nets = bundled(Pix2PixHd, *networks)
        assert (task.options.classes, task.options.encoder.features, task.options.critic.chosen.width) == (5, 3, 3)
        io, stride = probed("trainstep_pix2pixhd", "fake")
        batch = {"label": io["in.label"], "instance": io["in.inst"], "target": io["in.image"]}
        prepared = task.prepare(batch)
        assert_close(task.forward(nets, prepared)["image"], io["probe.iter0.fake"], stride)

    def test_missing_networks_are_reported(self) -> None:
        generator, critic = official_pix2pixhd(), read("trainstep_pix2pixhd", "D")
        assert "the encoder of the generator's 3 input features" in plan_of(Pix2PixHd, generator, critic).missing[0]
        assert "latest_net_G.pth" in plan_of(Pix2PixHd, read("pix2pixhd_encoder")).missing[0]

    def test_other_channels_are_stated(self) -> None:
        given = read("pix2pixhd_local")
        [assumption] = plan_of(Pix2PixHd, given).assumptions
        assert assumption.option == "classes"
        assert "8 for classes, 1 for edges" in assumption.text
        task, _ = bundled(Pix2PixHd, given, classes=9, edges=False)
        assert task.options.seen == 9

    def test_the_task_follows_from_the_channels(self) -> None:
        arguments = {"channels": 3, "width": 2, "downs": 3, "blocks": 1, "enhancers": 0, "local_blocks": 3}
        arguments |= {"norm": "instance", "out_channels": 3}
        given = imported("pix2pixhd", built("pix2pixhd", **arguments), **arguments)
        task, nets = bundled(Pix2PixHdPhoto, given)
        picture = np.linspace(-1, 1, 16 * 16 * 3, dtype=np.float32).reshape(1, 16, 16, 3)
        np.testing.assert_array_equal(task.translate(nets, {"source": picture}), given.model(picture))
        assert plan_of(Pix2PixHdPhoto, given).preferred
        assert not plan_of(Pix2PixHd, given).preferred  # or maps of two classes
        assert Pix2PixHdPhoto.import_plan([read("pix2pixhd_local")]) is None

    def test_networks_of_other_tasks_have_no_plan(self) -> None:
        local = read("pix2pixhd_local")
        assert Pix2PixHd.import_plan([local, read("spade_multiscaleD")]) is None  # without biases
        assert Pix2PixHd.import_plan([local, local]) is None
        assert Pix2PixHd.import_plan([read("pix2pixhd_multiscaleD")]) is None


def official_pix2pixhd() -> kit.ImportedNetwork:
    """With two halvings it is also CycleGAN's network, so it is named."""
    return read("trainstep_pix2pixhd", "G", architecture="pix2pixhd")


class TestSpade:
    def test_it_translates_as_the_official_code(self) -> None:
        task, nets = bundled(Spade, read("trainstep_spade", "G"), read("trainstep_spade", "D"))
        assert (task.options.classes, task.options.edges, task.options.critic.chosen.width) == (3, True, 4)
        assert task.options.adversary.loss.kind == "hinge"
        io, stride = probed("trainstep_spade", "fake_eval")
        inputs = {"source": io["in.label"].astype(np.float32), "instance": io["in.instance"].astype(np.float32)}
        assert_close(task.translate(nets, inputs), io["probe.iter0.fake_eval"], stride)

    @pytest.mark.parametrize(("name", "place"), folders("spade_normal"))
    def test_it_generates_what_the_official_generator_does(self, name: str, place: Path) -> None:
        _, nets = bundled(Spade, read(name, place=place))
        for given, wanted, every in cases(name, place):
            assert_close(nets["generator"](given["input"]), wanted, every)

    @pytest.mark.slow
    @pytest.mark.parametrize(("name", "place"), folders("spade_more_vae_nospectral"))
    def test_a_style_needs_an_encoder_of_the_same_dimensions(self, name: str, place: Path) -> None:
        generator = read(name, place=place)
        assert "latest_net_E.pth" in plan_of(Spade, generator).missing[0]
        assert "of 8 dimensions" in plan_of(Spade, generator, read("spade_encoder")).missing[0]
        plain = read("trainstep_spade", "G")
        assert "leave weights.pth out" in plan_of(Spade, plain, read("spade_encoder")).missing[0]
        own = {"width": 2, "code": 8, "channels": 3}
        encoder = imported("style-encoder", built("style-encoder", **own), **own)
        [size] = [each for each in plan_of(Spade, encoder, generator).assumptions if each.option == "style.size"]
        assert (size.value, size.others) == ((32, 32), ([64, 64],))
        found = plan_of(Spade, encoder, generator).options
        more = {**found["generator"], "upsampling": "more"}
        task, nets = bundled(Spade, encoder, generator, generator=more, style={**found["style"], "size": [64, 64]})
        photograph = np.linspace(-1, 1, 64 * 64 * 3, dtype=np.float32).reshape(1, 64, 64, 3)
        np.testing.assert_array_equal(task.encode(nets, "style", photograph), encoder.model(photograph)[0])
        for given, wanted, every in cases(name, place):
            assert_close(nets["generator"]([given["input"], given["z"]]), wanted, every)

    @pytest.mark.parametrize(
        ("channels", "wanted"),
        [(36, (35, False, True)), (184, (182, True, True)), (151, (150, True, False)), (21, (20, False, True))],
    )
    def test_official_data_sets_are_recognised_by_their_channels(self, channels: int, wanted: tuple[Any, ...]) -> None:
        arguments = {"channels": channels, "width": 1, "norm": "batch", "spectral": True, "kernel_size": 3}
        arguments |= {"upsampling": "normal", "out_channels": 3}
        found = plan_of(Spade, imported("spade", **arguments))
        options = options_of(Spade, found)
        assert (options.classes, options.unknown, options.edges) == wanted
        assert options.channels == channels


class TestFunit:
    @pytest.mark.parametrize(("name", "place"), folders("funit_gen"))
    def test_it_translates_as_the_official_code(self, name: str, place: Path) -> None:
        task, nets = bundled(Funit, read(name, place=place))
        assert (task.options.classes, task.options.size) == (119, 128)
        width = task.options.class_encoder.chosen.width
        assert task.options.class_encoder.chosen == ClassEncoder(downs=4, width=width)
        assert task.options.content_encoder.chosen == ContentEncoder(downs=3, blocks=2, width=width)
        assert task.options.decoder.chosen.blocks == 2
        for given, wanted, every in cases(name, place):
            codes = task.encode(nets, "class", given["class_images"])
            code = np.mean(codes, axis=0, keepdims=True)
            assert_close(task.translate(nets, {"source": given["content"], "class": code}), wanted, every)

    def test_a_critic_gives_the_classes(self) -> None:
        task, _ = bundled(Funit, read("funit_dis"), read("funit_gen"))
        assert task.options.classes == read("funit_dis").arguments["classes"]
        assert task.options.critic.chosen == read("funit_dis").architecture
        assert task.options.adversary.loss.kind == "hinge"
        assert Funit.import_plan([read("funit_dis")]) is None


def plan_of(task_class: type[kit.Task], *networks: kit.ImportedNetwork) -> kit.ImportPlan:
    plan = task_class.import_plan(networks)
    assert plan is not None
    return plan


def options_of(task_class: type[kit.Task], plan: kit.ImportPlan, **stated: Any) -> Any:
    """As an import reads them."""
    text = json.dumps({**plan.options, **stated})
    return kit.resolve(task_class.Options.model_validate_json(text), kit.Catalog.installed())
