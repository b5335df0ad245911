"""Training steps of this toolkit as ``img2img train`` runs them, on random pictures, for timing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Precision = Literal["float32", "mixed_bfloat16"]
Batch = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Size:
    """The sizes of networks and pictures; the U-Net downsamples eight times."""

    width: int = 64
    blocks: int = 9
    rrdb_blocks: int = 23
    step_side: int = 256
    rrdb_side: int = 64  # of the low-resolution picture


@dataclass(frozen=True)
class Step:
    """A trainer with a batch."""

    trainer: Any
    batch: Batch

    def __call__(self, number: int = 0) -> float:
        """Run one step, and wait for it."""
        self.trainer.rates(number)
        return float(self.trainer.step(number, self.batch)["finite"])


def use_threads(threads: int | None) -> None:
    """Load TensorFlow, and set how many threads it uses."""
    from img2imgkit import backend

    backend.load()
    import tensorflow as tf

    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def training_step(method: str, size: Size, precision: Precision, threads: int | None = None) -> Step:
    """Build the step of "pix2pix", "cyclegan", "spade" (without perceptual loss) or "rrdb" (L1 loss), batch size 1."""
    use_threads(threads)
    from img2imgkit import backend
    from img2imgkit.training.loop.trainer import Trainer
    from img2imgkit.training.plan.training_options import Adam, CriticOptions, PlayerOptions, TrainingOptions

    adam = Adam(learning_rate=2e-4, beta_1=0.5)
    options = TrainingOptions(
        steps=10**6,
        ema=None,
        precision=precision,
        generators=PlayerOptions(optimizer=adam),
        critics=CriticOptions(optimizer=adam),
    )
    task, batch = TASKS[method](size)
    return Step(Trainer(task, options, backend.strategy_over(backend.devices("cpu")), 1, batch), batch)


def _pictures(sides: Mapping[str, int]) -> Batch:
    random = np.random.default_rng(0)
    return {key: random.uniform(-1, 1, (1, side, side, 3)).astype(np.float32) for key, side in sides.items()}


def _pix2pix(size: Size) -> tuple[Any, Batch]:
    from img2imgkit_plugins.pix2pix.task import Pix2Pix

    from img2imgkit.architectures import Patch, Unet

    task = Pix2Pix(Pix2Pix.Options(generator=Unet(width=size.width), critic=Patch(width=size.width)))
    return task, _pictures({"source": size.step_side, "target": size.step_side})


def _cyclegan(size: Size) -> tuple[Any, Batch]:
    from img2imgkit_plugins.cyclegan.task import CycleGan

    from img2imgkit.architectures import Patch, Resnet

    generator, critic = Resnet(width=size.width, blocks=size.blocks), Patch(width=size.width)
    task = CycleGan(CycleGan.Options(generator=generator, critic=critic, pool=0))
    return task, _pictures({"a": size.step_side, "b": size.step_side})


def _spade(size: Size) -> tuple[Any, Batch]:
    from img2imgkit_plugins.spade.task import Network, Spade

    task = Spade(Spade.Options(generator=Network(width=size.width)), Spade.Weights(perceptual=0))
    ids = np.random.default_rng(0).integers(0, 35, (1, size.step_side, size.step_side, 1))
    label = {"label": ids.astype(np.int32), "instance": (ids // 7).astype(np.int32)}
    return task, {**_pictures({"target": size.step_side}), **label}


def _rrdb(size: Size) -> tuple[Any, Batch]:
    from img2imgkit_plugins.super_resolution.task import SuperResolution

    from img2imgkit.architectures import Rrdb

    network = Rrdb(width=size.width, blocks=size.rrdb_blocks, growth=max(1, size.width // 2))
    task = SuperResolution(SuperResolution.Options(scale=4, generator=network, space="rgb"))
    return task, _pictures({"source": size.rrdb_side, "target": 4 * size.rrdb_side})


TASKS: Mapping[str, Callable[[Size], tuple[Any, Batch]]] = {
    "pix2pix": _pix2pix,
    "cyclegan": _cyclegan,
    "spade": _spade,
    "rrdb": _rrdb,
}
