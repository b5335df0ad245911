"""FUNIT's three official training steps, run again by the trainer from the same weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from img2imgkit_plugins.funit.task import Funit
from official_steps import INSTALLED, STEPS, Difference

from img2imgkit import backend
from img2imgkit.architectures import AdainDecoder, ClassCritic, ClassEncoder, ContentEncoder
from img2imgkit.importing import put, read_torch
from img2imgkit.training.loop.trainer import Trainer
from img2imgkit.training.plan.training_options import CriticOptions, PlayerOptions, RmsProp, TrainingOptions

NAME = "trainstep_funit"
OFFICIAL = Path(__file__).parent / "fixtures" / NAME
PARTS = {"content_encoder": ("enc_content.",), "class_encoder": ("enc_class_model.",), "decoder": ("dec.", "mlp.")}
PROBES = ("gen(xa[0],xb)", "gen_test(xa[0],xb)")
AHEAD = 10_000  # steps after which our moving average decays as the official one does from the start
Arrays = dict[str, np.ndarray]


@cache
def config() -> dict[str, Any]:
    """What the fixture says of itself."""
    found: dict[str, Any] = json.loads((OFFICIAL / "config.json").read_text(encoding="utf-8"))
    return found


def differences() -> Iterator[Difference]:
    """How far every loss, and what the trained and the averaged networks make, is from the official one."""
    for step, losses, images in steps():
        for name, official in config()["losses_per_iteration"][step - 1].items() if step else ():
            yield Difference(step, name, abs(losses[name] - official) / abs(official))
        for name, image in images.items():
            apart = np.abs(image - official_arrays()[f"probe.iter{step}.{name}"]).max()
            yield Difference(step, name, float(apart))


def trainer() -> Trainer:
    """The official networks in the task's, with the official optimizers."""
    gen, dis = (config()["options"][name] for name in ("gen", "dis"))
    options = Funit.Options(
        content_encoder=ContentEncoder(downs=gen["n_downs_content"], blocks=gen["n_res_blks"], width=gen["nf"]),
        class_encoder=ClassEncoder(downs=gen["n_downs_class"], width=gen["nf"]),
        decoder=AdainDecoder(blocks=gen["n_res_blks"], mlp_width=gen["nf_mlp"], mlp_layers=gen["n_mlp_blks"]),
        critic=ClassCritic(width=dis["nf"], blocks=dis["n_res_blks"]),
        classes=dis["num_classes"],
        code=gen["latent_dim"],
    )
    optimizer = RmsProp(learning_rate=1e-4, rho=0.99, epsilon=1e-8, weight_decay=1e-4)
    players = {"generators": PlayerOptions(optimizer=optimizer), "critics": CriticOptions(optimizer=optimizer)}
    options_of_training = TrainingOptions(steps=AHEAD + STEPS, ema=0.999, **players)
    made = Trainer(Funit(options), options_of_training, backend.strategy_over(["/cpu:0"]), 2, official_batch())
    weights = read_torch(OFFICIAL / "weights_init.pth")
    assert made.average is not None
    for role, prefixes in PARTS.items():
        state = {name: array for name, array in weights["gen"].items() if name.startswith(prefixes)}
        put(state, made.nets[role], INSTALLED)
        put(state, made.average.networks[role], INSTALLED)
    put(weights["dis"], made.nets["critic"], INSTALLED)
    return made


@cache
def official_arrays() -> Arrays:
    with np.load(OFFICIAL / "io.npz") as stored:
        return {name: np.moveaxis(stored[name], 1, -1) if stored[name].ndim == 4 else stored[name] for name in stored}


def official_batch() -> Arrays:
    io = official_arrays()
    labels = {"content_label": io["in.la"].astype(np.int32), "class_label": io["in.lb"].astype(np.int32)}
    return {"content": io["in.xa"], "class": io["in.xb"], **labels}


def our_losses(logs: Any) -> dict[str, float]:
    term = {name: float(value) for name, value in logs.items()}
    features = term["content_features"] + term["class_features"]
    return {
        "gen_total": term["adversarial"] + 0.1 * term["reconstruction"] + features,
        "gen_recon_x": term["reconstruction"],
        "gen_recon_c": term["content_features"],
        "gen_recon_s": term["class_features"],
        "gen_adv": term["adversarial"],
        "dis_total": term["critic_real"] + term["critic_fake"] + 10 * term["slope"],
        "dis_fake_adv": term["critic_fake"],
        "dis_real_adv": term["critic_real"],
        "dis_reg": term["slope"],
    }


def steps() -> Iterator[tuple[int, dict[str, float], dict[str, np.ndarray]]]:
    """Each step's number, its losses, and what the trained and the averaged networks make after it."""
    made = trainer()
    given = official_batch()
    assert made.average is not None
    for step in range(STEPS + 1):
        losses = {}
        if step:
            made.rates(AHEAD + step - 1)
            losses = our_losses(made.step(AHEAD + step - 1, given))
        images = {}
        for name, nets in (("gen", made.nets), ("gen_test", made.average.networks)):
            codes = made.task.encode(nets, "class", given["class"])
            mean = np.asarray(codes).mean(0, keepdims=True)
            image = made.task.translate(nets, {"source": given["content"][:1], "class": mean})
            images[f"{name}(xa[0],xb)"] = np.asarray(image)[:, ::2, ::2]
        yield step, losses, images
