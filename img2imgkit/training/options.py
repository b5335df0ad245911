"""How a task is trained: optimizers, schedules, lengths. Strict and frozen, straight from the training file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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
    """Gradients over a running root mean square."""

    kind: Literal["rmsprop"] = "rmsprop"
    learning_rate: float = Field(default=1e-3, gt=0)
    rho: float = Field(default=0.9, ge=0, lt=1)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, gt=0)


class Constant(Config):
    """The same rate all the way, after the warm-up."""

    kind: Literal["constant"] = "constant"
    warmup: int = Field(default=0, ge=0, description="steps over which the rate rises from zero")


class Linear(Constant):
    """The full rate until a point, then straight down to ``final`` of it at the last step."""

    kind: Literal["linear"] = "linear"  # type: ignore[assignment]
    after: float = Field(default=0.5, ge=0, lt=1, description="share of the steps at the full rate")
    final: float = Field(default=0.0, ge=0, le=1, description="share of the rate that is left at the end")


class Step(Constant):
    """The rate is multiplied by ``factor`` at each milestone."""

    kind: Literal["step"] = "step"  # type: ignore[assignment]
    at: tuple[int, ...] = Field(min_length=1, description="steps at which the rate falls")
    factor: float = Field(default=0.5, gt=0, le=1)


class Cosine(Constant):
    """Half a cosine from the full rate at the end of the warm-up to ``final`` of it at the last step."""

    kind: Literal["cosine"] = "cosine"  # type: ignore[assignment]
    final: float = Field(default=0.0, ge=0, le=1, description="share of the rate that is left at the end")


Optimizer = Annotated[Adam | AdamW | Sgd | RmsProp, Field(discriminator="kind")]
Schedule = Annotated[Constant | Linear | Step | Cosine, Field(discriminator="kind")]


class PlayerOptions(Config):
    """How one player's networks are updated."""

    optimizer: Optimizer = Adam()
    schedule: Schedule = Constant()
    clip: float | None = Field(default=None, gt=0, description="largest global norm of the player's gradient")
    every: int = Field(default=1, ge=1, description="moves only in each n-th step")


class TrainingOptions(Config):
    """How long, how exact, and what is kept on the way."""

    steps: int = Field(ge=1)
    seed: int = Field(default=1, ge=0)
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    ema: float | None = Field(default=0.999, gt=0, lt=1, description="decay of the generators' moving average")
    generators: PlayerOptions = PlayerOptions()
    critics: PlayerOptions = PlayerOptions()
    log_every: int = Field(default=100, ge=1)
    sample_every: int = Field(default=2000, ge=1)
    checkpoint_every: int = Field(default=1000, ge=1)
    keep: int = Field(default=2, ge=1, description="checkpoints kept, the newest ones")
