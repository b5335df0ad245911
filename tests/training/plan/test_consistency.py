"""Consistency of options: combinations without effect or meaning are refused at their place."""

from __future__ import annotations

import pytest

from img2imgkit import Catalog
from img2imgkit.adversary import AdversarialLossChoice, Vanilla
from img2imgkit.config import parse_yaml
from img2imgkit.errors import ConfigError
from img2imgkit.training import TrainingPlan, read_training_plan

TEXT = """\
name: first
task: pix2pix
options: {adversary: {spectral: true}}
weights: {l1: 10.0}
data: {kind: paired, folder: pairs, resize: 286, crop: 256}
training: {steps: 100}
"""


def read(*changes: tuple[str, str]) -> TrainingPlan:
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return read_training_plan(parse_yaml(text, "/data/train.yaml"), Catalog.installed())


def problem(*changes: tuple[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        read(*changes)
    [found] = caught.value.problems
    return str(found).partition(": ")[2]


def test_a_nested_option_keeps_the_tasks_other_defaults() -> None:
    options = read().task.options
    assert options.adversary.spectral
    assert options.adversary.loss.kind == "vanilla"
    deeper = read(("{adversary: {spectral: true}}", "{critic: {layers: 4}, generator: {depth: 7}}")).task.options
    assert (deeper.critic.kind, deeper.critic.chosen.layers, deeper.generator.kind) == ("patch", 4, "unet")
    other = read(("{adversary: {spectral: true}}", "{generator: {kind: resnet}}")).task.options
    assert (other.generator.kind, other.generator.chosen.blocks) == ("resnet", 9)


def test_an_option_of_a_loss_keeps_the_tasks_loss() -> None:
    smooth = read(("spectral: true", "loss: {smoothing: 0.1}")).task.options.adversary
    assert smooth.loss == AdversarialLossChoice.read(Vanilla(smoothing=0.1))
    unbounded = ("spectral: true", "loss: {kind: relativistic, loss: wasserstein}")
    assert problem(unbounded).startswith("options.adversary.loss: relativistic needs a gradient penalty")


def test_a_wasserstein_critic_needs_a_bound() -> None:
    wasserstein = ("spectral: true", "loss: wasserstein")
    assert problem(wasserstein).startswith("options.adversary.loss: wasserstein needs a gradient penalty")
    read(("spectral: true", "loss: wasserstein, penalty: wgan_gp"))
    read(wasserstein, ("steps: 100", "steps: 100, critics: {clip_weights: 0.01}"))


def test_a_penalty_needs_its_weight_and_the_other_way_round() -> None:
    penalised = ("spectral: true", "penalty: r1")
    assert "r1 has no effect, because weights.penalty is 0" in problem(penalised, ("l1: 10.0", "penalty: 0.0"))
    read(penalised)
    lazy = ("steps: 100", "steps: 100, critics: {penalty_every: 16}")
    assert problem(lazy).startswith("training.critics.penalty_every: has no effect")
    read(penalised, lazy)


def test_a_crop_that_leaves_the_critic_nothing_is_refused() -> None:
    small = ("resize: 286, crop: 256", "resize: 16, crop: 16")
    shallow = ("{adversary: {spectral: true}}", "{generator: {depth: 3}}")
    assert problem(small, shallow) == "data.crop: 16 is too small; the task's networks need at least 32"


def test_a_stages_weights_are_bounded_as_the_tasks_are() -> None:
    staged = ("steps: 100", "stages: [{name: a, steps: 5, weights: {l1: -1.0}}]")
    assert problem(staged).startswith("training.stages.0.weights.l1: ")


def test_a_stage_cannot_raise_a_weight_from_zero() -> None:
    staged = ("steps: 100", "stages: [{name: a, steps: 5, weights: {l1: 1.0}}]")
    assert "cannot be raised from 0" in problem(("l1: 10.0", "l1: 0.0"), staged)


def test_two_players_that_both_skip_steps_are_refused() -> None:
    assert "some steps would update nothing" in problem(
        ("steps: 100", "steps: 100, generators: {every: 2}, critics: {every: 2}")
    )
