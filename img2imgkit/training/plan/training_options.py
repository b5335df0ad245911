"""Options of a training: optimizers, schedules, stages, length."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from img2imgkit.config import Config


class Adam(Config):
    """Adam (Kingma and Ba 2014, https://arxiv.org/abs/1412.6980)."""

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
    """RMSprop (Hinton, Coursera lecture 6e, 2012) as in PyTorch."""

    kind: Literal["rmsprop"] = "rmsprop"
    learning_rate: float = Field(default=1e-3, gt=0)
    rho: float = Field(default=0.9, ge=0, lt=1)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, gt=0, description="added to the root mean square")
    weight_decay: float = Field(default=0.0, ge=0, description="share of each weight added to its gradient")


class Constant(Config):
    """A constant rate after the warm-up."""

    kind: Literal["constant"] = "constant"
    warmup: int = Field(default=0, ge=0, description="steps over which the rate rises from zero")


class Linear(Constant):
    """The full rate at first, then a linear decay to ``final`` of it at the last step."""

    kind: Literal["linear"] = "linear"  # type: ignore[assignment]
    after: float = Field(default=0.5, ge=0, lt=1, description="share of the steps at the full rate")
    final: float = Field(default=0.0, ge=0, le=1, description="share of the rate at the last step")


class StepDecay(Constant):
    """The rate is multiplied by ``factor`` at each milestone."""

    kind: Literal["step"] = "step"  # type: ignore[assignment]
    at: tuple[int, ...] = Field(min_length=1, description="steps at which the rate is multiplied by the factor")
    factor: float = Field(default=0.5, gt=0, le=1)


class Cosine(Constant):
    """Cosine decay from the full rate after the warm-up to ``final`` of it at the last step."""

    kind: Literal["cosine"] = "cosine"  # type: ignore[assignment]
    final: float = Field(default=0.0, ge=0, le=1, description="share of the rate at the last step")


PlayerName = Literal["generators", "critics"]
Optimizer = Annotated[Adam | AdamW | Sgd | RmsProp, Field(discriminator="kind")]
Schedule = Annotated[Constant | Linear | StepDecay | Cosine, Field(discriminator="kind")]


class PlayerOptions(Config):
    """How one player's networks are updated."""

    optimizer: Optimizer = Adam()
    schedule: Schedule = Constant()
    clip: float | None = Field(default=None, gt=0, description="maximum global norm of the player's gradient")
    every: int = Field(default=1, ge=1, description="update only in every n-th step")


class CriticOptions(PlayerOptions):
    """How the critics are updated."""

    penalty_every: int = Field(
        default=1, ge=1, description="compute penalties in every n-th update of the critics, with n times their weight"
    )
    clip_weights: float | None = Field(
        default=None, gt=0, description="clip the critics' weights to this absolute value after each update (WGAN)"
    )


class Stage(Config):
    """A stage of a training, with its own players and loss weights. Schedules restart in every stage."""

    name: str = Field(min_length=1, description="name of the stage in errors")
    steps: int = Field(ge=1, description="length of the stage")
    players: tuple[PlayerName, ...] | None = Field(
        default=None,
        min_length=1,
        description="players to update; the others are frozen; null: all players of the task",
    )
    standing: tuple[str, ...] = Field(
        default=(), description="networks to freeze although their player is updated, by role"
    )
    weights: dict[str, float] = Field(
        default_factory=dict, description="loss weights that replace those of the task in this stage"
    )
    rates: dict[PlayerName, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="factor of each player's learning rate"
    )

    @model_validator(mode="after")
    def _rates_of_moving_players(self) -> Self:
        idle = [name for name in self.rates if not self.moves(name)]
        if idle:
            raise ValueError(
                f"rates: stage {self.name!r} does not update the {idle[0]}; add them to players, or remove the rate"
            )
        return self

    def moves(self, player: str) -> bool:
        """Whether this stage updates a player, if the task has it."""
        return self.players is None or player in self.players


class Alarms(Config):
    """When to report that a running training is failing. NaN always stops it."""

    stop: bool = Field(default=False, description="stop with a checkpoint at the first alarm")
    collapse: float = Field(
        default=0.02,
        ge=0,
        description="minimum variety of the probe's outputs, as a share of the variety of the targets or inputs",
    )
    dead_critic: float = Field(
        default=1e-4,
        ge=0,
        description="alarm if the critics' loss or gradient norm stays below this for several log intervals",
    )


def _one_length(schema: dict[str, Any]) -> None:
    schema["anyOf"] = [{"required": [name]} for name in ("steps", "epochs", "stages")]
    schema["not"] = {"anyOf": [{"required": ["epochs", name]} for name in ("steps", "stages")]}


class TrainingOptions(Config):
    """How to train: length, precision, optimizers, and what to log and keep."""

    model_config = ConfigDict(json_schema_extra=_one_length)

    steps: int | None = Field(
        default=None, ge=1, description="length of the training; state either this, 'epochs' or 'stages'"
    )
    epochs: float | None = Field(
        default=None, gt=0, description="length of the training in passes over the pictures, in place of 'steps'"
    )
    stages: tuple[Stage, ...] = Field(
        default=(), description="stages with their own players and loss weights, in order"
    )
    seed: int = Field(default=1, ge=0)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    micro_batches: int = Field(
        default=1, ge=1, description="micro-batches into which a device's share of a batch is divided, to save memory"
    )
    ema: float | None = Field(
        default=0.999, gt=0, lt=1, description="decay of the generators' moving average; null: no average"
    )
    generators: PlayerOptions = PlayerOptions()
    critics: CriticOptions = CriticOptions()
    log_every: int = Field(default=100, ge=1)
    sample_every: int = Field(default=2000, ge=1)
    checkpoint_every: int = Field(default=1000, ge=1)
    keep: int = Field(default=2, ge=1, description="number of recent checkpoints to keep")
    best: str | None = Field(
        default=None,
        description="an installed metric of pairs, such as psnr: also keep the checkpoint and the bundle with the best "
        "score on the probe",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="end the training after this many sample sheets in a row without a better score of 'best'",
    )
    alarms: Alarms = Alarms()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        total = sum(stage.steps for stage in self.stages)
        if self.epochs is not None and (self.steps is not None or self.stages):
            other = "stages" if self.stages else "steps"
            raise ValueError(f"epochs and {other} both state the length of the training; leave one of them out")
        if self.epochs is None and self.steps is None:
            raise ValueError("the length is missing; state training.steps, training.epochs or training.stages")
        if self.stages and total != self.steps:
            raise ValueError(f"steps is {self.steps}, but the stages add up to {total}; leave steps out")
        if self.patience is not None and self.best is None:
            raise ValueError("patience needs best, the metric that decides whether a score is better")
        if self.generators.every > 1 and self.critics.every > 1:
            raise ValueError(
                "generators.every and critics.every are both above 1, so some steps would update nothing; "
                "set one of them to 1"
            )
        return self

    @property
    def length(self) -> int:
        """The number of steps. Raises ValueError if ``epochs`` have not been converted."""
        if self.steps is None:
            raise ValueError("training.epochs: call in_steps() first, with the number of pictures")
        return self.steps

    def in_steps(self, samples: int, batch: int) -> TrainingOptions:
        """Convert ``epochs`` to steps, rounded up; options with steps are returned unchanged.

        Args:
            samples: the length of an epoch, see ``Reader.epoch``
            batch: images in a global batch
        """
        if self.epochs is None:
            return self
        return self.model_copy(update={"steps": max(1, math.ceil(self.epochs * samples / batch))})

    def stage_at(self, step: int) -> tuple[int, Stage]:
        """Return the stage of a step, counted from 0, and the step at which the stage begins."""
        first = 0
        for stage in self.stages:
            if step < first + stage.steps:
                return first, stage
            first += stage.steps
        return 0, Stage(name="whole", steps=self.length)
