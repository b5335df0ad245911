"""pix2pix: a target for each source, learnt from aligned pairs against a critic that sees both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from keras import ops
from pydantic import Field

import img2imgkit as kit
from img2imgkit.adversary import PIX2PIX_TRAINING, Adversary
from img2imgkit.exchange import by_use
from img2imgkit.losses import l1
from img2imgkit.parts import (
    CriticPart,
    GeneratorPart,
    Norm,
    PatchPart,
    Statistics,
    UnetPart,
    critic_part,
    generator_part,
    untold,
)

ONE_OF_TWO = (
    "one direction alone; of CycleGAN's two translators name both files, which make a bundle of both directions"
)


class Pix2Pix(kit.Task):
    """Translate as aligned pairs of pictures show it (Isola et al. 2017, https://arxiv.org/abs/1611.07004).

    The critic sees source and target together and judges patches (eq. 1); the generator also pays the L1 distance from
    the target (eq. 3). Defaults are those of the official code.
    Departs from the paper: dropout, the paper's noise, acts in training only: a picture always becomes the same.
    """

    name = "pix2pix"
    data = "paired"
    order = ("critics", "generators")
    training = PIX2PIX_TRAINING

    class Options(kit.Config):
        """The parts, and what they read and write."""

        generator: GeneratorPart = Field(default=UnetPart(), description="the network that translates")
        critic: CriticPart = Field(default=PatchPart(), description="the network that judges")
        norm: Norm = Field(default="batch", description="normalization of both networks")
        statistics: Statistics = Field(
            default="image",
            description="of batch normalization in translating: the picture's own, as officially, or the running ones",
        )
        channels: Literal[1, 3] = Field(default=3, description="of the source: 1 is grey")
        output_channels: Literal[1, 3] = Field(default=3, description="of the target: 1 is grey")
        adversary: Adversary = Field(default=Adversary(loss="vanilla"), description="how the two play")

    class Weights(kit.Config):
        """Loss coefficients."""

        adversarial: float = Field(default=1.0, ge=0, description="the generator's, for being seen through")
        l1: float = Field(default=100.0, ge=0, description="mean absolute difference from the target")
        critic_real: float = Field(default=0.5, ge=0, description="the critic's, for true pairs")
        critic_fake: float = Field(default=0.5, ge=0, description="the critic's, for translated ones")
        penalty: float = Field(default=10.0, ge=0, description="the critic's, for its gradients, if it has a penalty")

    @classmethod
    def adopt(cls, networks: Sequence[kit.Foreign]) -> kit.Adoption | None:
        """From one U-Net, or one residual generator; a critic's sizes become options, too."""
        found = by_use(networks, generator=("unet", "resnet"), critic=("patch_critic", "pixel_critic"))
        if found is None or len(found["generator"]) != 1 or len(found["critic"]) > 1:
            return None
        [number] = found["generator"]
        given = networks[number]
        part, colours = generator_part(given.family, given.arguments), _colours(given)
        if part is None or not set(colours) <= {1, 3}:
            return None
        stated: dict[str, Any] = {"generator": part, "norm": given.arguments["norm"]}
        stated |= dict(zip(("channels", "output_channels"), colours, strict=True))
        for critic in (networks[each] for each in found["critic"]):
            judge = critic_part(critic.family, critic.arguments)
            if judge is None or critic.model.input_shape[-1] != sum(colours):
                return None
            spectral = bool(critic.arguments.get("spectral"))
            stated |= {"critic": judge, "adversary": Adversary(loss="vanilla", spectral=spectral)}
        return kit.Adoption(
            cls.Options(**stated).model_dump(mode="json"),
            {"generator": kit.Taken(number)},
            usual=part.kind == "unet" or not part.antialias,
            notes=(*([ONE_OF_TWO] if part.kind == "resnet" else []), *untold(part, stated["norm"])),
        )

    def build(self) -> kit.Networks:
        chosen = self.options
        generator = chosen.generator.build(chosen.norm, chosen.channels, chosen.output_channels, chosen.statistics)
        critic = chosen.critic.build(chosen.norm, chosen.channels + chosen.output_channels, chosen.adversary.spectral)
        return kit.Networks({"generator": generator}, {"critic": critic})

    def geometry(self) -> kit.Geometry:
        chosen = self.options
        return kit.Geometry(
            multiple=chosen.generator.multiple,
            minimum=chosen.generator.minimum,
            radius=chosen.generator.radius(chosen.norm, chosen.statistics),
            channels=chosen.channels,
            output_channels=chosen.output_channels,
        )

    def minimum_crop(self) -> int:
        return max(self.options.generator.minimum, self.options.critic.minimum)

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


def _colours(network: kit.Foreign) -> tuple[int, int]:
    """Channels that it reads, and that it writes."""
    return network.model.input_shape[-1], network.model.output_shape[-1]


def _pairs(batch: Mapping[str, Any], out: Mapping[str, Any]) -> tuple[Any, Any]:
    """What the critic sees: the source, and behind it the target or its translation. Shapes: (N, H, W, both's C)."""
    images = (batch["target"], ops.cast(out["image"], "float32"))
    return tuple(ops.concatenate([batch["source"], image], axis=-1) for image in images)  # type: ignore[return-value]


def _judge(nets: kit.Networks) -> Any:
    return lambda seen: nets["critic"](seen, training=True)
