"""CUT: unpaired translation in one direction, by patchwise contrastive learning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

import img2imgkit as kit
from img2imgkit import ops
from img2imgkit.adversary import PIX2PIX_TRAINING, Adversary, Lsgan
from img2imgkit.architectures import Patch, PatchProjection, Resnet
from img2imgkit.losses import patch_nce

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

        blocks: int = Field(default=9, ge=1, description="residual blocks of the generator")
        width: int = Field(default=64, ge=1, description="filters of the generator's first layer")
        dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout rate inside each residual block")
        antialias: bool = Field(default=True, description="anti-aliased down- and upsampling in both networks")
        antialias_up: bool | None = Field(
            default=None, description="anti-aliased upsampling; null: the same as 'antialias'"
        )
        critic_width: int = Field(default=64, ge=1, description="filters of the critic's first layer")
        critic_layers: int = Field(default=3, ge=1, description="downsampling steps of the critic")
        channels: Literal[1, 3] = Field(default=3, description="channels of the pictures: 1 is grey")
        adversary: Adversary = Field(
            default=Adversary(loss=Lsgan()), description="the critic's loss, gradient penalty and augmentations"
        )
        taps: tuple[int, ...] = Field(
            default=TAPS,
            min_length=1,
            description="encoder layers whose patches are compared, numbered as in the official code",
        )
        patches: int = Field(default=256, ge=2, description="patches of each image that are compared at each layer")
        projection: int = Field(default=256, ge=1, description="dimensions of a patch's embedding")
        temperature: float = Field(default=0.07, gt=0, description="temperature of PatchNCE")
        flip_equivariance: bool = Field(
            default=False,
            description="flip half of the sources; their translations should then be flipped, too (FastCUT)",
        )

        @model_validator(mode="after")
        def _taps_inside(self) -> Self:
            modules = encoder_modules(self.blocks, self.antialias)
            beyond = [tap for tap in self.taps if not 0 <= tap < modules]
            if beyond:
                raise ValueError(f"taps: {beyond[0]} is outside the encoder, which has modules 0 to {modules - 1}")
            return self

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
        """Import one residual generator and its patch projection; options of a critic are taken over."""

        found = kit.by_role(networks, "generator", "projection", "critic")
        if found is None or len(found["generator"]) != 1 or any(len(some) > 1 for some in found.values()):
            return None
        [number] = found["generator"]
        given, spec = networks[number].arguments, networks[number].spec
        if networks[number].kind != "resnet":
            return None
        if (spec.norm, given["padding"], spec.written) != ("instance", "reflect", spec.channels):
            return None
        stated = {name: given[name] for name in ("blocks", "width", "dropout", "antialias", "antialias_up", "channels")}
        modules = encoder_modules(given["blocks"], given["antialias"])
        stated["taps"] = tuple(tap for tap in TAPS if tap < modules)
        for critic in (networks[each] for each in found["critic"]):
            own = critic.arguments
            if critic.kind != "patch" or (own["antialias"], own["channels"]) != (given["antialias"], spec.channels):
                return None
            stated |= {"critic_width": own["width"], "critic_layers": own["layers"]}
            stated |= {"adversary": Adversary(loss=Lsgan(), spectral=critic.spec.spectral)}
        roles, missing = {"generator": kit.FromFile(number)}, []
        for each in found["projection"]:
            roles["projection"], stated["projection"] = kit.FromFile(each), networks[each].arguments["width"]
            taps = [features.shape[-1] for features in Resnet.features(networks[number].model, stated["taps"]).outputs]
            if taps != list(networks[each].arguments["widths"]):
                missing.append(
                    f"a patch projection for taps {list(stated['taps'])}: {networks[each].source} is for other taps; "
                    "leave it out, only training needs it"
                )
        try:
            options = cls.Options(**stated)
        except ValidationError:  # such as pictures with two channels
            return None
        fresh = () if found["projection"] else ("projection",)
        assumed = tuple(each for each in networks[number].assumptions_at("", dropout="dropout", padding=""))
        return kit.ImportPlan(
            options.model_dump(mode="json"), roles, fresh, given["antialias"], tuple(missing), assumed
        )

    def build(self) -> kit.Networks:

        chosen = self.options
        spec = kit.NetworkSpec(chosen.channels, norm="instance", spectral=chosen.adversary.spectral)
        generator = Resnet(
            blocks=chosen.blocks,
            width=chosen.width,
            dropout=chosen.dropout,
            antialias=chosen.antialias,
            antialias_up=chosen.antialias_up,
            init="xavier",
        ).build(spec)
        widths = tuple(features.shape[-1] for features in Resnet.features(generator, chosen.taps).outputs)
        patch = Patch(layers=chosen.critic_layers, width=chosen.critic_width, antialias=chosen.antialias, init="xavier")
        critic = patch.build(spec)
        projection = PatchProjection(widths=widths, width=chosen.projection, init="xavier").build(spec)
        return kit.Networks({"generator": generator, "projection": projection}, {"critic": critic})

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(multiple=4, minimum=8, radius=None, channels=self.options.channels)

    def minimum_crop(self) -> int:
        return max(8, 2 ** (self.options.critic_layers + 2))

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        drawn = dict(self.options.adversary.draw(random, sample["b"].shape))
        for side in self._compared():
            for number, places in enumerate(self._places(sample[side].shape)):
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
        encoder = Resnet.features(nets["generator"], self.options.taps)
        places = [batch[f"places_{side}_{number}"] for number in range(len(self.options.taps))]
        translated = [self._flipped(features, batch) for features in _listed(encoder(image, training=True))]
        given = _listed(encoder(batch[side], training=True))
        queries, keys = (
            _listed(nets["projection"]([_at(*pair) for pair in zip(features, places, strict=True)], training=True))
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

    def _places(self, shape: tuple[int, ...]) -> Iterator[int]:
        """The number of positions in each tap's features, for an image of that shape."""
        first, second = (7, 11) if self.options.antialias else (4, 7)  # the modules that downsample
        for tap in self.options.taps:
            sides = [side + 6 for side in shape[:2]] if tap == 0 else list(shape[:2])
            for module in (first, second):
                sides = [-(-side // 2) for side in sides] if tap >= module else sides
            yield sides[0] * sides[1]


def encoder_modules(blocks: int, antialias: bool) -> int:
    """The number of modules in the official code up to the last residual block."""
    return (12 if antialias else 10) + blocks


def _at(features: Any, places: Any) -> Any:
    """Gather features at positions. Shapes: (N, H, W, C), (N, P) int32 -> (N, P, C)."""
    images, height, width, channels = features.shape
    first = ops.reshape(ops.arange(images, dtype="int32") * (height * width), (-1, 1))
    return ops.take(ops.reshape(features, (-1, channels)), first + places, axis=0)


def _listed(outputs: Any) -> list[Any]:
    """The outputs as a list; a model with one output returns a tensor."""
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _judge(nets: kit.Networks) -> Any:
    return lambda seen: nets["critic"](seen, training=True)
