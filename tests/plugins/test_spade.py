"""The SPADE plugin: the contract, the official losses, styles, checks of the data, its training files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import img2imgkit_plugins.spade as plugin
import numpy as np
import official_losses as official
import pytest
from img2imgkit_plugins.spade.styles import StyleOptions, reparameterized
from img2imgkit_plugins.spade.task import Spade

import img2imgkit as kit
from img2imgkit import Catalog
from img2imgkit.adversary import R1, Adversary, Color, Lsgan
from img2imgkit.architectures import Multiscale, StyleEncoder
from img2imgkit.architectures import Spade as Network
from img2imgkit.config import load_yaml, parse_yaml
from img2imgkit.errors import ConfigError, InteropError
from img2imgkit.importing import PerceptualNetwork
from img2imgkit.inference.inputs.conditions import conditioning
from img2imgkit.testing import check_task
from img2imgkit.training import read_training_plan

FILES = sorted(Path(plugin.__file__).parent.glob("*.yaml"))
FIXTURES = Path(__file__).parents[1] / "fixtures"
TOY_VGG = PerceptualNetwork(weights=str(FIXTURES / "losses" / "toy_vgg19.pth"), normalise=False)
CRITIC = Multiscale(width=2, layers=1, use_bias=False, init="xavier")
GENERATOR = Network(width=1, kernel_size=1)
STYLE = StyleOptions(code=3, size=(32, 64), encoder=StyleEncoder(width=1))
UNSEEN = Spade.Weights(perceptual=0)


def options(**chosen: Any) -> Any:
    return Spade.Options(**{"classes": 3, "generator": GENERATOR, "critic": CRITIC, "features": TOY_VGG, **chosen})


def scenes(random: np.random.Generator, count: int, height: int = 32, width: int = 32) -> dict[str, np.ndarray]:
    """Noise of every class; ``source`` is what a translation is given."""
    label, instance = (random.integers(0, 3, (count, height, width, 1)).astype(np.float32) for _ in range(2))
    photograph = random.uniform(-1, 1, (count, height, width, 3)).astype(np.float32)
    return {"label": label, "instance": instance, "target": photograph, "source": label}


@pytest.fixture(scope="module")
def styled() -> tuple[Spade, kit.Networks]:
    task = Spade(options(style=STYLE), UNSEEN)
    nets, random = task.build(), np.random.default_rng(0)
    for net in nets.generators.values():
        for variable in net.trainable_variables:
            fan = np.prod(variable.shape[:-1]) if len(variable.shape) > 1 else 100
            variable.assign(random.normal(0, 1 / np.sqrt(fan), variable.shape))
    return task, nets


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
def test_it_fulfils_the_contract() -> None:
    check_task(Spade, options(), UNSEEN)


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize(
    "chosen",
    [
        {"style": StyleOptions(code=3, size=(32, 32), encoder=StyleEncoder(width=1))},
        {
            **{"unknown": True, "edges": False, "norm": "instance", "spectral": False, "generator": Network(width=1)},
            "adversary": Adversary(loss=Lsgan(), penalty=R1(), augment=(Color(),), spectral=False),
        },
    ],
    ids=["styles", "no edges, instance norm, another adversary"],
)
def test_it_fulfils_the_contract_with_other_options(chosen: dict[str, Any]) -> None:
    side = 64 if chosen.get("norm") == "instance" else 32  # or the first map is one pixel, and its own mean
    check_task(Spade, options(**chosen), UNSEEN, batch=partial(scenes, height=side, width=side), replicas=False)


class TestLosses:
    def test_they_are_the_official_ones(self) -> None:
        given = official.entry("SPADE.Pix2PixModel.losses")
        inputs, wanted = given.inputs, given.expected
        images = len(inputs["real_image"])
        both = [
            [np.concatenate(pair) for pair in zip(*scale, strict=True)]
            for scale in zip(inputs["feats_fake"], inputs["feats_real"], strict=True)
        ]
        task = Spade(options(style=STYLE), Spade.Weights(feature_matching=20))  # two layers of features
        critic: Any = lambda seen, training: both  # noqa: E731
        nets = kit.Networks({}, {"critic": critic}, task.frozen())
        batch = {"target": inputs["real_image"], "shown": np.zeros((*inputs["real_image"].shape[:3], 4), np.float32)}
        out = {"image": inputs["fake_image"], "mean": inputs["mu"], "log_variance": inputs["logvar"]}
        terms = {**task.generator_losses(nets, batch, out), **task.critic_losses(nets, batch, out)}
        found = {name: float(np.mean(term)) * getattr(task.weights, name) for name, term in terms.items()}
        for name, theirs in (("adversarial", "GAN"), ("feature_matching", "GAN_Feat"), ("perceptual", "VGG")):
            assert found[name] == pytest.approx(wanted[theirs], rel=5e-6)
        assert found["critic_fake"] == pytest.approx(wanted["D_Fake"], rel=1e-6)
        assert found["critic_real"] == pytest.approx(wanted["D_real"], rel=1e-6)
        codes = len(inputs["mu"])  # officially the sum over the batch
        assert found["kld"] * codes == pytest.approx(wanted["KLD"], rel=1e-6)
        assert all(np.shape(term) == (images,) for name, term in terms.items() if name != "kld")

    def test_codes_are_sampled_as_officially(self) -> None:
        with np.load(FIXTURES / "spade_reparameterize.npz") as stored:
            code = reparameterized(stored["mu"], stored["logvar"], stored["eps"])
            np.testing.assert_allclose(code, stored["value"], rtol=1e-6, atol=1e-6)

    def test_without_its_weight_no_perceptual_network_is_needed(self) -> None:
        absent = PerceptualNetwork(weights="nowhere.pth")
        assert Spade(options(features=absent), UNSEEN).frozen() == {}
        with pytest.raises(InteropError, match=r"nowhere\.pth"):
            Spade(options(features=absent)).frozen()


class TestLabels:
    def test_the_network_input_is_classes_unknown_and_edges(self) -> None:
        task = Spade(options(unknown=True))
        label = np.array([[0, 2], [3, 1]], np.float32).reshape(1, 2, 2, 1)
        instance = np.array([[7, 7], [7, 8]], np.float32).reshape(1, 2, 2, 1)
        shown = np.asarray(task.prepare({"label": label, "instance": instance})["shown"])
        np.testing.assert_array_equal(shown[0, ..., :4].argmax(axis=-1), label[0, ..., 0])
        np.testing.assert_array_equal(shown[0, ..., 4], [[0, 1], [1, 1]])
        geometry = task.geometry()
        assert (geometry.ids, geometry.unknown, geometry.channels, geometry.written) == (4, True, 1, 3)

    def test_instance_maps_are_required_for_edges(self) -> None:
        assert Spade(options()).conditions()["instance"].required
        assert not Spade(options(edges=False)).conditions()

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            ({"kind": "semantic", "instances": True}, None),
            ({"instances": False}, "options.edges needs instance maps"),
        ],
    )
    def test_problems_of_the_data_are_reported(self, data: Mapping[str, Any], problem: str | None) -> None:
        found = list(Spade(options()).data_problems(data))
        assert len(found) == (problem is not None)
        assert problem is None or problem in found[0]


class TestStyles:
    def test_the_seed_determines_the_style(self, styled: tuple[Spade, kit.Networks]) -> None:
        task, _ = styled
        first, again, other = (task.condition_arrays({"seed": seed})["style"] for seed in (4, 4, 5))
        np.testing.assert_array_equal(first, again)
        assert first.shape == (3,)
        assert np.abs(first - other).max() > 0.1
        np.testing.assert_array_equal(task.condition_arrays({})["style"], task.condition_arrays({"seed": 0})["style"])

    def test_a_photographs_style_takes_precedence_over_the_seed(self, styled: tuple[Spade, kit.Networks]) -> None:
        task, nets = styled
        scene = scenes(np.random.default_rng(1), 1, 32, 64)
        ids = {key: np.asarray(scene[key])[0, ..., 0].astype(np.int32) for key in ("source", "instance")}
        style = np.asarray(task.encode(nets, "style", scene["target"]))[0]
        given = {"instance": ids["instance"], "label": ids["source"], "seed": 1}
        np.testing.assert_array_equal(conditioning(task, {**given, "style": style}, (32, 64)).vectors["style"], style)
        drawn = conditioning(task, given, (32, 64)).vectors["style"]
        np.testing.assert_array_equal(drawn, task.condition_arrays({"seed": 1})["style"])
        inputs = {key: scene[key] for key in ("source", "instance")}
        images = [np.asarray(task.translate(nets, {**inputs, "style": code[None]})) for code in (drawn, style)]
        assert np.abs(images[0] - images[1]).max() > 1e-3

    def test_two_photographs_have_two_styles(self, styled: tuple[Spade, kit.Networks]) -> None:
        task, nets = styled
        codes = np.asarray(task.encode(nets, "style", scenes(np.random.default_rng(1), 2, 40, 50)["target"]))
        assert np.abs(codes[0] - codes[1]).max() > 1e-3

    @pytest.mark.parametrize("value", [-1, "a", 1.5, True])
    def test_a_seed_is_a_whole_number(self, value: Any, styled: tuple[Spade, kit.Networks]) -> None:
        parse = styled[0].conditions()["seed"].parse
        assert parse is not None
        assert parse("12") == 12
        with pytest.raises(ValueError, match="expected a whole number, 0 or more"):
            parse(value)

    def test_the_trained_size_fits_the_network(self) -> None:
        wrong = options(style=StyleOptions(size=(64, 100)))
        with pytest.raises(ConfigError, match=r"generator: 'spade' cannot be built: size: 100 is not a multiple of 32"):
            kit.resolve(wrong, Catalog.installed({"IMG2IMG_PLUGINS": "spade"}))


class Flat(kit.Architecture):
    """One convolution, shifted by the mean of a code."""

    name = "flat"
    roles = ("label-map-generator",)
    uses = ("channels", "out_channels", "code")

    def geometry(self, spec: kit.NetworkSpec) -> kit.Geometry:
        return kit.Geometry(1, 2, 1, spec.channels, spec.written)

    def build(self, spec: kit.NetworkSpec) -> Any:
        import keras

        label_map, code = keras.Input((None, None, spec.channels)), keras.Input((spec.code,))
        image = keras.layers.Conv2D(spec.written, 3, padding="same")(label_map)
        moved = keras.layers.Add()([image, keras.layers.Reshape((1, 1, 1))(keras.layers.Dense(1)(code))])
        return keras.Model([label_map, code], keras.layers.Activation("tanh")(moved))


class TestOtherNetworks:
    def test_a_generator_of_another_plugin_gets_label_map_and_style(self) -> None:
        task = Spade(options(generator=Flat(), style=STYLE), UNSEEN)
        geometry = task.geometry()
        assert (geometry.multiple, geometry.radius, geometry.ids) == (2, 2, 3)  # one more pixel for the edges
        nets, scene = task.build(), scenes(np.random.default_rng(0), 1, 6, 8)
        inputs = {key: scene[key] for key in ("source", "instance")}
        images = [task.translate(nets, {**inputs, "style": np.full((1, 3), code, np.float32)}) for code in (-1, 1)]
        assert images[0].shape == (1, 6, 8, 3)
        assert np.abs(images[0] - images[1]).max() > 1e-4

    def test_a_crop_is_large_enough_for_the_critics(self) -> None:
        deep = Multiscale(width=2, layers=4, scales=3)
        assert Spade(options(generator=Flat(), style=STYLE, critic=deep)).minimum_crop() == 64
        assert Spade(options(critic=deep, generator=Network(width=2, upsampling="most"))).minimum_crop() == 128

    def test_a_network_without_a_style_code_is_refused_if_there_are_styles(self) -> None:
        class Plain(Flat):
            name = "plain"
            uses = ("channels", "out_channels")

        catalog = Catalog.installed({"IMG2IMG_PLUGINS": "spade"})
        kit.resolve(options(generator=Plain()), catalog)
        with pytest.raises(ConfigError, match="generator: 'plain' cannot be built: code: the task states 3"):
            kit.resolve(options(generator=Plain(), style=STYLE), catalog)

    def test_a_network_of_another_role_is_refused(self) -> None:
        wrong = options(style=StyleOptions(encoder="instance-encoder"))
        with pytest.raises(ConfigError, match="this option needs the role style-encoder"):
            kit.resolve(wrong, Catalog.installed({"IMG2IMG_PLUGINS": "spade,architectures"}))


def test_the_receptive_radius_is_finite_without_global_statistics() -> None:
    assert Spade(options()).geometry().radius == 224
    assert Spade(options(generator=Network(width=1), edges=False)).geometry().radius == 255
    for chosen in ({"norm": "instance"}, {"style": STYLE}):
        assert Spade(options(**chosen)).geometry().radius is None


def test_training_defaults_are_those_of_the_paper() -> None:
    text = (
        "name: a\ntask: spade\noptions: {classes: 3, edges: false}\n"
        "data: {kind: semantic, label: labels, target: photos, classes: 3}\ntraining: {steps: 100}\n"
    )
    training = read_training_plan(parse_yaml(text, "/data/train.yaml"), Catalog.installed()).file.training
    for player, rate in ((training.generators, 1e-4), (training.critics, 4e-4)):
        adam = player.optimizer
        assert (adam.learning_rate, adam.beta_1, adam.beta_2) == (rate, 0.0, 0.9)
        assert (player.schedule.kind, player.schedule.after) == ("linear", 0.5)
    assert training.ema is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_training_files_are_valid(path: Path) -> None:
    assert read_training_plan(load_yaml(path), Catalog.installed()).task.name == "spade"
    assert {path.stem for path in FILES} == {"spade", "spade-small", "spade-style"}
