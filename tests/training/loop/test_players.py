"""Players: the order of updates, and exactly one owner of every variable."""

from __future__ import annotations

import pytest
from small_gan_task import SmallGan

import img2imgkit as kit
from img2imgkit.errors import TrainingError
from img2imgkit.training.loop.players import players_of
from img2imgkit.training.plan.training_options import Adam, Cosine, PlayerOptions, TrainingOptions

OPTIONS = TrainingOptions(steps=101)


class CriticsFirst(SmallGan):
    order = ("critics", "generators")


class Misordered(SmallGan):
    order = ("generators", "critic")


class Forgetful(SmallGan):
    order = ("generators",)


def test_players_move_in_the_tasks_order_with_their_own_variables() -> None:
    task = CriticsFirst()
    nets = task.build()
    players = players_of(task, nets, OPTIONS)
    assert list(players) == ["critics", "generators"]
    assert [id(v) for v in players["critics"].variables] == [id(v) for v in nets["critic"].trainable_variables]
    assert len(players["critics"].optimizers[""].variables) > len(players["critics"].variables)  # slots exist already


def test_rate_and_turn_come_from_the_players_options() -> None:
    generators = PlayerOptions(optimizer=Adam(learning_rate=1e-2), schedule=Cosine(), every=3)
    options = OPTIONS.model_copy(update={"generators": generators})
    player = players_of(SmallGan(), SmallGan().build(), options)["generators"]
    assert [step for step in range(8) if player.moves_in(step)] == [0, 3, 6]
    assert player.set_rate(50, 101) == pytest.approx(5e-3)
    assert float(player.optimizers[""].learning_rate.numpy()) == pytest.approx(5e-3)


@pytest.mark.parametrize(
    ("task", "message"), [(Misordered(), "order is .*'critic'"), (Forgetful(), "has critics, but its order")]
)
def test_an_order_that_does_not_fit_is_an_error(task: kit.Task, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        players_of(task, task.build(), OPTIONS)


def test_a_shared_variable_is_an_error() -> None:
    nets = SmallGan().build()
    shared = kit.Networks(nets.generators, {"critic": nets["generator"]})
    with pytest.raises(TrainingError, match="belongs to both 'generator' and 'critic'"):
        players_of(SmallGan(), shared, OPTIONS)


def test_a_frozen_network_may_not_be_trained() -> None:
    nets = SmallGan().build()
    with pytest.raises(TrainingError, match="belongs to both"):
        players_of(SmallGan(), kit.Networks(nets.generators, nets.critics, {"features": nets["critic"]}), OPTIONS)


def test_networks_that_cannot_learn_are_an_error() -> None:
    nets = SmallGan().build()
    nets["generator"].trainable = False
    with pytest.raises(TrainingError, match="have no trainable variable"):
        players_of(SmallGan(), nets, OPTIONS)
