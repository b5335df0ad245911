"""CycleGAN: unpaired translation in both directions, with cycle consistency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

import img2imgkit as kit
from img2imgkit.adversary import PIX2PIX_TRAINING, Adversary, Lsgan
from img2imgkit.architectures import Norm, Patch, Resnet, Statistics
from img2imgkit.image_losses import L1
from img2imgkit.losses import l1

SIDES = ("a", "b")


class CycleGan(kit.Importable, kit.Task):
    """Translate both ways between two domains without pairs (Zhu et al. 2017, https://arxiv.org/abs/1703.10593).

    Adversarial losses with a critic for each domain (eq. 1), cycle-consistency losses (eq. 2) and identity losses
    (section 5.2). Critics see a history of translations (section 4). Defaults are those of the official code. With
    other options the task is DiscoGAN (Kim et al. 2017, https://arxiv.org/abs/1703.05192) or DualGAN (Yi et al. 2017,
    https://arxiv.org/abs/1704.02510); see the training files discogan.yaml and dualgan.yaml.
    """

    name = "cyclegan"
    data = "unpaired"
    training = PIX2PIX_TRAINING

    class Options(kit.Config):
        """The networks, built alike for both directions."""

        generator: kit.ArchitectureChoice = kit.choice("generator", Resnet(), "architecture of the generators")
        critic: kit.ArchitectureChoice = kit.choice("critic", Patch(), "architecture of the critics")
        norm: Norm = Field(default="instance", description="normalization of all networks")
        statistics: Statistics = Field(
            default="image",
            description="statistics of batch normalization at inference: each picture's, as officially, or running",
        )
        channels: Literal[1, 3] = Field(default=3, description="channels of the pictures: 1 is grey")
        adversary: Adversary = Field(
            default=Adversary(loss=Lsgan()), description="the critics' loss, gradient penalty and augmentations"
        )
        reconstruction: kit.LossChoice = kit.choice("reconstruction", L1(), "distance of the cycle-consistency loss")
        pool: int = Field(default=50, ge=0, description="size of each critic's history of translations; 0: no history")

        @property
        def generator_spec(self) -> kit.NetworkSpec:
            """The spec of the generators."""
            return kit.NetworkSpec(self.channels, norm=self.norm, statistics=self.statistics)

        @property
        def critic_spec(self) -> kit.NetworkSpec:
            """The spec of the critics."""
            return kit.NetworkSpec(self.channels, norm=self.norm, spectral=self.adversary.spectral)

        def check_choices(self) -> None:
            self.generator.check(self.generator_spec, "generator")
            self.critic.check(self.critic_spec, "critic")

    class Weights(kit.Config):
        """Loss coefficients for each domain."""

        adversarial_a: float = Field(default=1.0, ge=0, description="adversarial loss on translations to a")
        adversarial_b: float = Field(default=1.0, ge=0, description="adversarial loss on translations to b")
        cycle_a: float = Field(default=10.0, ge=0, description="cycle-consistency loss on pictures of a")
        cycle_b: float = Field(default=10.0, ge=0, description="cycle-consistency loss on pictures of b")
        identity_a: float = Field(default=5.0, ge=0, description="identity loss on pictures of a, translated to a")
        identity_b: float = Field(default=5.0, ge=0, description="identity loss on pictures of b, translated to b")
        critic_real_a: float = Field(default=0.5, ge=0, description="the loss of a's critic on pictures of a")
        critic_fake_a: float = Field(default=0.5, ge=0, description="the loss of a's critic on translations to a")
        critic_real_b: float = Field(default=0.5, ge=0, description="the loss of b's critic on pictures of b")
        critic_fake_b: float = Field(default=0.5, ge=0, description="the loss of b's critic on translations to b")
        penalty_a: float = Field(default=10.0, ge=0, description="the gradient penalty of a's critic, if it has one")
        penalty_b: float = Field(default=10.0, ge=0, description="the gradient penalty of b's critic, if it has one")

    class Choices(kit.Config):
        """The direction of translation."""

        direction: Literal["a_to_b", "b_to_a"] = Field(default="a_to_b", description="direction of translation")

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """Import the generators of both directions, a to b first; options of critics are taken over."""
        found = kit.by_role(networks, "generator", "critic")
        if found is None or not 1 <= len(found["generator"]) <= 2 or len(found["critic"]) > 2:
            return None
        generators, critics = ([networks[number] for number in numbers] for numbers in found.values())
        given = generators[0]
        channels = given.spec.channels
        if not _alike(generators) or given.spec.written != channels:
            return None
        stated: dict[str, Any] = {"generator": given.architecture, "channels": channels}
        stated |= {"norm": given.spec.norm} if given.spec.norm else {}
        if critics:
            if not _alike(critics) or critics[0].spec.channels != channels:
                return None
            adversary = Adversary(loss=Lsgan(), spectral=critics[0].spec.spectral)
            stated |= {"critic": critics[0].architecture, "adversary": adversary}
        try:
            options = cls.Options(**stated)
        except ValidationError:  # such as pictures with two channels
            return None
        roles = dict(zip(("a_to_b", "b_to_a"), map(kit.FromFile, found["generator"]), strict=False))
        order = [
            kit.Assumption("", None, (), f"{role} is {networks[source.number].source}, from the order of the files")
            for role, source in roles.items()
        ]
        return kit.ImportPlan(
            options.model_dump(mode="json"),
            roles,
            preferred=given.kind == "resnet" and given.spec.norm == "instance" and not given.arguments["antialias"],
            missing=() if len(roles) == 2 else (_missing(given.source),),
            assumptions=(*order, *given.assumptions_at("generator")),
        )

    def build(self) -> kit.Networks:
        chosen = self.options
        generators = {name: chosen.generator.build(chosen.generator_spec) for name in ("a_to_b", "b_to_a")}
        return kit.Networks(generators, {f"critic_{side}": chosen.critic.build(chosen.critic_spec) for side in SIDES})

    def geometry(self) -> kit.Geometry:
        return self.options.generator.geometry(self.options.generator_spec)

    def minimum_crop(self) -> int:
        critic = self.options.critic.geometry(self.options.critic_spec).minimum
        return max(self.geometry().minimum, critic, self.options.reconstruction.chosen.minimum)

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        draws = [self.options.adversary.draw(random, sample[side].shape, side) for side in SIDES]
        return {**draws[0], **draws[1]}

    def history(self) -> Mapping[str, int]:
        return {f"fake_{side}": self.options.pool for side in SIDES}

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        to_a, to_b = _generators(nets)
        fake_b, fake_a = to_b(batch["a"]), to_a(batch["b"])
        out = {"fake_a": fake_a, "fake_b": fake_b, "cycle_a": to_a(fake_b), "cycle_b": to_b(fake_a)}
        if self.weights.identity_a:
            out["identity_a"] = to_a(batch["a"])
        if self.weights.identity_b:
            out["identity_b"] = to_b(batch["b"])
        return out

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        distance = self.options.reconstruction.chosen
        terms = {}
        for side in SIDES:
            terms[f"adversarial_{side}"] = self.options.adversary.generator(
                _judge(nets, side), out[f"fake_{side}"], batch[side], batch, side
            )
            terms[f"cycle_{side}"] = distance(out[f"cycle_{side}"], batch[side])
            if f"identity_{side}" in out:
                terms[f"identity_{side}"] = l1(out[f"identity_{side}"], batch[side])
        return terms

    def critic_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        terms = {}
        for side in SIDES:
            terms[f"critic_real_{side}"], terms[f"critic_fake_{side}"] = self.options.adversary.critic(
                _judge(nets, side), batch[side], out[f"fake_{side}"], batch, side
            )
        return terms

    def critic_penalties(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        return {
            f"penalty_{side}": self.options.adversary.penalise(
                _judge(nets, side), batch[side], out[f"fake_{side}"], batch, side
            )
            for side in SIDES
        }

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return nets[self.choices.direction](inputs["source"], training=False)


def _alike(networks: Sequence[kit.ImportedNetwork]) -> bool:
    """Whether all have the same architecture and spec."""
    return all(each.architecture == networks[0].architecture and each.spec == networks[0].spec for each in networks)


def _missing(source: str) -> str:
    return (
        "the generator of the other direction: the official code saves two, latest_net_G_A.pth and "
        f"latest_net_G_B.pth, and {source or 'this'} is one; the task pix2pix creates a bundle for one direction, "
        "with the same translations"
    )


def _generators(nets: kit.Networks) -> tuple[Any, Any]:
    return tuple(lambda image, name=name: nets[name](image, training=True) for name in ("b_to_a", "a_to_b"))  # type: ignore[return-value]


def _judge(nets: kit.Networks, side: str) -> Any:
    return lambda seen: nets[f"critic_{side}"](seen, training=True)
