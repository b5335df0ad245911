"""The training of a coarse-to-fine generator and its critics as in pix2pixHD, for any input."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

import img2imgkit as kit
from img2imgkit import ops
from img2imgkit.adversary import PIX2PIX_TRAINING, Adversary, Lsgan
from img2imgkit.architectures import Multiscale
from img2imgkit.architectures import Pix2PixHd as Network
from img2imgkit.importing import PerceptualNetwork
from img2imgkit.losses import feature_matching, perceptual

if TYPE_CHECKING:
    import keras

TAPS = {"relu1_1": 1 / 32, "relu2_1": 1 / 16, "relu3_1": 1 / 8, "relu4_1": 1 / 4, "relu5_1": 1.0}
WRITTEN = 3  # channels of photographs
WHOLE = "generator"  # role of a generator that is one network
Batch = Mapping[str, Any]


class NetworkOptions(kit.Config):
    """The networks and the adversarial training."""

    generator: kit.ArchitectureChoice = kit.choice("coarse-to-fine", Network(), "architecture of the generator")
    critic: kit.ArchitectureChoice = kit.choice("feature-critic", Multiscale(), "architecture of the critics")
    norm: Literal["batch", "instance"] = Field(default="instance", description="normalization of all networks")
    adversary: Adversary = Field(
        default=Adversary(loss=Lsgan()), description="the critics' loss, gradient penalty and augmentations"
    )
    features: PerceptualNetwork = Field(default=PerceptualNetwork(), description="network of the perceptual loss")

    @property
    @abstractmethod
    def seen(self) -> int:
        """Channels of the condition that critics see."""

    @property
    def input_channels(self) -> int:
        """The generator's input channels."""
        return self.seen

    @property
    def generator_spec(self) -> kit.NetworkSpec:
        """The spec of the generator."""
        return kit.NetworkSpec(self.input_channels, WRITTEN, norm=self.norm)

    @property
    def critic_spec(self) -> kit.NetworkSpec:
        """The spec of the critics, which see the condition and the picture."""
        return kit.NetworkSpec(self.seen + WRITTEN, norm=self.norm, spectral=self.adversary.spectral)

    def check_choices(self) -> None:
        self.generator.check(self.generator_spec, "generator")
        self.critic.check(self.critic_spec, "critic")


class Weights(kit.Config):
    """Loss coefficients. Terms of critics are means over scales; in the official code, sums over two."""

    adversarial: float = Field(
        default=2.0, ge=0, description="the generator's adversarial loss; officially 1 for each scale"
    )
    feature_matching: float = Field(
        default=40.0,
        ge=0,
        description="feature-matching loss with the critics' features, mean over all layers; officially 10 "
        "times 4 for any number of layers",
    )
    perceptual: float = Field(default=10.0, ge=0, description="perceptual loss, with the network of 'features'")
    critic_real: float = Field(
        default=1.0, ge=0, description="the critics' loss on photographs; officially 0.5 for each scale"
    )
    critic_fake: float = Field(
        default=1.0, ge=0, description="the critics' loss on translations; officially 0.5 for each scale"
    )
    penalty: float = Field(default=10.0, ge=0, description="the critics' gradient penalty, if they have one")


class CoarseToFine(kit.Importable, kit.Task):
    """The common base of this plugin's tasks. A prepared batch contains "shown", the condition that critics see."""

    training = PIX2PIX_TRAINING

    Weights = Weights

    @abstractmethod
    def read(self, nets: kit.Networks, batch: Batch) -> Any:
        """The generator's input in training. Shapes: -> (N, H, W, C)."""

    def build(self) -> kit.Networks:
        chosen = self.options
        generator, critic = chosen.generator.build(chosen.generator_spec), chosen.critic.build(chosen.critic_spec)
        return kit.Networks(parts_of(generator), {"critic": critic})

    def generated(self, nets: kit.Networks, seen: Any, training: bool) -> Any:
        """Run the generator's networks together. Shapes: (N, H, W, C) -> (N, H, W, 3) in [-1, 1]."""
        if WHOLE in nets.generators:
            return nets[WHOLE](seen, training=training)
        return self.options.generator.chosen.image(nets.generators, seen, training=training)

    def frozen(self) -> Mapping[str, keras.Model]:
        return {"features": self.options.features.build([*TAPS])} if self.weights.perceptual else {}

    def minimum_crop(self) -> int:
        return max(self.geometry().minimum, self.options.critic.geometry(self.options.critic_spec).minimum)

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        height, width, _ = sample["target"].shape
        return self.options.adversary.draw(random, (height, width, self.options.seen + WRITTEN))

    def forward(self, nets: kit.Networks, batch: Batch) -> Mapping[str, Any]:
        seen = ops.convert_to_tensor(self.read(nets, batch))
        return {"image": self.generated(nets, seen, training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Batch, out: Mapping[str, Any]) -> dict[str, Any]:
        fake, real = self._judged(nets, batch, out)
        terms = {
            "adversarial": self.options.adversary.generator_loss(_scores(fake), _scores(real)),
            "feature_matching": feature_matching(_features(fake), _features(real)),
        }
        if self.weights.perceptual:
            image, target = (nets["features"](each) for each in (out["image"], batch["target"]))
            terms["perceptual"] = perceptual(image, target, TAPS)
        return terms

    def critic_losses(self, nets: kit.Networks, batch: Batch, out: Mapping[str, Any]) -> dict[str, Any]:
        fake, real = self._judged(nets, batch, out)
        of_real, of_fake = self.options.adversary.critic_losses(_scores(real), _scores(fake))
        return {"critic_real": of_real, "critic_fake": of_fake}

    def critic_penalties(self, nets: kit.Networks, batch: Batch, out: Mapping[str, Any]) -> dict[str, Any]:
        fake, real = _pairs(batch, out)
        judge = lambda seen: _scores(nets["critic"](seen, training=True))  # noqa: E731
        return {"penalty": self.options.adversary.penalise(judge, real, fake, batch)}

    def _judged(self, nets: kit.Networks, batch: Batch, out: Mapping[str, Any]) -> tuple[Any, Any]:
        """The critics' outputs for the translation and for the photograph."""
        judged = self.options.adversary.through(lambda seen: nets["critic"](seen, training=True), batch)
        fake, real = _pairs(batch, out)
        return judged(fake), judged(real)


def parts_of(generator: keras.Model) -> dict[str, keras.Model]:
    """The networks that a coarse-to-fine generator consists of, by role; the role "generator" if it is only one.

    Raises:
        ValueError: it also has weights outside its networks, which no bundle would contain.
    """
    import keras

    found = {layer.name: layer for layer in generator.layers if isinstance(layer, keras.Model)} or {WHOLE: generator}
    inside = {id(weight) for part in found.values() for weight in part.weights}
    outside = [weight.path for weight in generator.weights if id(weight) not in inside]
    if outside:
        raise ValueError(f"{outside[0]} of a coarse-to-fine generator is in none of its networks {', '.join(found)}")
    return found


def _pairs(batch: Batch, out: Mapping[str, Any]) -> tuple[Any, Any]:
    """The critics' input, fake and real: condition and image concatenated. Shapes: (N, H, W, C + 3) each."""
    images = (ops.cast(out["image"], "float32"), batch["target"])
    return tuple(ops.concatenate([batch["shown"], image], axis=-1) for image in images)  # type: ignore[return-value]


def _scores(scales: Sequence[Sequence[Any]]) -> list[Any]:
    return [scale[-1] for scale in scales]


def _features(scales: Sequence[Sequence[Any]]) -> list[Any]:
    return [features for scale in scales for features in scale[:-1]]
