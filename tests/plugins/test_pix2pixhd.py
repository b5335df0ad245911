"""The pix2pixHD plugin: the contract, the official losses, appearances of objects, stages, its training files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import img2imgkit_plugins.pix2pixhd as plugin
import numpy as np
import official_losses as official
import pytest
from img2imgkit_plugins.pix2pixhd.appearances import (
    Chosen,
)
from img2imgkit_plugins.pix2pixhd.coarse_to_fine import TAPS
from img2imgkit_plugins.pix2pixhd.task import EncoderOptions, Pix2PixHd, Pix2PixHdPhoto
from pydantic import ValidationError

import img2imgkit as kit
from img2imgkit import Catalog
from img2imgkit.adversary import R1, Adversary, Color, Hinge
from img2imgkit.architectures import CoarseToFineGenerator, InstanceEncoder, Multiscale
from img2imgkit.architectures import Pix2PixHd as Generator
from img2imgkit.config import load_yaml, parse_yaml
from img2imgkit.errors import InteropError
from img2imgkit.importing import PerceptualNetwork
from img2imgkit.losses import perceptual
from img2imgkit.testing import check_task
from img2imgkit.training import read_training_plan

FILES = sorted(Path(plugin.__file__).parent.glob("*.yaml"))
TOY_VGG = PerceptualNetwork(
    weights=str(Path(__file__).parents[1] / "fixtures" / "losses" / "toy_vgg19.pth"), normalise=False
)
CRITIC, GLOBAL = Multiscale(width=2, layers=1), Generator(width=2, downs=1, blocks=1)
LOCAL = Generator(width=2, downs=1, blocks=1, enhancers=1, local_blocks=1)
ENCODER = EncoderOptions(features=2, clusters=2, network=InstanceEncoder(width=2, downs=1))
UNSEEN = Pix2PixHd.Weights(perceptual=0)


def options(**chosen: Any) -> Any:
    return Pix2PixHd.Options(**{"classes": 3, "generator": GLOBAL, "critic": CRITIC, "features": TOY_VGG, **chosen})


def scenes(random: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Blocks of every class, two objects of each; ``source`` is what a translation is given."""
    label, other = (random.integers(0, most, (count, 4, 4, 1)).repeat(4, 1).repeat(4, 2) for most in (3, 2))
    photograph = random.uniform(-1, 1, (count, 16, 16, 3)).astype(np.float32)
    ids = {"label": label, "instance": 1000 * label + other, "source": label}
    return {**{name: array.astype(np.float32) for name, array in ids.items()}, "target": photograph}


@pytest.fixture(scope="module")
def trained() -> tuple[Pix2PixHd, kit.Networks]:
    task = Pix2PixHd(options(encoder=ENCODER), UNSEEN)
    nets = task.build()
    random = np.random.default_rng(0)
    for role in ("global", "encoder"):
        for variable in nets[role].trainable_variables:
            variable.assign(random.normal(0, 0.3, variable.shape))
    samples = [scenes(np.random.default_rng(each), 1) for each in range(4)]
    task.on_train_end(nets, iter(samples))
    return task, nets


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize(
    "chosen",
    [
        {"encoder": ENCODER},
        {"generator": LOCAL, "edges": False, "unknown": True},
        {"norm": "batch", "adversary": Adversary(loss=Hinge(), penalty=R1(), augment=(Color(),), spectral=True)},
    ],
    ids=["encoder", "local", "batch norm, another adversary"],
)
def test_it_fulfils_the_contract(chosen: dict[str, Any]) -> None:
    check_task(Pix2PixHd, options(**chosen), UNSEEN, batch=scenes, replicas="encoder" in chosen)


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize("chosen", [{"generator": GLOBAL}, {"generator": LOCAL, "norm": "batch", "channels": 1}])
def test_it_fulfils_the_contract_with_pictures(chosen: dict[str, Any]) -> None:
    check_task(Pix2PixHdPhoto, Pix2PixHdPhoto.Options(critic=CRITIC, **chosen), UNSEEN, replicas=False)


class TestLosses:
    def test_they_are_the_official_ones(self) -> None:
        given = official.entry("pix2pixHD.Pix2PixHDModel.forward")
        inputs, wanted = given.inputs, given.expected
        task = Pix2PixHd(options())
        judged = iter([inputs["feats_fake"], inputs["feats_real"]] * 2)
        critic: Any = lambda seen, training: next(judged)  # noqa: E731
        nets = kit.Networks({}, {"critic": critic}, task.frozen())
        batch = {"target": inputs["real_image"], "shown": np.zeros((*inputs["real_image"].shape[:3], 4), np.float32)}
        out = {"image": inputs["fake_image"]}
        terms = {**task.generator_losses(nets, batch, out), **task.critic_losses(nets, batch, out)}
        found = {name: float(np.mean(term)) * getattr(task.weights, name) for name, term in terms.items()}
        for name, theirs in (("adversarial", "G_GAN"), ("feature_matching", "G_GAN_Feat"), ("perceptual", "G_VGG")):
            assert found[name] == pytest.approx(wanted[theirs], rel=5e-6)
        assert found["critic_fake"] == pytest.approx(wanted["D_fake"] / 2, rel=1e-6)
        assert found["critic_real"] == pytest.approx(wanted["D_real"] / 2, rel=1e-6)

    def test_the_perceptual_loss_weights_layers_as_officially(self) -> None:
        given = official.entry("pix2pixHD.VGGLoss")
        network = TOY_VGG.build([*TAPS])
        image, target = (network(given.inputs[name]) for name in ("x", "y"))
        assert float(np.mean(perceptual(image, target, TAPS))) == pytest.approx(given.value, rel=5e-6)

    def test_without_its_weight_no_perceptual_network_is_needed(self) -> None:
        absent = PerceptualNetwork(weights="nowhere.pth")
        assert Pix2PixHd(options(features=absent), UNSEEN).frozen() == {}
        with pytest.raises(InteropError, match=r"nowhere\.pth"):
            Pix2PixHd(options(features=absent)).frozen()


class TestLabels:
    def test_the_network_input_is_classes_edges_and_features(self) -> None:
        plain, looks = (Pix2PixHd(options(encoder=each, unknown=True)).build() for each in (None, ENCODER))
        assert plain["global"].input_shape[-1] == 3 + 1 + 1
        assert looks["global"].input_shape[-1] == 3 + 1 + 1 + 2
        assert plain["critic"].input_shape[-1] == looks["critic"].input_shape[-1] == 3 + 1 + 1 + 3

    def test_instance_maps_are_required_if_needed(self) -> None:
        assert Pix2PixHd(options()).conditions()["instance"].required
        assert set(Pix2PixHd(options(edges=False, encoder=ENCODER)).conditions()) == {"instance", "seed", "appearance"}
        assert not Pix2PixHd(options(edges=False)).conditions()

    @pytest.mark.parametrize(
        ("chosen", "problem"),
        [
            ({}, "options.edges needs instance maps: state their folder in the data, or set edges to false"),
            (
                {"edges": False, "encoder": ENCODER},
                "options.encoder needs instance maps: state their folder in the data, or set encoder to null",
            ),
            ({"edges": False}, None),
        ],
    )
    def test_data_without_instance_maps_is_refused_if_they_are_needed(
        self, chosen: Mapping[str, Any], problem: str | None
    ) -> None:
        task = Pix2PixHd(options(**chosen))
        assert list(task.data_problems({"instances": False})) == ([problem] if problem else [])
        assert not task.data_problems({"instances": True})

    def test_ids_have_8_bits(self) -> None:
        with pytest.raises(ValidationError, match="254 at most"):
            options(classes=255, unknown=True)

    def test_sizes_are_multiples_for_all_networks(self) -> None:
        assert Pix2PixHd(Pix2PixHd.Options()).geometry().multiple == 16
        assert Pix2PixHd(Pix2PixHd.Options(generator=Generator(enhancers=2))).geometry().multiple == 64
        assert Pix2PixHd(options(encoder=EncoderOptions(network=InstanceEncoder(downs=3)))).geometry().multiple == 8


class Plain(kit.Architecture):
    """One convolution."""

    name = "plain"
    roles = ("coarse-to-fine",)
    uses = ("channels", "out_channels")

    def geometry(self, spec: kit.NetworkSpec) -> kit.Geometry:
        return kit.Geometry(1, 3, 1, spec.channels, spec.written)

    def build(self, spec: kit.NetworkSpec) -> Any:
        import keras

        image = keras.Input((None, None, spec.channels))
        return keras.Model(image, keras.layers.Conv2D(spec.written, 3, padding="same", activation="tanh")(image))


class Staged(Plain, CoarseToFineGenerator):
    """Two networks that a training may freeze one by one."""

    name = "staged"

    def build(self, spec: kit.NetworkSpec) -> Any:
        import keras

        sizes = {"coarse": (spec.channels, 2), "fine": (2, spec.written)}
        parts = {}
        for name, (read, written) in sizes.items():
            x = keras.Input((None, None, read))
            parts[name] = keras.Model(x, keras.layers.Conv2D(written, 1, activation="tanh")(x), name=name)
        source = keras.Input((None, None, spec.channels))
        return keras.Model(source, self.image(parts, source))

    @staticmethod
    def image(networks: Mapping[str, Any], source: Any, training: bool = False) -> Any:
        return networks["fine"](networks["coarse"](source, training=training), training=training)


class TestOtherNetworks:
    @pytest.mark.parametrize(("architecture", "roles"), [(Plain(), {"generator"}), (Staged(), {"coarse", "fine"})])
    def test_a_generator_of_another_plugin_is_trained_by_its_networks(
        self, architecture: kit.Architecture, roles: set[str]
    ) -> None:
        task = Pix2PixHd(options(generator=architecture, encoder=ENCODER), UNSEEN)
        nets, scene = task.build(), scenes(np.random.default_rng(0), 1)
        assert set(nets.generators) == {*roles, "encoder", "appearances"}
        inputs = {key: scene[key] for key in ("source", "instance")}
        assert task.translate(nets, inputs).shape == (1, 16, 16, 3)

    def test_sizes_fit_generator_and_encoder(self) -> None:
        chosen = options(generator=Plain(), encoder=EncoderOptions(network=InstanceEncoder(width=2, downs=3)))
        geometry = Pix2PixHd(chosen).geometry()
        assert (geometry.multiple, geometry.minimum, geometry.radius) == (24, 8, 2)

    def test_weights_outside_its_networks_would_be_lost(self) -> None:
        class Leaky(Staged):
            name = "leaky"

            def build(self, spec: kit.NetworkSpec) -> Any:
                import keras

                whole = super().build(spec)
                return keras.Model(whole.input, keras.layers.Conv2D(3, 1, name="late")(whole.output))

        with pytest.raises(ValueError, match="late/kernel of a coarse-to-fine generator is in none of its networks"):
            Pix2PixHd(options(generator=Leaky())).build()


class TestAppearances:
    def test_an_unknown_class_is_refused(self) -> None:
        """An object's id, such as Cityscapes' 26001, follows #."""
        parse = Pix2PixHd(options(encoder=ENCODER)).conditions()["appearance"].parse
        assert parse is not None
        assert parse("2=1,#26001=0") == Chosen({2: 1}, {26001: 0})
        with pytest.raises(ValueError, match="unknown class 26001: expected 0 to 2; write #26001 for the object"):
            parse("26001=0")

    def test_the_appearances_are_those_of_the_encoder(self, trained: tuple[Pix2PixHd, kit.Networks]) -> None:
        _, nets = trained
        table = nets["appearances"].get_layer("table")
        assert list(np.asarray(table.counts)) == [2, 2, 2]
        assert np.abs(np.asarray(table.centres)).max() < 1
        assert np.abs(np.diff(np.asarray(table.centres), axis=1)).max() > 1e-4
        assert not nets["appearances"].trainable_variables

    def test_a_chosen_appearance_changes_a_translation(self, trained: tuple[Pix2PixHd, kit.Networks]) -> None:
        task, nets = trained
        scene = scenes(np.random.default_rng(9), 1)
        ids = {name: scene[name][0].astype(np.int32) for name in ("label", "instance")}
        images = []
        for number in (0, 1, 2):
            given = task.condition_arrays({**ids, "appearance": Chosen(dict.fromkeys(range(3), number))})
            inputs = {"source": scene["label"], "instance": scene["instance"], "number": given["number"][None]}
            images.append(np.asarray(task.translate(nets, inputs)))
        assert np.abs(images[0] - images[1]).max() > 1e-4
        np.testing.assert_array_equal(images[0], images[2])  # two looks: the third is the first again

    def test_the_same_data_gives_the_same_appearances(self, trained: tuple[Pix2PixHd, kit.Networks]) -> None:
        task, nets = trained
        before = nets["appearances"].get_weights()
        task.on_train_end(nets, [scenes(np.random.default_rng(each), 1) for each in range(4)])
        for was, now in zip(before, nets["appearances"].get_weights(), strict=True):
            np.testing.assert_array_equal(was, now)

    def test_without_an_encoder_there_is_nothing_to_fill(self) -> None:
        task = Pix2PixHd(options())
        nets = task.build()
        task.on_train_end(nets, [])
        assert set(nets.generators) == {"global", "output"}


def test_training_defaults_are_those_of_the_paper() -> None:
    text = "name: a\ntask: pix2pixhd-photo\ndata: {kind: paired, folder: pictures}\ntraining: {steps: 100}\n"
    training = read_training_plan(parse_yaml(text, "/data/train.yaml"), Catalog.installed()).file.training
    for player in (training.generators, training.critics):
        adam = player.optimizer
        assert (adam.learning_rate, adam.beta_1) == (2e-4, 0.5)
        assert (player.schedule.kind, player.schedule.after) == ("linear", 0.5)
    assert training.ema is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_training_files_are_valid(path: Path, tmp_path: Path) -> None:
    (tmp_path / "runs" / "pix2pixhd" / "bundle").mkdir(parents=True)  # what the enhancer's begins with
    plan = read_training_plan(load_yaml(Path(shutil.copy(path, tmp_path))), Catalog.installed())
    assert plan.task.name == ("pix2pixhd-photo" if path.stem.endswith("photo") else "pix2pixhd")
    assert {path.stem for path in FILES} == {"pix2pixhd", "pix2pixhd-enhancer", "pix2pixhd-photo", "pix2pixhd-small"}


def test_the_enhancer_starts_from_the_networks_of_the_first_stage(tmp_path: Path) -> None:
    (tmp_path / "runs" / "pix2pixhd" / "bundle").mkdir(parents=True)
    [second, first] = (
        read_training_plan(load_yaml(Path(shutil.copy(path, tmp_path))), Catalog.installed())
        for path in FILES
        if not path.stem.endswith(("photo", "small"))
    )
    assert [stage.standing for stage in second.file.training.stages] == [("global",), ()]
    parts = [plan.task.options.generator.chosen for plan in (first, second)]
    assert parts[0].width == 2 * parts[1].width
    assert (parts[0].downs, parts[0].blocks) == (parts[1].downs, parts[1].blocks)
