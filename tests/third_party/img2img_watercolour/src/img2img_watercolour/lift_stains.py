"""A task: pictures without their stains. Its networks, distance and critic's augmentations are chosen by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

import img2imgkit as kit
from img2img_watercolour.edge_l1 import EdgeL1
from img2img_watercolour.fade import Fade
from img2imgkit.architectures import Patch, Resnet


class LiftStains(kit.Task):
    """Remove stains from pictures, judged by a critic of patches (Isola et al. 2017, https://arxiv.org/abs/1611.07004)."""

    name = "lift-stains"
    data = "stained"

    class Options(kit.Config):
        """The networks, and what the result is compared by."""

        generator: kit.ArchitectureChoice = kit.choice("generator", Resnet(width=8, blocks=1), "removes the stains")
        critic: kit.ArchitectureChoice = kit.choice("critic", Patch(width=8, layers=1), "judges the result")
        distance: kit.LossChoice = kit.choice("reconstruction", EdgeL1(), "distance from the clean picture")
        adversary: kit.Adversary = Field(default=kit.Adversary(augment=(Fade(),)), description="how the two play")

        @property
        def spec(self) -> kit.NetworkSpec:
            return kit.NetworkSpec(norm="none")

    class Weights(kit.Config):
        """Loss coefficients."""

        distance: float = Field(default=10.0, ge=0, description="distance from the clean picture")
        adversarial: float = Field(default=1.0, ge=0, description="the generator's adversarial loss")
        critic_real: float = Field(default=0.5, ge=0, description="the critic's loss on clean pictures")
        critic_fake: float = Field(default=0.5, ge=0, description="the critic's loss on generated pictures")

    def build(self) -> kit.Networks:
        spec = self.options.spec
        generator, critic = self.options.generator.build(spec), self.options.critic.build(spec)
        return kit.Networks({"generator": generator}, {"critic": critic})

    def geometry(self) -> kit.Geometry:
        return self.options.generator.geometry(self.options.spec)

    def minimum_crop(self) -> int:
        return max(self.geometry().minimum, self.options.critic.geometry(self.options.spec).minimum)

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return self.options.adversary.draw(random, sample["target"].shape)

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"image": nets["generator"](batch["source"], training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        adversary, target = self.options.adversary, batch["target"]
        return {
            "distance": self.options.distance.chosen(out["image"], target),
            "adversarial": adversary.generator(_judge(nets), out["image"], target, batch),
        }

    def critic_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        real, fake = self.options.adversary.critic(_judge(nets), batch["target"], out["image"], batch)
        return {"critic_real": real, "critic_fake": fake}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return nets["generator"](inputs["source"], training=False)


def _judge(nets: kit.Networks) -> Any:
    return lambda image: nets["critic"](image, training=True)


@kit.hookimpl
def register_tasks(register: Any) -> None:
    register(LiftStains)
