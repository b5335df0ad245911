"""The training of pix2pixHD's generator and critics, for any input."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from img2imgkit_plugins.pix2pixhd.options import Weights

import img2imgkit as kit
from img2imgkit import ops
from img2imgkit.adversary import PIX2PIX_TRAINING
from img2imgkit.architectures import Pix2PixHd
from img2imgkit.losses import feature_matching, perceptual

if TYPE_CHECKING:
    import keras

TAPS = {"relu1_1": 1 / 32, "relu2_1": 1 / 16, "relu3_1": 1 / 8, "relu4_1": 1 / 4, "relu5_1": 1.0}
WRITTEN = 3
Batch = Mapping[str, Any]


class CoarseToFine(kit.Importable, kit.Task):
    """The common base of this plugin's tasks. A prepared batch contains "shown", the condition that critics see."""

    training = PIX2PIX_TRAINING

    Weights = Weights

    @property
    @abstractmethod
    def seen(self) -> int:
        """Channels of the condition that critics see."""

    @abstractmethod
    def read(self, nets: kit.Networks, batch: Batch) -> Any:
        """The generator's input in training. Shapes: -> (N, H, W, C)."""

    def networks(self, channels: int) -> kit.Networks:
        """Build the generator's networks for that many input channels, and the critics."""
        chosen = self.options
        whole = chosen.generator.build(kit.NetworkSpec(channels, WRITTEN, norm=chosen.norm))
        critic = chosen.critic.build(self.critic_spec)
        return kit.Networks(_parts(whole) or {"generator": whole}, {"critic": critic})

    @property
    def critic_spec(self) -> kit.NetworkSpec:
        """The spec of the critics, which see the condition and the picture."""
        chosen = self.options
        return kit.NetworkSpec(self.seen + WRITTEN, norm=chosen.norm, spectral=chosen.adversary.spectral)

    def generated(self, nets: kit.Networks, seen: Any, training: bool) -> Any:
        """Run the generator's networks together. Shapes: (N, H, W, C) -> (N, H, W, 3) in [-1, 1]."""
        if "generator" in nets.generators:
            return nets["generator"](seen, training=training)
        return Pix2PixHd.image(nets.generators, seen, training=training)

    def frozen(self) -> Mapping[str, keras.Model]:
        return {"features": self.options.features.build([*TAPS])} if self.weights.perceptual else {}

    def minimum_crop(self) -> int:
        return max(self.geometry().minimum, self.options.critic.geometry(self.critic_spec).minimum)

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        height, width, _ = sample["target"].shape
        return self.options.adversary.draw(random, (height, width, self.seen + WRITTEN))

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


def _parts(network: keras.Model) -> dict[str, keras.Model]:
    """The networks that it consists of, by name."""
    import keras

    return {layer.name: layer for layer in network.layers if isinstance(layer, keras.Model)}


def _pairs(batch: Batch, out: Mapping[str, Any]) -> tuple[Any, Any]:
    """The critics' input, fake and real: condition and image concatenated. Shapes: (N, H, W, C + 3) each."""
    images = (ops.cast(out["image"], "float32"), batch["target"])
    return tuple(ops.concatenate([batch["shown"], image], axis=-1) for image in images)  # type: ignore[return-value]


def _scores(scales: Sequence[Sequence[Any]]) -> list[Any]:
    return [scale[-1] for scale in scales]


def _features(scales: Sequence[Sequence[Any]]) -> list[Any]:
    return [features for scale in scales for features in scale[:-1]]
