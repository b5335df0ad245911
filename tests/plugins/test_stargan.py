"""The StarGAN plugin: the contract, label sets and their mask, conditions, its training files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import img2imgkit_plugins.stargan as plugin
import numpy as np
import pytest
from img2imgkit_plugins.stargan.labels import LabelSet, Names
from img2imgkit_plugins.stargan.task import CELEBA, StarGan
from tiny_tasks import loaded

from img2imgkit import Catalog
from img2imgkit.adversary import Adversary, Dragan, Hinge, Lsgan, Relativistic, Translation
from img2imgkit.architectures import Architecture, NetworkSpec, Stargan, StarganCritic
from img2imgkit.components import resolve
from img2imgkit.config import load_yaml
from img2imgkit.data import Labelled, LabelledOptions, open_reader
from img2imgkit.errors import ConfigError, TranslateError
from img2imgkit.geometry import Geometry
from img2imgkit.images import Picture, to_levels
from img2imgkit.inference import Translator, parse_condition
from img2imgkit.losses import binary_cross_entropy, cross_entropy
from img2imgkit.testing import check_architecture, check_task
from img2imgkit.training import read_training_plan

OFFICIAL = dict(np.load(Path(__file__).parents[1] / "fixtures" / "stargan_labels.npz"))  # of solver.py
FILES = sorted(Path(plugin.__file__).parent.glob("*.yaml"))
SMALL: dict[str, Any] = {
    "generator": Stargan(width=2, blocks=1),
    "critic": StarganCritic(width=2, layers=2),
    "size": 8,
}
ANIMALS = LabelSet(names=("cat", "dog", "owl"))
JOINT = Names((CELEBA, ANIMALS))


class Tinted(Architecture):
    """Another label generator, as a plugin could bring it (https://example.org/paper)."""

    name = "tinted"
    roles = ("label-generator",)
    uses = ("channels", "code")

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(radius=1, channels=spec.channels)

    def build(self, spec: NetworkSpec) -> Any:
        import keras

        source, label = keras.Input((None, None, spec.channels)), keras.Input((spec.code,))
        tint = keras.layers.Dense(spec.channels)(label)[:, None, None, :]
        image = keras.layers.Conv2D(spec.channels, 3, padding="same", activation="tanh")(source + tint)
        return keras.Model([source, label], image)


def task_of(*sets: LabelSet, **options: Any) -> StarGan:
    return StarGan(StarGan.Options(labels=sets or (CELEBA,), **{**SMALL, **options}))


def batch_of(task: StarGan, rng: np.random.Generator, images: int) -> dict[str, np.ndarray]:
    """Pictures of all sets in turn, with labels of theirs."""
    side, channels, parts = task.options.size, task.options.channels, task.names.slices()
    batch = {
        "source": rng.uniform(-1, 1, (images, side, side, channels)).astype(np.float32),
        "label_set": np.arange(images, dtype=np.int32) % len(parts),
    }
    for key in ("label", "target_label"):
        batch[key] = np.zeros((images, len(task.names.all)), np.float32)
        for row, number in enumerate(batch["label_set"]):
            width = parts[number].stop - parts[number].start
            attributes = rng.integers(2, size=width)
            classes = np.eye(width)[rng.integers(width)]
            of = task.options.labels[number]
            batch[key][row, parts[number]] = classes if of.kind == "classes" else attributes
    return batch


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize(
    ("sets", "options"),
    [
        ((CELEBA,), {}),
        ((ANIMALS,), {"channels": 1, "adversary": Adversary(loss=Relativistic(loss=Hinge()), spectral=True)}),
        ((CELEBA, ANIMALS), {"adversary": Adversary(loss=Lsgan(), penalty=Dragan(), augment=(Translation(),))}),
    ],
    ids=["attributes", "classes, grey, relativistic and spectral", "joint, augmented"],
)
def test_it_fulfils_the_contract(sets: tuple[LabelSet, ...], options: dict[str, Any]) -> None:
    task = task_of(*sets, **options)
    weights = StarGan.Weights() if task.options.adversary.penalty is not None else StarGan.Weights(penalty=0.0)
    check_task(StarGan, task.options, weights, replicas=not options)


class TestTraining:
    def test_classification_is_of_the_pictures_set(self) -> None:
        task, rng = task_of(CELEBA, ANIMALS), np.random.default_rng(0)
        batch, nets = batch_of(task, rng, 4), task.build()
        _, logits = nets["critic"](batch["source"])
        attributes = binary_cross_entropy(logits[:, :5], batch["label"][:, :5])
        classes = cross_entropy(logits[:, 5:], batch["label"][:, 5:])
        terms = task.critic_losses(nets, batch, {"fake": batch["source"]})
        expected = [attributes[0], classes[1], attributes[2], classes[3]]
        np.testing.assert_allclose(terms["critic_classification"], expected, rtol=1e-6)

    def test_the_other_sets_logits_have_no_gradient(self) -> None:
        import tensorflow as tf

        task, rng = task_of(CELEBA, ANIMALS), np.random.default_rng(0)
        nets = task.build()
        batch = {key: value[:1] for key, value in batch_of(task, rng, 1).items()}
        kernel = nets["critic"].get_layer("logits").kernel.value
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            terms = task.critic_losses(nets, batch, {"fake": batch["source"]})
            total = tf.reduce_sum(terms["critic_classification"])
        slope = np.abs(tape.gradient(total, kernel)).max(axis=(0, 1, 2))
        assert (slope[:5] > 0).all()
        np.testing.assert_array_equal(slope[5:], 0)

    def test_the_mask_states_the_set(self) -> None:
        """Of two sets the generator reads two numbers more: labels that are all 0 are not those of the other set."""
        task = task_of(CELEBA, ANIMALS)
        generator = task.build()["generator"]
        assert generator.inputs[1].shape == (None, 5 + 3 + 2)
        assert task_of().build()["generator"].inputs[1].shape == (None, 5)
        source, label = np.zeros((2, 8, 8, 3), np.float32), np.zeros((2, 8), np.float32)
        code = np.concatenate([label, [[1, 0], [0, 1]]], axis=1).astype(np.float32)
        inputs = {"source": source, "target_label": label, "label_set": np.int32([0, 1])}
        made = np.asarray(task.translate({"generator": generator}, inputs))
        np.testing.assert_array_equal(made, generator([source, code]))
        assert np.abs(made[0] - made[1]).max() > 1e-5

    def test_the_reconstruction_uses_both_labels(self) -> None:
        task, rng = task_of(), np.random.default_rng(0)
        batch, nets = batch_of(task, rng, 2), task.build()
        out = task.forward(nets, batch)
        fake = nets["generator"]([batch["source"], batch["target_label"]])
        np.testing.assert_allclose(out["fake"], fake, atol=1e-6)
        np.testing.assert_allclose(out["cycle"], nets["generator"]([np.asarray(fake), batch["label"]]), atol=1e-6)

    def test_any_label_generator_can_be_chosen(self) -> None:
        check_architecture(Tinted(), NetworkSpec(code=3))
        task = task_of(CELEBA, ANIMALS, generator=Tinted())
        batch, nets = batch_of(task, np.random.default_rng(0), 2), task.build()
        assert nets["generator"].inputs[1].shape == (None, 5 + 3 + 2)
        assert task.geometry() == Geometry(radius=1)
        assert task.forward(nets, batch)["cycle"].shape == batch["source"].shape

    def test_labels_and_size_must_match_the_data(self, tmp_path: Path) -> None:
        from PIL import Image

        for name in ("cat", "owl"):
            (tmp_path / name).mkdir()
            Image.new("RGB", (9, 9)).save(tmp_path / name / "0.png")
        task = task_of(ANIMALS)
        for resize, problems in ((8, 1), (16, 2)):
            options = LabelledOptions(kind="labelled", folder=tmp_path, center_crop=None, resize=resize)
            found = task.data_problems(open_reader(Labelled(options), task.geometry()).description)
            assert len(found) == problems
            assert "are [cat, owl], but the task's are [cat, dog, owl]" in found[0]
        assert "'resize' is 16, but the task's 'size' is 8" in found[1]
        suited = {"sets": [["cat", "dog", "owl"]], "size": 8}
        assert not task.data_problems(suited)
        assert task.data_problems({**suited, "sets": [["dog", "cat", "owl"]]})


class TestConditions:
    def test_every_domain_can_be_selected(self) -> None:
        task = task_of(CELEBA, ANIMALS)
        domain = task.conditions()["domain"]
        assert domain.values == (*CELEBA.names, *ANIMALS.names)
        assert domain.parse is not None
        for number, name in enumerate(domain.values):
            given = task.condition_arrays({"domain": domain.parse(name)})
            np.testing.assert_array_equal(given["target_label"], np.eye(8)[number])
            np.testing.assert_array_equal(given["label_set"], [number >= 5])
            assert {array.dtype for array in given.values()} == {np.dtype("float32")}

    def test_the_first_domain_is_the_default(self) -> None:
        np.testing.assert_array_equal(task_of().condition_arrays({})["target_label"], [1, 0, 0, 0, 0])

    def test_several_attributes_are_joined(self) -> None:
        given = task_of().condition_arrays({"domain": JOINT.parsed("Blond_Hair + Male")})
        np.testing.assert_array_equal(given["target_label"], [0, 1, 0, 1, 0])

    @pytest.mark.parametrize(
        ("stated", "reason"),
        [
            ("Blond_Har", r"unknown name 'Blond_Har'; did you mean 'Blond_Hair'\?; expected one of Black_Hair,"),
            ("Male+cat", "'Male' and 'cat' are in different label sets"),
            ("cat+dog", "'cat' and 'dog' exclude each other"),
            ("Black_Hair+Male+Brown_Hair", "'Black_Hair' and 'Brown_Hair' exclude each other"),
            (3, "expected a name, or several joined by '\\+', got 3"),
            ("", "unknown name ''"),
        ],
    )
    def test_invalid_names_are_refused(self, stated: Any, reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            JOINT.parsed(stated)

    def test_a_class_is_not_flipped(self) -> None:
        with pytest.raises(ValueError, match="'cat' is a class, which cannot be flipped; use 'domain' for it"):
            JOINT.toggled("cat")
        assert set(task_of(ANIMALS).conditions()) == {"domain"}
        assert set(task_of().conditions()) == {"domain", "flip", "attributes"}

    def test_flips_are_those_of_the_official_code(self) -> None:
        """Its ``create_labels`` gives, for each attribute, every picture's label with that one flipped."""
        names, task = Names((CELEBA,)), task_of()
        for row, name in enumerate(CELEBA.names):
            for number, own in enumerate(OFFICIAL["own"]):
                attributes = {"Bald": True, **dict(zip(names.all, own > 0, strict=True))}
                label = task.condition_arrays({"flip": names.toggled(name), "attributes": attributes})["target_label"]
                np.testing.assert_array_equal(label, OFFICIAL["attributes"][row, number])

    def test_domains_are_the_official_codes_for_classes(self) -> None:
        task = task_of(LabelSet(names=tuple("abcde")))
        made = [task.condition_arrays({"domain": (name,)})["target_label"] for name in "abcde"]
        for row, label in enumerate(made):
            np.testing.assert_array_equal(OFFICIAL["classes"][row], [label, label])

    def test_several_are_flipped_one_after_the_other(self) -> None:
        own = dict(zip(CELEBA.names, (True, False, False, True, True), strict=True))
        label = JOINT.flipped(JOINT.toggled("Brown_Hair+Male"), own)
        np.testing.assert_array_equal(label, [0, 0, 1, 0, 1, 0, 0, 0])

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"flip": ("Male",)}, "'flip' needs 'attributes'"),
            ({"flip": ("Male",), "domain": ("Male",)}, "both 'domain' and 'flip'"),
            ({"flip": ("Male",), "attributes": {"Male": True}}, "'Black_Hair' is missing"),
        ],
    )
    def test_missing_inputs_of_a_flip_are_reported(self, given: dict[str, Any], reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            task_of().condition_arrays(given)

    def test_a_translator_applies_the_conditions(self) -> None:
        bundle = loaded(StarGan, labels=(CELEBA, ANIMALS), **SMALL)
        translator, task = Translator(bundle, device="cpu"), bundle.task
        picture = Picture(np.random.default_rng(0).integers(0, 256, (12, 9, 3)).astype(np.uint8))

        def made(**stated: Any) -> np.ndarray:
            attributes = stated.pop("attributes", None)
            given = {name: parse_condition(task, name, value) for name, value in stated.items()}
            given |= {"attributes": attributes} if attributes else {}
            return translator.translate(picture, given).picture.color

        blond = made(domain="Blond_Hair")
        own = dict.fromkeys(CELEBA.names, False)
        np.testing.assert_array_equal(made(flip="Blond_Hair", attributes={**own, "Brown_Hair": True}), blond)
        others = [made(domain=name) for name in ("Blond_Hair+Male", "dog", "owl")]
        assert all((other != blond).any() for other in others)
        np.testing.assert_array_equal(made(), made(domain="Black_Hair"))
        with pytest.raises(TranslateError, match="task 'stargan': 'flip' needs 'attributes'"):
            made(flip="Male")
        with pytest.raises(ConfigError, match="input 'domain' of task 'stargan': unknown name 'bird'"):
            made(domain="bird")


def test_levels_are_those_that_the_official_code_saves() -> None:
    """Its ``denorm``, and what torchvision's ``save_image`` makes of it."""
    saved = np.floor(OFFICIAL["denorm"] * 255 + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(to_levels(OFFICIAL["image"], np.uint8), saved)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"size": 10}, "critic: .*stargan-critic.* size: expected a square, a multiple of 4 for layers 2, got 10x10"),
        ({"size": 6, "critic": StarganCritic(layers=1)}, "size: expected a multiple of 4 for the generator, got 6"),
        ({"size": 4}, "size: expected at least 8 for generator and critic, got 4"),
        ({"labels": ({"names": ("a", "b")}, {"names": ("b", "c")})}, "labels: 'b' is in two sets"),
        ({"labels": ({"names": ("a", "a")},)}, "names: 'a' is listed twice"),
        ({"labels": ({"names": ("a",)},)}, "at least two classes are needed"),
        ({"labels": ({"names": ("a+b", "c")},)}, r"'a\+b' is empty or contains '\+'"),
        ({"labels": ({"names": ("a", "b"), "exclusive": (("a", "b"),)},)}, "classes are always mutually exclusive"),
        (
            {"labels": ({"names": ("Male", "b"), "kind": "attributes", "exclusive": (("Mal", "b"),)},)},
            "exclusive: 'Mal' is not one of the names; did you mean 'Male'",
        ),
    ],
)
def test_contradicting_options_are_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises((ValueError, ConfigError), match=reason):
        resolve(StarGan.Options(**{**SMALL, **options}), Catalog.installed())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_training_files_are_valid(path: Path) -> None:
    plan = read_training_plan(load_yaml(path), Catalog.installed())
    assert plan.task.name == "stargan"
    assert {path.stem for path in FILES} == {
        "stargan",
        "stargan-folders",
        "stargan-joint",
        "stargan-small",
        "stargan-typefaces",
    }
    stated = json.loads(json.dumps(load_yaml(path).data["data"]))
    selected = [stated["selected"], *(each["selected"] for each in stated.get("more", ()))]
    assert not plan.task.data_problems({"sets": selected, "size": stated["resize"]})
