"""The FUNIT plugin: the contract, the official training steps, class pictures, its training files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import img2imgkit_plugins.funit as plugin
import numpy as np
import official_funit
import official_losses
import pytest
from checkpoints import INSTALLED
from img2imgkit_plugins.funit.task import Funit

from img2imgkit import Catalog
from img2imgkit.adversary import R1, Adversary, Lsgan, Relativistic, Translation
from img2imgkit.architectures import (
    AdainDecoder,
    Architecture,
    ClassCritic,
    ClassEncoder,
    ContentEncoder,
    NetworkSpec,
)
from img2imgkit.components import resolve
from img2imgkit.config import load_yaml, parse_yaml
from img2imgkit.errors import ConfigError
from img2imgkit.geometry import Geometry
from img2imgkit.importing import put
from img2imgkit.testing import check_architecture, check_task
from img2imgkit.training import read_training_plan

Arrays = dict[str, np.ndarray]
FILES = sorted(Path(plugin.__file__).parent.glob("*.yaml"))
SMALL: dict[str, Any] = {
    "content_encoder": ContentEncoder(downs=2, blocks=1, width=2),
    "class_encoder": ClassEncoder(downs=2, width=2),
    "decoder": AdainDecoder(blocks=1, mlp_width=6),
    "critic": ClassCritic(width=2, blocks=4),
    **{"classes": 3, "code": 4, "size": 16},
}


class Halves(Architecture):
    """Another content encoder, as a plugin could bring it (https://example.org/paper)."""

    name = "halves"
    roles = ("content-encoder",)
    makes_pictures = False
    factor: ClassVar[int] = 2

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(1, self.factor, 3, spec.channels, 6, minimum=self.factor)

    def build(self, spec: NetworkSpec) -> Any:
        import keras

        return keras.Sequential(
            [keras.Input((None, None, spec.channels)), keras.layers.Conv2D(6, 3, self.factor, "same", name="conv")]
        )


class Thirds(Halves):
    """A content code of a third of the size (https://example.org/paper)."""

    name = "thirds"
    factor: ClassVar[int] = 3


def batch(random: np.random.Generator, images: int, channels: int = 3) -> Arrays:
    labels = {key: random.integers(3, size=images).astype(np.int32) for key in ("content_label", "class_label")}
    pictures = random.uniform(-1, 1, (2, images, 16, 16, channels)).astype(np.float32)
    return {"content": pictures[0], "class": pictures[1], **labels}


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
def test_it_fulfils_the_contract() -> None:
    check_task(Funit, Funit.Options(**SMALL))


@pytest.mark.slow
@pytest.mark.usefixtures("two_cpus")
def test_it_fulfils_the_contract_with_another_adversary() -> None:
    adversary = Adversary(loss=Relativistic(loss=Lsgan()), penalty=R1(), augment=(Translation(),), spectral=True)
    options = Funit.Options(**{**SMALL, "channels": 1, "adversary": adversary, "decoder": AdainDecoder(mlp_layers=2)})
    check_task(Funit, options, Funit.Weights(slope=0), replicas=False)


def test_training_defaults_are_the_official_ones() -> None:
    text = "name: a\ntask: funit\noptions: {classes: 2}\ndata: {kind: few_shot, folder: p}\ntraining: {steps: 100}\n"
    training = read_training_plan(parse_yaml(text, "/data/train.yaml"), Catalog.installed()).file.training
    for player in (training.generators, training.critics):
        wanted = {"kind": "rmsprop", "learning_rate": 1e-4, "rho": 0.99, "momentum": 0.0}
        assert player.optimizer.model_dump() == {**wanted, "epsilon": 1e-8, "weight_decay": 1e-4}
        assert player.schedule.kind == "constant"
    assert training.ema == 0.999


def test_classes_and_size_must_match_the_data() -> None:
    task = Funit(Funit.Options(**SMALL))
    fits = {"kind": "few_shot", "pictures": 9, "size": 16, "classes": ["a", "b", "c"]}
    assert not task.data_problems(fits)
    assert list(task.data_problems({**fits, "classes": ["a", "b"]})) == ["classes is 3, but the data has 2"]
    problem = "the data's 'crop' is 24, but the task's 'size' is 16: set both to the same value"
    assert list(task.data_problems({**fits, "size": 24})) == [problem]


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"class_encoder": ClassEncoder(downs=5)}, "size: class_encoder 'class-encoder' needs .* at least 32, got 16"),
        ({"content_encoder": Thirds()}, "decoder: .*adain-decoder.* scale 3: expected a power of 2"),
        ({"content_encoder": ContentEncoder(downs=2, width=2), "decoder": ContentEncoder()}, "role content-encoder"),
    ],
)
def test_networks_that_do_not_fit_are_refused(stated: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        resolve(Funit.Options(**{**SMALL, **stated}), Catalog.installed())


def test_another_content_encoder_determines_the_decoder() -> None:
    """Only its geometry states the channels and the size of its content code."""
    task = Funit(resolve(Funit.Options(**{**SMALL, "content_encoder": Halves()}), Catalog.installed()))
    assert task.geometry() == Geometry(multiple=2, radius=None, minimum=4)
    nets, made = task.build(), batch(np.random.default_rng(0), 2)
    assert nets["decoder"].inputs[0].shape == (None, None, None, 6)
    out = task.forward(nets, made)
    assert out["translation"].shape == made["content"].shape
    check_architecture(Halves())


def test_a_step_and_a_translation_work_at_the_minimum_crop() -> None:
    task = Funit(Funit.Options(**{**SMALL, "critic": ClassCritic(width=2, blocks=8)}))
    side = task.minimum_crop()
    nets, made = task.build(), batch(np.random.default_rng(0), 2)
    small = {key: value[:, :side, :side] if value.ndim == 4 else value for key, value in made.items()}
    out = task.forward(nets, small)
    assert side == 16
    assert out["translation"].shape == small["content"].shape
    for terms in (task.generator_losses(nets, small, out), task.critic_losses(nets, small, out)):
        assert all(np.isfinite(np.asarray(term)).all() for term in terms.values())


def test_translation_accepts_the_mean_code_of_several_pictures() -> None:
    """One code for each picture; a single one translates as training does."""
    task = Funit(Funit.Options(**SMALL))
    nets, made = task.build(), batch(np.random.default_rng(0), 2)
    codes = np.asarray(task.encode(nets, "class", made["class"]))
    assert task.conditions()["class"].required
    assert task.conditions()["class"].size == 16
    assert codes.shape == (2, 4)
    alone = np.asarray(task.translate(nets, {"source": made["content"], "class": codes}))
    np.testing.assert_allclose(alone, task.forward(nets, made)["translation"], atol=1e-5)
    mean = np.repeat(codes.mean(0, keepdims=True), 2, axis=0)
    both = np.asarray(task.translate(nets, {"source": made["content"], "class": mean}))
    assert np.abs(both - alone).max() > 1e-3


def test_each_picture_is_scored_for_its_own_class() -> None:
    task = Funit(Funit.Options(**SMALL))
    nets, made = task.build(), batch(np.random.default_rng(0), 2)
    out = task.forward(nets, made)
    other = {**made, "class_label": (made["class_label"] + np.int32([0, 1])) % 3}
    for name in ("critic_real", "critic_fake"):
        first, second = (np.asarray(task.critic_losses(nets, each, out)[name]) for each in (made, other))
        assert first[0] == pytest.approx(second[0], rel=1e-5)
        assert first[1] != pytest.approx(second[1], rel=1e-3)


@pytest.mark.slow
def test_training_steps_are_the_official_ones() -> None:
    """Losses and images of three steps, beside what weights that differ by 1e-6 do to the official ones."""
    noise = official_funit.config()["sensitivity_to_1e-6_relative_weight_noise"]
    for each in official_funit.differences():
        if each.figure in official_funit.PROBES:
            allowed = max(4e-5, noise["probe_abs_per_iteration"][each.step][each.figure])
        else:
            allowed = max(1e-5, noise["losses_rel_per_iteration"][each.step - 1])
        assert each.apart <= allowed, each


def test_the_critics_terms_are_the_official_ones() -> None:
    given = official_losses.entry("FUNIT.GPPatchMcResDis.losses")
    task = Funit(Funit.Options(**{**SMALL, "classes": 5, "critic": ClassCritic(width=4, blocks=4)}))
    nets = task.build()
    put(official_losses.weights("funit_critic"), nets["critic"], INSTALLED)
    shown = {"content": given.inputs["x_real"], "class": given.inputs["x_real"]}
    labels = dict.fromkeys(("content_label", "class_label"), given.inputs["y"].astype(np.int32))
    out = {"translation": given.inputs["x_fake"], "reconstruction": given.inputs["x_fake"]}
    made = {**shown, **labels}
    terms = task.generator_losses(nets, made, out) | task.critic_losses(nets, made, out)
    terms |= task.critic_penalties(nets, made, out)
    wanted = {"critic_real": "dis_real_loss", "critic_fake": "dis_fake_loss", "adversarial": "gen_loss"}
    for name, official in {**wanted, "slope": "grad2"}.items():
        assert float(np.mean(terms[name])) == pytest.approx(given.expected[official], rel=5e-6), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_training_files_are_valid(path: Path) -> None:
    assert read_training_plan(load_yaml(path), Catalog.installed()).task.name == "funit"
    assert {path.stem for path in FILES} == {"funit", "funit-small"}
