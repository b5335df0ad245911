"""pix2pix: translation learnt from aligned pairs, with a conditional critic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

import img2imgkit as kit
from img2imgkit import ops
from img2imgkit.adversary import PIX2PIX_TRAINING, Adversary, Vanilla
from img2imgkit.architectures import Norm, Patch, Statistics, Unet
from img2imgkit.losses import l1

ONE_OF_TWO = (
    "the bundle translates in one direction; for both directions of a CycleGAN, import the files of both generators "
    "together"
)


class Pix2Pix(kit.Importable, kit.Task):
    """Translate from source to target, learnt from aligned pairs (Isola et al. 2017, https://arxiv.org/abs/1611.07004).

    Adversarial loss with a patch critic on source and target together (eq. 1), and L1 loss (eq. 3). Defaults are those
    of the official code.
    Departs from the paper: dropout, the paper's noise, is active in training only, so that translation is
    deterministic.
    """

    name = "pix2pix"
    data = "paired"
    order = ("critics", "generators")
    training = PIX2PIX_TRAINING

    class Options(kit.Config):
        """The networks and their channels."""

        generator: kit.ArchitectureChoice = kit.choice("generator", Unet(), "architecture of the generator")
        critic: kit.ArchitectureChoice = kit.choice("critic", Patch(), "architecture of the critic")
        norm: Norm = Field(default="batch", description="normalization of both networks")
        statistics: Statistics = Field(
            default="image",
            description="statistics of batch normalization at inference: each picture's, as officially, or running",
        )
        channels: Literal[1, 3] = Field(default=3, description="channels of the source: 1 is grey")
        output_channels: Literal[1, 3] = Field(default=3, description="channels of the target: 1 is grey")
        adversary: Adversary = Field(
            default=Adversary(loss=Vanilla()), description="the critic's loss, gradient penalty and augmentations"
        )

        @property
        def generator_spec(self) -> kit.NetworkSpec:
            """The spec of the generator."""
            return kit.NetworkSpec(self.channels, self.output_channels, norm=self.norm, statistics=self.statistics)

        @property
        def critic_spec(self) -> kit.NetworkSpec:
            """The spec of the critic, which sees source and target together."""
            seen = self.channels + self.output_channels
            return kit.NetworkSpec(seen, norm=self.norm, spectral=self.adversary.spectral)

        def check_choices(self) -> None:
            self.generator.check(self.generator_spec, "generator")
            self.critic.check(self.critic_spec, "critic")

    class Weights(kit.Config):
        """Loss coefficients."""

        adversarial: float = Field(default=1.0, ge=0, description="the generator's adversarial loss")
        l1: float = Field(default=100.0, ge=0, description="L1 loss on the target")
        critic_real: float = Field(default=0.5, ge=0, description="the critic's loss on real pairs")
        critic_fake: float = Field(default=0.5, ge=0, description="the critic's loss on translations")
        penalty: float = Field(default=10.0, ge=0, description="the critic's gradient penalty, if it has one")

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """Import one generator; options of a critic are taken over."""
        found = kit.by_role(networks, "generator", "critic")
        if found is None or len(found["generator"]) != 1 or len(found["critic"]) > 1:
            return None
        [number] = found["generator"]
        given = networks[number]
        channels, written = given.spec.channels, given.spec.written
        stated: dict[str, Any] = {"generator": given.architecture, "channels": channels, "output_channels": written}
        stated |= {"norm": given.spec.norm} if given.spec.norm else {}
        for critic in (networks[each] for each in found["critic"]):
            if critic.spec.channels != channels + written:
                return None
            adversary = Adversary(loss=Vanilla(), spectral=critic.spec.spectral)
            stated |= {"critic": critic.architecture, "adversary": adversary}
        try:
            options = cls.Options(**stated)
        except ValidationError:  # such as pictures with two channels
            return None
        one_way = (kit.Assumption("", None, (), ONE_OF_TWO),) if given.kind == "resnet" else ()
        return kit.ImportPlan(
            options.model_dump(mode="json"),
            {"generator": kit.FromFile(number)},
            preferred=given.kind == "unet" or (given.kind == "resnet" and not given.arguments["antialias"]),
            assumptions=(*one_way, *given.assumptions_at("generator")),
        )

    def build(self) -> kit.Networks:
        chosen = self.options
        generator, critic = chosen.generator.build(chosen.generator_spec), chosen.critic.build(chosen.critic_spec)
        return kit.Networks({"generator": generator}, {"critic": critic})

    def geometry(self) -> kit.Geometry:
        return self.options.generator.geometry(self.options.generator_spec)

    def minimum_crop(self) -> int:
        return max(self.geometry().minimum, self.options.critic.geometry(self.options.critic_spec).minimum)

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        height, width, _ = sample["target"].shape
        seen = self.options.channels + self.options.output_channels
        return self.options.adversary.draw(random, (height, width, seen))

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"image": nets["generator"](batch["source"], training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        real, fake = _pairs(batch, out)
        return {
            "adversarial": self.options.adversary.generator(_judge(nets), fake, real, batch),
            "l1": l1(out["image"], batch["target"]),
        }

    def critic_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        real, fake = self.options.adversary.critic(_judge(nets), *_pairs(batch, out), batch)
        return {"critic_real": real, "critic_fake": fake}

    def critic_penalties(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        return {"penalty": self.options.adversary.penalise(_judge(nets), *_pairs(batch, out), batch)}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return nets["generator"](inputs["source"], training=False)


def _pairs(batch: Mapping[str, Any], out: Mapping[str, Any]) -> tuple[Any, Any]:
    """The critic's input, real and fake: source and image concatenated. Shapes: (N, H, W, C + C_out) each."""
    images = (batch["target"], ops.cast(out["image"], "float32"))
    return tuple(ops.concatenate([batch["source"], image], axis=-1) for image in images)  # type: ignore[return-value]


def _judge(nets: kit.Networks) -> Any:
    return lambda seen: nets["critic"](seen, training=True)
