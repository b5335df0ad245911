"""Three training steps of official code, reproduced by the trainer from the same weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from img2imgkit_plugins.cut.task import Cut
from img2imgkit_plugins.cyclegan.task import CycleGan
from img2imgkit_plugins.pix2pix.task import Pix2Pix
from img2imgkit_plugins.pix2pixhd.task import EncoderOptions, Pix2PixHd
from img2imgkit_plugins.spade.task import Spade
from img2imgkit_plugins.stargan.task import StarGan

import img2imgkit as kit
from img2imgkit import backend
from img2imgkit.adversary import Adversary, Vanilla
from img2imgkit.architectures import (
    BUILT_IN,
    InstanceEncoder,
    Multiscale,
    Patch,
    PatchProjection,
    Resnet,
    Stargan,
    StarganCritic,
    Unet,
)
from img2imgkit.architectures import Pix2PixHd as Pix2PixHdNetwork
from img2imgkit.architectures import Spade as SpadeNetwork
from img2imgkit.architectures.pix2pixhd.network import pix2pixhd_model
from img2imgkit.importing import PerceptualNetwork, put, read_torch
from img2imgkit.training.loop.trainer import Trainer
from img2imgkit.training.plan.training_options import Adam, CriticOptions, PlayerOptions, TrainingOptions

STEPS = 3
INSTALLED = {each.name: each for each in BUILT_IN}
WRITTEN_OUT = "written_out.npz"
TOY_VGG = Path(__file__).parent / "fixtures" / "losses" / "toy_vgg19.pth"
Arrays = dict[str, np.ndarray]
Given = str | Callable[[Arrays], Any]  # the name of a fixture's input, or a function of all inputs
ADAM = Adam(learning_rate=2e-4, beta_1=0.5)


@dataclass(frozen=True)
class Case:
    """How an official training step maps to a task.

    Attributes:
        networks: our role for each name in the checkpoint
        terms: official losses as functions of our terms, by official name
        probes: our role, the input and the training mode, by the name of the official probe
        adam: the optimizers of generators and critics
        composed: models composed of the task's networks; one filled from a checkpoint has its architecture's name
    """

    name: str
    task: kit.Task
    networks: Mapping[str, str]
    terms: Mapping[str, Callable[[Mapping[str, float]], float]]
    probes: Mapping[str, tuple[str, Given, bool]]
    batch: Callable[[Arrays, int], Arrays]
    adam: tuple[Adam, Adam] = field(default=(ADAM, ADAM))
    composed: Callable[[kit.Networks], Mapping[str, Any]] = lambda nets: {}

    def model(self, nets: kit.Networks, name: str) -> Any:
        """Return a network or a composed model."""
        return self.composed(nets).get(name) or nets[name]


@dataclass(frozen=True)
class Difference:
    """The difference of a figure from the official one: relative for losses, absolute for images in [-1, 1]."""

    step: int
    figure: str
    apart: float


def cases() -> Iterator[Case]:
    """Return all cases."""
    yield Case(
        "trainstep_pix2pix",
        Pix2Pix(
            Pix2Pix.Options(
                generator=Unet(depth=7, width=2, dropout=0.0),
                critic=Patch(width=4),
                statistics="running",
                adversary=Adversary(loss=Vanilla()),
            )
        ),
        {"G": "generator", "D": "critic"},
        {
            "G_GAN": lambda t: t["adversarial"],
            "G_L1": lambda t: 100 * t["l1"],
            "D_real": lambda t: t["critic_real"],
            "D_fake": lambda t: t["critic_fake"],
        },
        {"G_eval": ("generator", "A", False), "G_train": ("generator", "A", True)},
        lambda io, _: {"source": _nhwc(io["in.A"]), "target": _nhwc(io["in.B"])},
    )
    sides = {"A": ("b", "a"), "B": ("a", "b")}  # official names refer to the generators, ours to their outputs
    yield Case(
        "trainstep_cyclegan",
        CycleGan(CycleGan.Options(generator=Resnet(blocks=6, width=3), critic=Patch(width=3))),
        {"G_A": "a_to_b", "G_B": "b_to_a", "D_A": "critic_b", "D_B": "critic_a"},
        {
            **{f"G_{n}": _term(f"adversarial_{made}") for n, (made, _) in sides.items()},
            **{f"cycle_{n}": _term(f"cycle_{came}", 10) for n, (_, came) in sides.items()},
            **{f"idt_{n}": _term(f"identity_{made}", 5) for n, (made, _) in sides.items()},
            **{
                f"D_{n}": lambda t, made=made: (t[f"critic_real_{made}"] + t[f"critic_fake_{made}"]) / 2
                for n, (made, _) in sides.items()
            },
        },
        {"G_A(A)": ("a_to_b", "A", False), "G_B(B)": ("b_to_a", "B", False)},
        lambda io, _: {"a": _nhwc(io["in.A"]), "b": _nhwc(io["in.B"])},
    )
    yield Case(
        "trainstep_cut",
        Cut(
            Cut.Options(
                generator=Resnet(blocks=6, width=3, antialias=True, init="xavier"),
                critic=Patch(width=3, antialias=True, init="xavier"),
                projection=PatchProjection(width=12),
                patches=16,
            )
        ),
        {"G": "generator", "D": "critic", "F": "projection"},
        {
            "G_GAN": _term("adversarial"),
            "D_real": _term("critic_real"),
            "D_fake": _term("critic_fake"),
            "NCE": _term("nce"),
            "NCE_Y": _term("nce_identity"),
            "G": lambda t: t["adversarial"] + (t["nce"] + t["nce_identity"]) / 2,
        },
        {"G(A)": ("generator", "A", False)},
        _cut_batch,
    )
    yield _pix2pixhd()
    yield _spade()
    yield _stargan()


def differences(case: Case, folder: Path) -> Iterator[Difference]:
    """Compare every loss and probe of each step with the official one."""
    config = json.loads((folder / "config.json").read_text())
    with np.load(folder / "io.npz") as stored:
        io = dict(stored)
    losses = config["losses_per_iteration"]
    if (folder / WRITTEN_OUT).exists():
        losses = _put_right(losses, folder / WRITTEN_OUT, io)
    trainer = _trainer(case, read_torch(folder / "weights_init.pth"), case.batch(io, 0))
    yield from _probed(case, trainer, io, 0, config["probe_stride"])
    for step in range(STEPS):
        trainer.rates(step)
        logs = {name: float(value) for name, value in trainer.step(step, case.batch(io, step)).items()}
        for name, official in losses[step].items():
            yield Difference(step + 1, name, abs(case.terms[name](logs) - official) / abs(official))
        yield from _probed(case, trainer, io, step + 1, config["probe_stride"])


def _put_right(losses: list[dict[str, float]], path: Path, io: Arrays) -> list[dict[str, float]]:
    """Use CUT's numbers with the correct gradient of instance norm, created by benchmarks/cut_in_pytorch.py."""
    with np.load(path) as stored:
        io |= {f"probe.iter{step}.G(A)": stored[f"image.{step}"] for step in range(STEPS + 1)}
        return [{name: float(stored[f"loss.{step}.{name}"]) for name in row} for step, row in enumerate(losses)]


def _trainer(case: Case, weights: Mapping[str, Any], batch: Arrays) -> Trainer:
    generators, critics = case.adam
    options = TrainingOptions(
        steps=STEPS, ema=None, generators=PlayerOptions(optimizer=generators), critics=CriticOptions(optimizer=critics)
    )
    images = len(next(iter(batch.values())))
    trainer = Trainer(case.task, options, backend.strategy_over(["/cpu:0"]), images, batch)
    for official, role in case.networks.items():
        architecture = role if role in case.composed(trainer.nets) else ""
        put(weights[official], case.model(trainer.nets, role), INSTALLED, architecture)
    return trainer


def _probed(case: Case, trainer: Trainer, io: Arrays, step: int, strides: Mapping[str, int]) -> Iterator[Difference]:
    for name, (role, given, training) in case.probes.items():
        net = case.model(trainer.nets, role)
        before = [variable.numpy() for variable in net.non_trainable_variables]
        shown = _nhwc(io[f"in.{given}"]) if isinstance(given, str) else given(io)
        image = np.asarray(net(shown, training=training))
        for variable, was in zip(net.non_trainable_variables, before, strict=True):
            variable.assign(was)  # looking must not move the running statistics
        stride = strides[name]
        apart = np.abs(image[:, ::stride, ::stride] - _nhwc(io[f"probe.iter{step}.{name}"])).max()
        yield Difference(step, name, float(apart))


def _pix2pixhd() -> Case:
    task = Pix2PixHd(
        Pix2PixHd.Options(
            classes=5,
            generator=Pix2PixHdNetwork(width=3, downs=2, blocks=2),
            critic=Multiscale(width=3),
            encoder=EncoderOptions(network=InstanceEncoder(width=3, downs=2)),
            features=PerceptualNetwork(weights=str(TOY_VGG), normalise=False),
        )
    )
    terms = {
        "G_GAN": _term("adversarial", 2),
        "G_GAN_Feat": _term("feature_matching", 40),
        "G_VGG": _term("perceptual", 10),
        "D_real": _term("critic_real", 2),
        "D_fake": _term("critic_fake", 2),
    }

    def batch(io: Arrays, _: int) -> Arrays:
        names = {"label": "label", "instance": "inst", "target": "image"}
        return {key: _nhwc(io[f"in.{name}"]) for key, name in names.items()}

    def composed(nets: kit.Networks) -> dict[str, Any]:
        generator, encoder = pix2pixhd_model(nets.generators), nets["encoder"]
        shown, photo = (keras.Input((None, None, channels)) for channels in (task.options.seen, 3))
        instance = keras.Input((None, None, 1), dtype="int32")
        image = generator(keras.ops.concatenate([shown, encoder([photo, instance])], axis=-1))
        return {"pix2pixhd": generator, "whole": keras.Model([shown, photo, instance], image)}

    def scene(io: Arrays) -> list[Any]:
        given = task.prepare(batch(io, 0))
        return [np.asarray(given["shown"]), given["target"], given["instance"].astype(np.int32)]

    networks = {"G": "pix2pixhd", "D": "critic", "E": "encoder"}
    probes: dict[str, tuple[str, Given, bool]] = {"fake": ("whole", scene, False)}
    return Case("trainstep_pix2pixhd", task, networks, terms, probes, batch, composed=composed)


def _spade() -> Case:
    features = PerceptualNetwork(weights=str(TOY_VGG), normalise=False)
    critic = Multiscale(width=4, use_bias=False, init="xavier")
    generator = SpadeNetwork(width=1, kernel_size=1)
    task = Spade(Spade.Options(classes=3, generator=generator, critic=critic, features=features))
    generators, critics = (Adam(learning_rate=rate, beta_1=0.0, beta_2=0.9) for rate in (1e-4, 4e-4))
    terms = {
        "GAN": _term("adversarial"),
        "GAN_Feat": _term("feature_matching", 40),
        "VGG": _term("perceptual", 10),
        "D_Fake": _term("critic_fake"),
        "D_real": _term("critic_real"),
    }

    def batch(io: Arrays, _: int) -> Arrays:
        return {
            **{key: _nhwc(io[f"in.{key}"]).astype(np.float32) for key in ("label", "instance")},
            "target": _nhwc(io["in.image"]),
        }

    probes = {"fake_eval": ("generator", lambda io: task.prepare(batch(io, 0))["shown"], False)}
    return Case("trainstep_spade", task, {"G": "generator", "D": "critic"}, terms, probes, batch, (generators, critics))


def _stargan() -> Case:
    task = StarGan(
        StarGan.Options(generator=Stargan(width=4, blocks=2), critic=StarganCritic(width=4, layers=3), size=32)
    )
    adam = Adam(learning_rate=1e-4, beta_1=0.5)
    terms = {
        "D/loss_real": _term("critic_real"),
        "D/loss_fake": _term("critic_fake"),
        "D/loss_cls": _term("critic_classification"),
        "D/loss_gp": _term("penalty"),
        "G/loss_fake": _term("adversarial"),
        "G/loss_rec": _term("reconstruction"),
        "G/loss_cls": _term("classification"),
    }

    def batch(io: Arrays, step: int) -> Arrays:
        label = io["in.label_org"]
        drawn, mix = io[f"draw.{2 * step}.randperm"], io[f"draw.{2 * step + 1}.rand"].reshape(-1)
        of_set = np.zeros(len(label), np.int32)
        targets = {"target_label": label[drawn], "label_set": of_set, "critic_mix": mix}
        return {"source": _nhwc(io["in.x_real"]), "label": label, **targets}

    probes: dict[str, tuple[str, Given, bool]] = {
        "G_train_stats": ("generator", lambda io: [_nhwc(io["in.x_real"]), io["in.probe_c"]], True)
    }
    return Case("trainstep_stargan", task, {"G": "generator", "D": "critic"}, terms, probes, batch, (adam, adam))


def _cut_batch(io: Arrays, step: int) -> Arrays:
    places = [io[f"draw.{10 * step + number}.np_permutation"][None].astype(np.int32) for number in range(10)]
    drawn = {f"places_{side}_{n}": places[5 * i + n] for i, side in enumerate("ab") for n in range(5)}
    return {"a": _nhwc(io["in.A"]), "b": _nhwc(io["in.B"]), **drawn}


def _term(name: str, factor: float = 1.0) -> Callable[[Mapping[str, float]], float]:
    return lambda terms: factor * terms[name]


def _nhwc(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))
