"""The training step: updates, averages and logs; equal on one device and on two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from small_gan_task import SmallGan

import img2imgkit as kit
from img2imgkit import backend
from img2imgkit.errors import TrainingError
from img2imgkit.losses import l2
from img2imgkit.training.loop.trainer import Trainer
from img2imgkit.training.plan.training_options import (
    Adam,
    CriticOptions,
    Linear,
    PlayerOptions,
    Sgd,
    Stage,
    TrainingOptions,
)

BATCH = 4


def batch_of(step: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(step)
    return {
        "source": random.uniform(-1, 1, (BATCH, 6, 6, 3)).astype(np.float32),
        "target": random.uniform(-1, 1, (BATCH, 12, 12, 3)).astype(np.float32),
    }


def trainer_of(
    task: kit.Task | None = None, strategy: Any = None, player: PlayerOptions | None = None, **options: Any
) -> Trainer:
    player = player or PlayerOptions(optimizer=Adam(learning_rate=1e-3))
    critics = CriticOptions(**player.model_dump())
    stated = TrainingOptions(**{"steps": 100, "generators": player, "critics": critics, **options})
    return Trainer(task or SmallGan(), stated, strategy or backend.strategy_over(["/cpu:0"]), BATCH, batch_of(0))


def values(trainer: Trainer, start: str = "") -> dict[str, np.ndarray]:
    return {name: v.numpy() for name, v in trainer.state.items() if name.startswith(start)}


def run(trainer: Trainer, steps: range) -> list[Mapping[str, float]]:
    logs = []
    for step in steps:
        trainer.rates(step)
        logs.append({name: float(value) for name, value in trainer.step(step, batch_of(step)).items()})
    return logs


def test_a_step_moves_both_players_and_reports_every_term() -> None:
    trainer = trainer_of()
    before = values(trainer)
    [logs] = run(trainer, range(1))
    assert logs.keys() == {
        "l1",
        "adversarial",
        "critic_real",
        "critic_fake",
        "generators_total",
        "critics_total",
        "generators_gradient",
        "critics_gradient",
        "finite",
    }
    assert logs["generators_total"] == pytest.approx(2 * logs["l1"] + 0.5 * logs["adversarial"], rel=1e-6)
    assert logs["finite"] == 1
    after = {**values(trainer, "generators/"), **values(trainer, "critics/")}
    assert not [name for name in after if np.array_equal(after[name], before[name])]


def test_steps_of_equal_moves_share_one_graph() -> None:
    traced = 0

    class Counting(SmallGan):
        def forward(self, nets: Any, batch: Any) -> Any:
            nonlocal traced
            traced += 1
            return super().forward(nets, batch)

    run(trainer_of(Counting(), critics=CriticOptions(every=2)), range(6))
    assert traced == 2


def test_terms_are_means_over_the_batch() -> None:
    trainer = trainer_of(player=PlayerOptions(optimizer=Sgd(learning_rate=1e-6)))
    image = np.asarray(trainer.nets["generator"](batch_of(0)["source"]))
    [logs] = run(trainer, range(1))
    assert logs["l1"] == pytest.approx(np.abs(image - batch_of(0)["target"]).mean(), rel=1e-4)


@pytest.mark.parametrize("order", [("generators", "critics"), ("critics", "generators")])
def test_a_player_is_updated_every_nth_step_only(order: tuple[str, ...]) -> None:
    class Ordered(SmallGan):
        pass

    Ordered.order = order  # type: ignore[misc]
    player = PlayerOptions(optimizer=Adam(learning_rate=1e-3))
    trainer = trainer_of(Ordered(), generators=player.model_copy(update={"every": 2}))
    run(trainer, range(1))
    before = values(trainer)
    [logs] = run(trainer, range(1, 2))
    assert "l1" not in logs
    after = values(trainer)
    for name, was in before.items():
        if name.startswith(("generators/", "average/", "optimizer/generators/")):
            np.testing.assert_array_equal(after[name], was, err_msg=name)
        elif name.startswith("critics/"):
            assert (after[name] != was).any(), name


def test_the_second_player_sees_the_first_after_its_update() -> None:
    class CriticsFirst(SmallGan):
        order = ("critics", "generators")

    adversarial = []
    for task in (SmallGan(), CriticsFirst()):
        trainer = trainer_of(task, player=PlayerOptions(optimizer=Sgd(learning_rate=0.5)))
        adversarial.append(run(trainer, range(1))[0]["adversarial"])
    assert adversarial[0] != pytest.approx(adversarial[1], rel=1e-3)


def test_the_average_follows_with_a_rising_decay() -> None:
    trainer = trainer_of(ema=0.2)
    expected = {
        name.removeprefix("generators/"): value.astype(np.float64)
        for name, value in values(trainer, "generators/").items()
    }
    for step in range(6):
        run(trainer, range(step, step + 1))
        decay = min(0.2, (1 + step) / (10 + step))
        for name, trained in values(trainer, "generators/").items():
            key = name.removeprefix("generators/")
            expected[key] = expected[key] * decay + trained * (1 - decay)
    for name, wanted in expected.items():
        np.testing.assert_allclose(values(trainer, "average/")[f"average/{name}"], wanted, atol=1e-6)
    assert trainer.result is not trainer.nets


def test_without_average_the_trained_networks_are_the_result() -> None:
    trainer = trainer_of(ema=None)
    assert trainer.result is trainer.nets
    assert not values(trainer, "average/")


def test_a_gradient_that_is_not_finite_is_flagged_and_leaves_the_weights_finite() -> None:
    trainer = trainer_of()
    spoilt = batch_of(0)
    spoilt["target"][0, 0, 0, 0] = np.nan
    trainer.rates(0)
    logs = trainer.step(0, spoilt)
    assert float(logs["finite"]) == 0
    assert all(np.isfinite(value).all() for value in values(trainer).values())


def test_a_term_without_gradient_is_an_error() -> None:
    class Idle(SmallGan):
        def generator_losses(self, nets: Any, batch: Any, out: Any) -> dict[str, Any]:
            return super().generator_losses(nets, batch, {"fake": batch["target"]})

    with pytest.raises(TrainingError, match="no term of the generators depends on"):
        run(trainer_of(Idle()), range(1))


def test_a_duplicate_term_is_an_error() -> None:
    class Doubled(SmallGan):
        def critic_losses(self, nets: Any, batch: Any, out: Any) -> dict[str, Any]:
            return {**super().critic_losses(nets, batch, out), "l1": l2(out["fake"], batch["target"])}

    with pytest.raises(TrainingError, match="term 'l1' is returned twice"):
        run(trainer_of(Doubled()), range(1))


def test_a_missing_term_is_an_error_in_the_first_step() -> None:
    class Forgetful(SmallGan):
        def critic_losses(self, nets: Any, batch: Any, out: Any) -> dict[str, Any]:
            terms = super().critic_losses(nets, batch, out)
            return {"critic_real": terms["critic_real"] + terms["critic_fake"]}

    with pytest.raises(TrainingError, match="weight 'critic_fake' has no term"):
        run(trainer_of(Forgetful()), range(1))


def test_mixed_precision_computes_in_bfloat16_and_keeps_float32_weights() -> None:
    import keras

    trainer = trainer_of(precision="mixed_bfloat16")
    assert trainer.nets["generator"].get_layer("in").compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    assert run(trainer, range(2))[-1]["finite"] == 1
    assert {value.dtype for name, value in values(trainer, "generators/").items()} == {np.dtype(np.float32)}


def test_the_same_seed_gives_the_same_training_and_another_one_another() -> None:
    one, same = (trainer_of(SmallGan(SmallGan.Options(dropout=0.3))) for _ in range(2))
    other = trainer_of(SmallGan(SmallGan.Options(dropout=0.3)), seed=2)
    first = values(one)
    assert any((value != first[name]).any() for name, value in values(other).items())
    run(one, range(2))
    run(same, range(2))
    for name, value in values(one).items():
        np.testing.assert_array_equal(values(same)[name], value, err_msg=name)


def test_a_batch_that_cannot_be_divided_among_devices_is_an_error() -> None:
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(TrainingError, match="4 images cannot be divided evenly among 3 devices"):
        trainer_of(strategy=Three())


@pytest.mark.usefixtures("two_cpus")
def test_two_devices_end_where_one_ends() -> None:
    ends = []
    for strategy in (backend.strategy_over(["/cpu:0"]), backend.mirrored_cpus(2)):
        trainer = trainer_of(strategy=strategy, player=PlayerOptions(optimizer=Adam(learning_rate=1e-3), clip=0.05))
        logs = run(trainer, range(5))
        ends.append((values(trainer), logs[-1]))
    (one, one_logs), (two, two_logs) = ends
    assert two_logs == pytest.approx(one_logs, abs=1e-5)
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, atol=1e-6, err_msg=name)


class Penalised(SmallGan):
    """With a gradient penalty, whose gradient requires second derivatives."""

    class Weights(SmallGan.Weights):
        penalty: float = 3.0

    def critic_penalties(self, nets: Any, batch: Any, out: Any) -> dict[str, Any]:
        from keras import ops

        gradient = backend.input_gradient(lambda image: nets["critic"](image, training=True), batch["target"])
        return {"penalty": ops.sum(ops.square(gradient), axis=(1, 2, 3))}


def test_a_penalty_on_the_critics_gradient_trains_the_critic() -> None:
    only = Penalised.Weights(critic_real=0.0, critic_fake=0.0)
    trainer = trainer_of(Penalised(weights=only), player=PlayerOptions(optimizer=Adam(learning_rate=1e-2)))
    penalties = [log["penalty"] for log in run(trainer, range(8))]
    assert penalties[-1] < 0.7 * penalties[0]


def test_a_lazy_penalty_is_computed_every_nth_time_with_n_times_its_weight() -> None:
    descent = Sgd(learning_rate=1e-3)
    lazy = trainer_of(Penalised(), critics=CriticOptions(optimizer=descent, penalty_every=3))
    logs = run(lazy, range(4))
    assert ["penalty" in log for log in logs] == [True, False, False, True]
    weights = Penalised.Weights(penalty=9.0)
    eager = trainer_of(Penalised(weights=weights), critics=CriticOptions(optimizer=descent))
    once = trainer_of(Penalised(), critics=CriticOptions(optimizer=descent, penalty_every=3))
    run(eager, range(1))
    run(once, range(1))
    for name, value in values(eager, "critics/").items():
        np.testing.assert_allclose(values(once)[name], value, atol=1e-7, err_msg=name)


def test_the_critics_weights_can_be_clipped() -> None:
    trainer = trainer_of(critics=CriticOptions(optimizer=Adam(learning_rate=1.0), clip_weights=0.01))
    run(trainer, range(2))
    largest = max(np.abs(value).max() for value in values(trainer, "critics/").values())
    assert largest == pytest.approx(0.01)
    assert max(np.abs(value).max() for value in values(trainer, "generators/").values()) > 0.05


@pytest.mark.parametrize("order", [("generators", "critics"), ("critics", "generators")])
@pytest.mark.parametrize("pool", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_micro_batches_add_up_to_the_batch(order: tuple[str, ...], pool: int) -> None:
    class Ordered(Penalised):
        pass

    Ordered.order = order  # type: ignore[misc]
    ends = []
    for parts in (1, 2, 4):
        trainer = trainer_of(Ordered(Ordered.Options(pool=pool)), micro_batches=parts)
        logs = run(trainer, range(3))
        ends.append((values(trainer), logs[-1]))
    for other, log in ends[1:]:
        assert log == pytest.approx(ends[0][1], rel=1e-4)
        for name, value in ends[0][0].items():
            np.testing.assert_allclose(other[name], value, atol=2e-6, err_msg=name)


def test_a_batch_that_cannot_be_divided_into_micro_batches_is_an_error() -> None:
    with pytest.raises(TrainingError, match="4 images of a device cannot be divided into 3"):
        trainer_of(micro_batches=3)


class TestStages:
    STAGES = (
        Stage(name="generators alone", steps=2, players=("generators",), weights={"adversarial": 0.0}),
        Stage(name="critics alone", steps=2, players=("critics",), rates={"critics": 0.5}),
        Stage(name="both", steps=2),
    )

    def test_each_stage_moves_its_players_at_its_rates(self) -> None:
        trainer = trainer_of(steps=6, stages=self.STAGES)
        moved = []
        for step in range(6):
            before = values(trainer)
            rates = trainer.rates(step)
            run(trainer, range(step, step + 1))
            after = values(trainer)
            changed = {name.split("/")[0] for name in after if (after[name] != before[name]).any()}
            moved.append(changed & {"generators", "critics"})
            assert rates["critics"] == pytest.approx(5e-4 if 2 <= step < 4 else 1e-3)
        both = {"generators", "critics"}
        assert moved == [{"generators"}, {"generators"}, {"critics"}, {"critics"}, both, both]

    def test_schedules_restart_in_each_stage(self) -> None:
        player = PlayerOptions(optimizer=Adam(learning_rate=1.0), schedule=Linear(after=0.0))
        trainer = trainer_of(steps=6, stages=self.STAGES, player=player)
        assert [trainer.rates(step)["generators"] for step in range(6)] == [1, 0, 1, 0, 1, 0]

    def test_a_stages_weights_apply_to_that_stage_only(self) -> None:
        trainer = trainer_of(steps=6, stages=self.STAGES)
        first, *_, last = run(trainer, range(6))
        assert first["generators_total"] == pytest.approx(2 * first["l1"], rel=1e-6)
        assert last["generators_total"] == pytest.approx(2 * last["l1"] + 0.5 * last["adversarial"], rel=1e-6)

    def test_a_network_can_be_frozen_while_its_player_is_updated(self) -> None:
        class TwoCritics(SmallGan):
            def build(self) -> kit.Networks:
                nets, other = super().build(), super().build()
                return kit.Networks(nets.generators, {**nets.critics, "second": other.critics["critic"]})

            def critic_losses(self, nets: Any, batch: Any, out: Any) -> dict[str, Any]:
                terms = super().critic_losses(nets, batch, out)
                second = nets["second"](batch["target"], training=True)
                return {**terms, "critic_real": terms["critic_real"] + l2(second, second * 0)}

        stages = (Stage(name="a", steps=1, standing=("second",)), Stage(name="b", steps=1))
        trainer = trainer_of(TwoCritics(), steps=2, stages=stages)
        for step, moves in enumerate((False, True)):
            before = values(trainer, "critics/")
            run(trainer, range(step, step + 1))
            after = values(trainer, "critics/")
            assert all((after[name] != was).any() for name, was in before.items() if "second" not in name)
            assert all((after[name] != was).any() == moves for name, was in before.items() if "second" in name)

    @pytest.mark.parametrize(
        ("stage", "message"),
        [
            (
                Stage(name="a", steps=1, weights={"adversaral": 1.0}),
                "has no term 'adversaral'; did you mean 'adversarial'",
            ),
            (
                Stage(name="a", steps=1, standing=("critik",)),
                "standing: no network 'critik'; expected one of generator, critic",
            ),
            (Stage(name="a", steps=1, standing=("critic",)), "standing lists all critics"),
        ],
    )
    def test_an_invalid_stage_is_an_error(self, stage: Stage, message: str) -> None:
        with pytest.raises(TrainingError, match=message):
            trainer_of(steps=1, stages=(stage,))

    def test_the_optimizer_of_a_frozen_network_does_not_count_steps(self) -> None:
        """Adam's bias correction depends on its update count, which must not advance while the network is frozen."""

        class TwoCritics(SmallGan):
            def build(self) -> kit.Networks:
                nets, other = super().build(), super().build()
                return kit.Networks(nets.generators, {**nets.critics, "second": other.critics["critic"]})

            def critic_losses(self, nets: Any, batch: Any, out: Any) -> dict[str, Any]:
                terms = super().critic_losses(nets, batch, out)
                second = nets["second"](batch["target"], training=True)
                return {**terms, "critic_real": terms["critic_real"] + l2(second, second * 0 + 3)}

        stages = (Stage(name="a", steps=30, standing=("second",)), Stage(name="b", steps=1))
        trainer = trainer_of(TwoCritics(), steps=31, stages=stages)
        run(trainer, range(30))
        before = values(trainer, "critics/second")
        run(trainer, range(30, 31))
        after = values(trainer, "critics/second")
        longest = max(np.abs(after[name] - was).max() for name, was in before.items())
        assert longest == pytest.approx(1e-3, rel=0.01)

    def test_a_weight_that_a_stage_raises_needs_its_term(self) -> None:
        class Frugal(SmallGan):
            def generator_losses(self, nets: Any, batch: Any, out: Any) -> dict[str, Any]:
                terms = super().generator_losses(nets, batch, out)
                return terms if self.weights.l1 else {"adversarial": terms["adversarial"]}

        task = Frugal(weights=Frugal.Weights(l1=0.0))
        with pytest.raises(TrainingError, match="weight 'l1' has no term"):
            run(trainer_of(task, steps=1, stages=(Stage(name="a", steps=1, weights={"l1": 1.0}),)), range(1))

    def test_the_steps_are_the_sum_of_the_stages(self) -> None:
        stages = (Stage(name="a", steps=3), Stage(name="b", steps=4))
        assert TrainingOptions(steps=7, stages=stages).steps == 7
        with pytest.raises(ValueError, match="steps is 5, but the stages add up to 7"):
            TrainingOptions(steps=5, stages=stages)


class TestFloat16:
    def test_an_overflow_halves_the_scale_and_moves_nothing(self) -> None:
        trainer = trainer_of(precision="mixed_float16")
        run(trainer, range(1))
        before, huge = values(trainer), batch_of(1)
        huge["source"] = huge["source"] * np.float32(1e6)  # beyond the range of float16
        trainer.rates(1)
        logs = trainer.step(1, huge)
        assert float(logs["finite"]) == 1  # not an error: the scale can still shrink
        after = values(trainer)
        for name, was in before.items():
            if name.startswith(("generators/", "critics/")):
                np.testing.assert_array_equal(after[name], was, err_msg=name)
        for player in ("generators", "critics"):
            assert after[f"scale/{player}/scale"] == before[f"scale/{player}/scale"] / 2

    @pytest.mark.usefixtures("two_cpus")
    def test_an_overflow_moves_nothing_on_two_devices_either(self) -> None:
        trainer = trainer_of(precision="mixed_float16", strategy=backend.mirrored_cpus(2))
        run(trainer, range(2))
        before, huge = values(trainer), batch_of(2)
        huge["source"][3] = 1e6  # the second device's last image alone
        trainer.rates(2)
        assert float(trainer.step(2, huge)["finite"]) == 1
        after = values(trainer)
        moved = {name for name, was in before.items() if not np.array_equal(after[name], was)}
        assert not {name for name in moved if name.startswith(("generators/", "optimizer/generators/"))}
        assert "scale/generators/scale" in moved

    def test_the_scale_does_not_change_what_is_learnt(self) -> None:
        ends = []
        for scale in (1024.0, 2.0**15):
            trainer = trainer_of(
                precision="mixed_float16", player=PlayerOptions(optimizer=Sgd(learning_rate=0.1), clip=0.1)
            )
            for player in trainer.players.values():
                assert player.scale
                player.scale.scale.assign(scale)
            run(trainer, range(3))
            ends.append(values(trainer, "generators/"))
        for name, value in ends[0].items():
            np.testing.assert_allclose(ends[1][name], value, atol=2e-4, err_msg=name)
