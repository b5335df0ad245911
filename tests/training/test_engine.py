"""One training step: who moves, what is averaged, what is counted; the same on one device and on two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from small_gan_task import SmallGan

import img2imgkit as kit
from img2imgkit import backend
from img2imgkit.errors import TrainingError
from img2imgkit.training.engine import Engine
from img2imgkit.training.options import Adam, PlayerOptions, Sgd, TrainingOptions

BATCH = 4


def batch_of(step: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(step)
    return {
        "source": random.uniform(-1, 1, (BATCH, 6, 6, 3)).astype(np.float32),
        "target": random.uniform(-1, 1, (BATCH, 12, 12, 3)).astype(np.float32),
    }


def engine_of(
    task: kit.Task | None = None, strategy: Any = None, player: PlayerOptions | None = None, **options: Any
) -> Engine:
    player = player or PlayerOptions(optimizer=Adam(learning_rate=1e-3))
    stated = TrainingOptions(**{"steps": 100, "generators": player, "critics": player, **options})
    return Engine(task or SmallGan(), stated, strategy or backend.strategy_over(["/cpu:0"]), BATCH)


def values(engine: Engine, start: str = "") -> dict[str, np.ndarray]:
    return {name: v.numpy() for name, v in engine.state.items() if name.startswith(start)}


def run(engine: Engine, steps: range) -> list[Mapping[str, float]]:
    logs = []
    for step in steps:
        engine.rates(step)
        logs.append({name: float(value) for name, value in engine.step(step, batch_of(step)).items()})
    return logs


def test_a_step_moves_both_players_and_reports_every_term() -> None:
    engine = engine_of()
    before = values(engine)
    [logs] = run(engine, range(1))
    assert logs.keys() == {
        "l1",
        "adversarial",
        "critic_real",
        "critic_fake",
        "generators_total",
        "critics_total",
        "finite",
    }
    assert logs["generators_total"] == pytest.approx(2 * logs["l1"] + 0.5 * logs["adversarial"], rel=1e-6)
    assert logs["finite"] == 1
    after = {**values(engine, "generators/"), **values(engine, "critics/")}
    assert not [name for name in after if np.array_equal(after[name], before[name])]


def test_terms_are_means_over_the_batch() -> None:
    engine = engine_of(player=PlayerOptions(optimizer=Sgd(learning_rate=1e-6)))
    image = np.asarray(engine.nets["generator"](batch_of(0)["source"]))
    [logs] = run(engine, range(1))
    assert logs["l1"] == pytest.approx(np.abs(image - batch_of(0)["target"]).mean(), rel=1e-4)


@pytest.mark.parametrize("order", [("generators", "critics"), ("critics", "generators")])
def test_a_player_that_has_to_wait_stands_still(order: tuple[str, ...]) -> None:
    class Ordered(SmallGan):
        pass

    Ordered.order = order  # type: ignore[misc]
    player = PlayerOptions(optimizer=Adam(learning_rate=1e-3))
    engine = engine_of(Ordered(), generators=player.model_copy(update={"every": 2}), critics=player)
    run(engine, range(1))
    before = values(engine)
    [logs] = run(engine, range(1, 2))
    assert "l1" not in logs
    after = values(engine)
    for name, was in before.items():
        if name.startswith(("generators/", "average/", "optimizer/generators/")):
            np.testing.assert_array_equal(after[name], was, err_msg=name)
        elif name.startswith("critics/"):
            assert (after[name] != was).any(), name


def test_the_second_to_move_meets_the_first_after_its_move() -> None:
    class CriticsFirst(SmallGan):
        order = ("critics", "generators")

    adversarial = []
    for task in (SmallGan(), CriticsFirst()):
        engine = engine_of(task, player=PlayerOptions(optimizer=Sgd(learning_rate=0.5)))
        adversarial.append(run(engine, range(1))[0]["adversarial"])
    assert adversarial[0] != pytest.approx(adversarial[1], rel=1e-3)


def test_the_average_follows_with_a_rising_decay() -> None:
    engine = engine_of(ema=0.2)
    expected = {
        name.removeprefix("generators/"): value.astype(np.float64)
        for name, value in values(engine, "generators/").items()
    }
    for step in range(6):
        run(engine, range(step, step + 1))
        decay = min(0.2, (1 + step) / (10 + step))
        for name, trained in values(engine, "generators/").items():
            key = name.removeprefix("generators/")
            expected[key] = expected[key] * decay + trained * (1 - decay)
    for name, wanted in expected.items():
        np.testing.assert_allclose(values(engine, "average/")[f"average/{name}"], wanted, atol=1e-6)
    assert engine.result is not engine.nets


def test_without_average_the_trained_networks_are_the_result() -> None:
    engine = engine_of(ema=None)
    assert engine.result is engine.nets
    assert not values(engine, "average/")


def test_a_gradient_that_is_not_finite_is_flagged_and_leaves_the_weights_finite() -> None:
    engine = engine_of()
    spoilt = batch_of(0)
    spoilt["target"][0, 0, 0, 0] = np.nan
    engine.rates(0)
    logs = engine.step(0, spoilt)
    assert float(logs["finite"]) == 0
    assert all(np.isfinite(value).all() for value in values(engine).values())


def test_a_term_that_trains_nothing_is_an_error() -> None:
    class Idle(SmallGan):
        def generator_losses(self, nets: Any, batch: Any, out: Any) -> dict[str, Any]:
            return super().generator_losses(nets, batch, {"fake": batch["target"]})

    with pytest.raises(TrainingError, match="no term of the generators depends on"):
        run(engine_of(Idle()), range(1))


def test_a_missing_term_is_an_error_in_the_first_step() -> None:
    class Forgetful(SmallGan):
        def critic_losses(self, nets: Any, batch: Any, out: Any) -> dict[str, Any]:
            terms = super().critic_losses(nets, batch, out)
            return {"critic_real": terms["critic_real"] + terms["critic_fake"]}

    with pytest.raises(TrainingError, match="weight 'critic_fake' has no term"):
        run(engine_of(Forgetful()), range(1))


def test_mixed_precision_computes_in_bfloat16_and_keeps_float32_weights() -> None:
    import keras

    engine = engine_of(precision="mixed_bfloat16")
    assert engine.nets["generator"].get_layer("in").compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    assert run(engine, range(2))[-1]["finite"] == 1
    assert {value.dtype for name, value in values(engine, "generators/").items()} == {np.dtype(np.float32)}


def test_the_same_seed_gives_the_same_training_and_another_one_another() -> None:
    one, same = (engine_of(SmallGan(SmallGan.Options(dropout=0.3))) for _ in range(2))
    other = engine_of(SmallGan(SmallGan.Options(dropout=0.3)), seed=2)
    first = values(one)
    assert any((value != first[name]).any() for name, value in values(other).items())
    run(one, range(2))
    run(same, range(2))
    for name, value in values(one).items():
        np.testing.assert_array_equal(values(same)[name], value, err_msg=name)


def test_a_batch_that_cannot_be_shared_evenly_is_an_error() -> None:
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(TrainingError, match="4 images cannot be shared evenly by 3 devices"):
        engine_of(strategy=Three())


@pytest.mark.usefixtures("two_cpus")
def test_two_devices_end_where_one_ends() -> None:
    ends = []
    for strategy in (backend.strategy_over(["/cpu:0"]), backend.mirrored_cpus(2)):
        engine = engine_of(strategy=strategy, player=PlayerOptions(optimizer=Adam(learning_rate=1e-3), clip=0.05))
        logs = run(engine, range(5))
        ends.append((values(engine), logs[-1]))
    (one, one_logs), (two, two_logs) = ends
    assert two_logs == pytest.approx(one_logs, abs=1e-5)
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, atol=1e-6, err_msg=name)


class Penalised(SmallGan):
    """With a gradient penalty on the critic: a term whose own gradient is of second order."""

    class Weights(SmallGan.Weights):
        penalty: float = 3.0

    def critic_losses(self, nets: Any, batch: Any, out: Any) -> dict[str, Any]:
        from keras import ops

        gradient = backend.input_gradient(lambda image: nets["critic"](image, training=True), batch["target"])
        penalty = ops.sum(ops.square(gradient), axis=(1, 2, 3))
        return {**super().critic_losses(nets, batch, out), "penalty": penalty}


def test_a_penalty_on_the_critics_gradient_trains_the_critic() -> None:
    only = Penalised.Weights(critic_real=0.0, critic_fake=0.0)
    engine = engine_of(Penalised(weights=only), player=PlayerOptions(optimizer=Adam(learning_rate=1e-2)))
    penalties = [log["penalty"] for log in run(engine, range(8))]
    assert penalties[-1] < 0.7 * penalties[0]
