"""How a task is trained: optimizers, schedules, lengths. Strict and frozen, straight from the training file."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from img2imgkit.config import Config


class Adam(Config):
    """Kingma and Ba 2014, https://arxiv.org/abs/1412.6980."""

    kind: Literal["adam"] = "adam"
    learning_rate: float = Field(default=2e-4, gt=0)
    beta_1: float = Field(default=0.9, ge=0, lt=1)
    beta_2: float = Field(default=0.999, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, gt=0)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101)."""

    kind: Literal["adamw"] = "adamw"  # type: ignore[assignment]
    weight_decay: float = Field(default=1e-2, ge=0)


class Sgd(Config):
    """Stochastic gradient descent."""

    kind: Literal["sgd"] = "sgd"
    learning_rate: float = Field(default=1e-2, gt=0)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    nesterov: bool = False


class RmsProp(Config):
    """Gradients over a running root mean square (Hinton, Coursera lecture 6e, 2012), in the form of PyTorch."""

    kind: Literal["rmsprop"] = "rmsprop"
    learning_rate: float = Field(default=1e-3, gt=0)
    rho: float = Field(default=0.9, ge=0, lt=1)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, gt=0, description="added to the root")
    weight_decay: float = Field(default=0.0, ge=0, description="share of a weight that joins its gradient")


class Constant(Config):
    """The same rate all the way, after the warm-up."""

    kind: Literal["constant"] = "constant"
    warmup: int = Field(default=0, ge=0, description="steps over which the rate rises from zero")


class Linear(Constant):
    """The full rate until a point, then straight down to ``final`` of it at the last step."""

    kind: Literal["linear"] = "linear"  # type: ignore[assignment]
    after: float = Field(default=0.5, ge=0, lt=1, description="share of the steps at the full rate")
    final: float = Field(default=0.0, ge=0, le=1, description="share of the rate that is left at the end")


class StepDecay(Constant):
    """The rate is multiplied by ``factor`` at each milestone."""

    kind: Literal["step"] = "step"  # type: ignore[assignment]
    at: tuple[int, ...] = Field(min_length=1, description="steps at which the rate falls")
    factor: float = Field(default=0.5, gt=0, le=1)


class Cosine(Constant):
    """Half a cosine from the full rate at the end of the warm-up to ``final`` of it at the last step."""

    kind: Literal["cosine"] = "cosine"  # type: ignore[assignment]
    final: float = Field(default=0.0, ge=0, le=1, description="share of the rate that is left at the end")


PlayerName = Literal["generators", "critics"]
Optimizer = Annotated[Adam | AdamW | Sgd | RmsProp, Field(discriminator="kind")]
Schedule = Annotated[Constant | Linear | StepDecay | Cosine, Field(discriminator="kind")]


class PlayerOptions(Config):
    """How one player's networks are updated."""

    optimizer: Optimizer = Adam()
    schedule: Schedule = Constant()
    clip: float | None = Field(default=None, gt=0, description="largest global norm of the player's gradient")
    every: int = Field(default=1, ge=1, description="moves only in each n-th step")


class CriticOptions(PlayerOptions):
    """How the critics are updated."""

    penalty_every: int = Field(
        default=1, ge=1, description="penalties are computed in each n-th of the critics' moves, and count n times"
    )
    clip_weights: float | None = Field(
        default=None, gt=0, description="largest absolute weight of a critic, enforced after each move (WGAN)"
    )


class Stage(Config):
    """A part of a training in which other players move, or other weights hold. Schedules begin anew with each."""

    name: str = Field(min_length=1, description="how figures and messages call it")
    steps: int = Field(ge=1, description="its length")
    players: tuple[PlayerName, ...] | None = Field(
        default=None, min_length=1, description="who moves, the others stand still; null: all that the task has"
    )
    standing: tuple[str, ...] = Field(default=(), description="networks of a moving player that stand still")
    weights: dict[str, float] = Field(default_factory=dict, description="loss weights that differ in this stage")
    rates: dict[PlayerName, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="what a player's learning rate is multiplied by"
    )

    @model_validator(mode="after")
    def _of_those_who_move(self) -> Self:
        idle = [name for name in self.rates if not self.moves(name)]
        if idle:
            raise ValueError(f"rates: {idle[0]} stand still in stage {self.name!r}")
        return self

    def moves(self, player: str) -> bool:
        """Whether a player moves in this stage, if the task has it."""
        return self.players is None or player in self.players


class Alarms(Config):
    """When a training that still runs is reported as going wrong. NaN always stops."""

    stop: bool = Field(default=False, description="end the training, with a checkpoint, at the first alarm")
    collapse: float = Field(
        default=0.02,
        ge=0,
        description="smallest share of the inputs' differences from each other that the probe's outputs must have",
    )
    dead_critic: float = Field(
        default=1e-4, ge=0, description="critics' loss or gradient norm that stays below this for several log intervals"
    )


def _steps_or_stages(schema: dict[str, Any]) -> None:
    schema["required"].remove("steps")
    schema["anyOf"] = [{"required": ["steps"]}, {"required": ["stages"]}]


class TrainingOptions(Config):
    """How long, how exact, and what is kept on the way."""

    model_config = ConfigDict(json_schema_extra=_steps_or_stages)

    steps: int = Field(ge=1, description="length of the training; with stages it may be left out")
    stages: tuple[Stage, ...] = Field(default=(), description="parts in which other players move or other weights hold")
    seed: int = Field(default=1, ge=0)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    micro_batches: int = Field(
        default=1, ge=1, description="parts that a device's share of a batch is computed in, to save memory"
    )
    ema: float | None = Field(default=0.999, gt=0, lt=1, description="decay of the generators' moving average")
    generators: PlayerOptions = PlayerOptions()
    critics: CriticOptions = CriticOptions()
    log_every: int = Field(default=100, ge=1)
    sample_every: int = Field(default=2000, ge=1)
    checkpoint_every: int = Field(default=1000, ge=1)
    keep: int = Field(default=2, ge=1, description="checkpoints kept, the newest ones")
    best: str | None = Field(
        default=None,
        description="an installed metric of pairs, such as psnr: the checkpoint and the bundle that do best on the "
        "probe by it are kept, too",
    )
    alarms: Alarms = Alarms()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        total = sum(stage.steps for stage in self.stages)
        if self.stages and total != self.steps:
            raise ValueError(f"steps is {self.steps}, but the stages have {total}; leave steps out")
        if self.generators.every > 1 and self.critics.every > 1:
            raise ValueError("generators.every and critics.every are both above 1, so that in most steps nobody moves")
        return self

    def stage_at(self, step: int) -> tuple[int, Stage]:
        """The stage of a step, counted from 0, and the step at which it begins."""
        first = 0
        for stage in self.stages:
            if step < first + stage.steps:
                return first, stage
            first += stage.steps
        return 0, Stage(name="whole", steps=self.steps)
