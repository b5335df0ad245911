"""CUT: unpaired translation in one direction, by patchwise contrastive learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, ValidationError

import img2imgkit as kit
from img2imgkit import ops
from img2imgkit.adversary import PIX2PIX_TRAINING, Adversary, Lsgan
from img2imgkit.architectures import Patch, PatchProjection, Resnet
from img2imgkit.losses import patch_nce

if TYPE_CHECKING:
    import keras

TAPS = (0, 4, 8, 12, 16)


class Cut(kit.Importable, kit.Task):
    """Translate from one domain to another without pairs (Park et al. 2020, https://arxiv.org/abs/2007.15651).

    Each output patch should match the input patch at its place better than other patches (PatchNCE, eq. 3 and 4), in
    features of the generator's encoder; pictures of the target domain should not change (eq. 5). Defaults are those of
    CUT in the official code; the training file fastcut.yaml is FastCUT.
    Departs from the paper: patch positions and flips are drawn for each image of a batch separately.
    """

    name = "cut"
    data = "unpaired"
    order = ("critics", "generators")
    training = PIX2PIX_TRAINING

    class Options(kit.Config):
        """The networks and the patchwise contrastive loss."""

        generator: kit.ArchitectureChoice = kit.choice(
            "feature-generator", Resnet(antialias=True, init="xavier"), "architecture of the generator"
        )
        critic: kit.ArchitectureChoice = kit.choice(
            "critic", Patch(antialias=True, init="xavier"), "architecture of the critic"
        )
        projection: kit.ArchitectureChoice = kit.choice(
            "projection", PatchProjection(), "architecture of the network that embeds patches"
        )
        channels: Literal[1, 3] = Field(default=3, description="channels of the pictures: 1 is grey")
        adversary: Adversary = Field(
            default=Adversary(loss=Lsgan()), description="the critic's loss, gradient penalty and augmentations"
        )
        taps: tuple[int, ...] = Field(
            default=TAPS,
            min_length=1,
            description="layers of the generator whose patches are compared; 'resnet' has the official numbers",
        )
        patches: int = Field(default=256, ge=2, description="patches of each image that are compared at each layer")
        temperature: float = Field(default=0.07, gt=0, description="temperature of PatchNCE")
        flip_equivariance: bool = Field(
            default=False,
            description="flip half of the sources; their translations should then be flipped, too (FastCUT)",
        )

        def check_choices(self) -> None:
            self.generator.check(self.spec, "generator")
            self.critic.check(self.spec, "critic")
            count = self.generator.chosen.taps
            if beyond := [tap for tap in self.taps if not 0 <= tap < count]:
                raise ValueError(f"taps: {beyond[0]}: the generator has layers 0 to {count - 1}")

        @property
        def spec(self) -> kit.NetworkSpec:
            """The spec of generator and critic."""
            return kit.NetworkSpec(self.channels, norm="instance", spectral=self.adversary.spectral)

    class Weights(kit.Config):
        """Loss coefficients."""

        adversarial: float = Field(default=1.0, ge=0, description="the generator's adversarial loss")
        nce: float = Field(default=0.5, ge=0, description="PatchNCE loss between pictures and their translations")
        nce_identity: float = Field(
            default=0.5, ge=0, description="PatchNCE identity loss on pictures of the target domain"
        )
        critic_real: float = Field(default=0.5, ge=0, description="the critic's loss on pictures of the target domain")
        critic_fake: float = Field(default=0.5, ge=0, description="the critic's loss on translations")
        penalty: float = Field(default=10.0, ge=0, description="the critic's gradient penalty, if it has one")

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """Import one generator and its patch projection; options of a critic are taken over."""
        found = kit.by_role(networks, "feature-generator", "projection", "critic")
        if found is None or len(found["feature-generator"]) != 1 or any(len(some) > 1 for some in found.values()):
            return None
        [number] = found["feature-generator"]
        given = networks[number]
        if given.spec.norm != "instance" or given.spec.written != given.spec.channels:
            return None
        roles = {"generator": kit.FromFile(number)}
        taps = tuple(tap for tap in TAPS if tap < given.architecture.taps)
        stated: dict[str, Any] = {"generator": given.stated, "channels": given.spec.channels, "taps": taps}
        for critic in (networks[each] for each in found["critic"]):
            if critic.spec.channels != given.spec.channels or critic.spec.norm == "none":
                return None
            stated |= {"critic": critic.stated}
            stated |= {"adversary": Adversary(loss=Lsgan(), spectral=critic.spec.spectral)}
        missing = []
        for each in found["projection"]:
            roles["projection"], stated["projection"] = kit.FromFile(each), networks[each].stated
            if networks[each].spec.widths != _widths(given.architecture, given.model, taps):
                missing.append(
                    f"a patch projection for taps {list(taps)}: {networks[each].source} is for other taps; "
                    "leave it out, only training needs it"
                )
        try:
            options = cls.Options(**stated)
        except ValidationError:  # such as pictures with two channels
            return None
        fresh = () if found["projection"] else ("projection",)
        return kit.ImportPlan(
            options.model_dump(mode="json"),
            roles,
            fresh,
            preferred=given.arguments.get("antialias", False),
            missing=tuple(missing),
            assumptions=given.assumptions_at("generator"),
        )

    def build(self) -> kit.Networks:
        chosen = self.options
        generator = chosen.generator.build(chosen.spec)
        widths = _widths(chosen.generator.chosen, generator, chosen.taps)
        projection = chosen.projection.build(kit.NetworkSpec(widths=widths))
        critic = chosen.critic.build(chosen.spec)
        return kit.Networks({"generator": generator, "projection": projection}, {"critic": critic})

    def geometry(self) -> kit.Geometry:
        return self.options.generator.geometry(self.options.spec)

    def minimum_crop(self) -> int:
        return max(self.geometry().minimum, self.options.critic.geometry(self.options.spec).minimum)

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        drawn = dict(self.options.adversary.draw(random, sample["b"].shape))
        for side in self._compared():
            sizes = self.options.generator.chosen.feature_sizes(self.options.taps, sample[side].shape[:2])
            for number, (height, width) in enumerate(sizes):
                places = height * width
                count = min(self.options.patches, places)
                drawn[f"places_{side}_{number}"] = random.permutation(places)[:count].astype(np.int32)
        if self.options.flip_equivariance:
            drawn["flip"] = np.float32(random.integers(2))
        return drawn

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            f"from_{side}": nets["generator"](self._flipped(batch[side], batch), training=True)
            for side in self._compared()
        }

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        fake = out["from_a"]
        terms = {"adversarial": self.options.adversary.generator(_judge(nets), fake, batch["b"], batch)}
        for side, name in (("a", "nce"), ("b", "nce_identity")):
            if side in self._compared():
                terms[name] = self._contrast(nets, batch, side, out[f"from_{side}"])
        return terms

    def critic_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        real, fake = self.options.adversary.critic(_judge(nets), batch["b"], out["from_a"], batch)
        return {"critic_real": real, "critic_fake": fake}

    def critic_penalties(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        return {"penalty": self.options.adversary.penalise(_judge(nets), batch["b"], out["from_a"], batch)}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return nets["generator"](inputs["source"], training=False)

    def _compared(self) -> Sequence[str]:
        """The domains whose pictures are compared with their translations."""
        return ("a", "b") if self.weights.nce_identity else ("a",)

    def _contrast(self, nets: kit.Networks, batch: Mapping[str, Any], side: str, image: Any) -> Any:
        """Mean over the taps. Shapes: image (N, H, W, C) -> (N,)."""
        encoder = self.options.generator.chosen.features(nets["generator"], self.options.taps)
        places = [batch[f"places_{side}_{number}"] for number in range(len(self.options.taps))]
        translated = [self._flipped(features, batch) for features in encoder(image, training=True)]
        given = encoder(batch[side], training=True)
        queries, keys = (
            nets["projection"]([_at(*pair) for pair in zip(features, places, strict=True)], training=True)
            for features in (translated, given)
        )
        pairs = zip(queries, keys, strict=True)
        each = [patch_nce(query, key, self.options.temperature) for query, key in pairs]
        return sum(each[1:], each[0]) / len(each)

    def _flipped(self, x: Any, batch: Mapping[str, Any]) -> Any:
        """Flip the drawn images horizontally; flipping twice restores them."""
        if not self.options.flip_equivariance:
            return x
        flip = ops.reshape(batch["flip"], (-1, 1, 1, 1)) > 0.5
        return ops.where(flip, ops.flip(x, axis=2), x)


def _widths(architecture: Any, model: keras.Model, taps: Sequence[int]) -> tuple[int, ...]:
    """The channels of the features at each tap."""
    return tuple(features.shape[-1] for features in architecture.features(model, taps).outputs)


def _at(features: Any, places: Any) -> Any:
    """Gather features at positions. Shapes: (N, H, W, C), (N, P) int32 -> (N, P, C)."""
    images, height, width, channels = features.shape
    first = ops.reshape(ops.arange(images, dtype="int32") * (height * width), (-1, 1))
    return ops.take(ops.reshape(features, (-1, channels)), first + places, axis=0)


def _judge(nets: kit.Networks) -> Any:
    return lambda seen: nets["critic"](seen, training=True)
