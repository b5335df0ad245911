"""SPADE: photographs from label maps, optionally in a chosen style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from img2imgkit_plugins.spade.importing import import_plan
from img2imgkit_plugins.spade.styles import WRITTEN, StyleOptions, parsed_seed, reparameterized
from pydantic import Field, model_validator

import img2imgkit as kit
from img2imgkit import ops
from img2imgkit.adversary import Adversary, Hinge
from img2imgkit.architectures import Multiscale
from img2imgkit.architectures import Spade as Network
from img2imgkit.importing import PerceptualNetwork
from img2imgkit.losses import feature_matching, kl_divergence, perceptual

if TYPE_CHECKING:
    import keras

TAPS = {"relu1_1": 1 / 32, "relu2_1": 1 / 16, "relu3_1": 1 / 8, "relu4_1": 1 / 4, "relu5_1": 1.0}
_SCHEDULE = {"kind": "linear", "after": 0.5}


def _player(rate: float) -> Mapping[str, Any]:
    adam = {"kind": "adam", "learning_rate": rate, "beta_1": 0.0, "beta_2": 0.9}
    return {"optimizer": adam, "schedule": _SCHEDULE}


TRAINING: Mapping[str, Any] = {"ema": None, "generators": _player(1e-4), "critics": _player(4e-4)}


class Options(kit.Config):
    """The label maps, the networks and the adversarial training."""

    classes: int = Field(default=35, ge=1, le=255, description="number of classes: ids are 0 to classes - 1")
    unknown: bool = Field(default=False, description="whether the id 'classes' marks pixels without a class")
    edges: bool = Field(
        default=True, description="add an edge map of the boundaries between objects, computed from instance maps"
    )
    generator: kit.ArchitectureChoice = kit.choice("label-map-generator", Network(), "architecture of the generator")
    norm: Literal["batch", "instance"] = Field(
        default="batch", description="normalization of the generator's features before modulation by the label map"
    )
    spectral: bool = Field(default=True, description="spectral normalization of the generator's blocks")
    style: StyleOptions | None = Field(
        default=None, description="encoder of a picture's style, which can then be chosen; null: one result per map"
    )
    critic: kit.ArchitectureChoice = kit.choice(
        "feature-critic", Multiscale(use_bias=False, init="xavier"), "architecture of the critics"
    )
    adversary: Adversary = Field(
        default=Adversary(loss=Hinge(), spectral=True),
        description="the critics' loss, gradient penalty and augmentations",
    )
    features: PerceptualNetwork = Field(default=PerceptualNetwork(), description="network of the perceptual loss")

    @property
    def ids(self) -> int:
        """The number of ids in a label map."""
        return self.classes + self.unknown

    @property
    def channels(self) -> int:
        """The generator's input channels: one for each id, and the edge map."""
        return self.ids + self.edges

    @property
    def generator_spec(self) -> kit.NetworkSpec:
        """The spec of the generator."""
        code, size = (self.style.code, self.style.size) if self.style else (None, None)
        return kit.NetworkSpec(self.channels, WRITTEN, norm=self.norm, spectral=self.spectral, code=code, size=size)

    @property
    def critic_spec(self) -> kit.NetworkSpec:
        """The spec of the critics, which see label map and picture together."""
        return kit.NetworkSpec(self.channels + WRITTEN, spectral=self.adversary.spectral)

    @model_validator(mode="after")
    def _in_8_bits(self) -> Self:
        if self.ids > 255:
            raise ValueError(f"classes {self.classes} with 'unknown': 254 at most, since ids have 8 bits")
        return self

    def check_choices(self) -> None:
        self.generator.check(self.generator_spec, "generator")
        self.critic.check(self.critic_spec, "critic")


class Weights(kit.Config):
    """Loss coefficients."""

    adversarial: float = Field(default=1.0, ge=0, description="the generator's adversarial loss")
    feature_matching: float = Field(
        default=40.0,
        ge=0,
        description="feature-matching loss with the critics' features, mean over all layers; officially 10 "
        "times the layers of one critic, one more than its downsampling steps",
    )
    perceptual: float = Field(default=10.0, ge=0, description="perceptual loss, with the network of 'features'")
    kld: float = Field(
        default=0.05,
        ge=0,
        description="KL divergence of style codes from the prior, mean over the batch; officially the sum",
    )
    critic_real: float = Field(default=1.0, ge=0, description="the critics' loss on photographs")
    critic_fake: float = Field(default=1.0, ge=0, description="the critics' loss on translations")
    penalty: float = Field(default=10.0, ge=0, description="the critics' gradient penalty, if they have one")


class Spade(kit.Importable, kit.Task, kit.Conditional):
    """Synthesize photographs from label maps (Park et al. 2019, https://arxiv.org/abs/1903.07291).

    The label map modulates the normalized features of every layer, so that normalization does not wash it out (section
    3). With ``style``, an encoder maps a photograph to a style code, and both networks form a variational autoencoder
    (section 3.1 and appendix A). Defaults are those of the official code, including the learning rates of its two
    time-scale updates.
    Departs from the official code: the perceptual loss normalises images for its network.
    """

    name = "spade"
    data = "semantic"
    refresh_fakes = True
    training = TRAINING

    Options = Options
    Weights = Weights

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """Import a generator, with its style encoder if it has a style code; options of a critic are taken over."""
        return import_plan(cls.Options, networks)

    def build(self) -> kit.Networks:
        chosen = self.options
        generators = {"generator": chosen.generator.build(chosen.generator_spec)}
        if chosen.style:
            generators["encoder"] = chosen.style.encoder.build(chosen.style.encoder_spec)
        return kit.Networks(generators, {"critic": chosen.critic.build(chosen.critic_spec)})

    def frozen(self) -> Mapping[str, keras.Model]:
        return {"features": self.options.features.build([*TAPS])} if self.weights.perceptual else {}

    def geometry(self) -> kit.Geometry:
        chosen = self.options
        geometry = chosen.generator.geometry(chosen.generator_spec)
        radius = geometry.radius
        return replace(
            geometry,
            radius=None if radius is None else radius + chosen.edges,
            channels=1,
            ids=chosen.ids,
            unknown=chosen.unknown,
        )

    def minimum_crop(self) -> int:
        return max(self.geometry().minimum, self.options.critic.geometry(self.options.critic_spec).minimum)

    def conditions(self) -> Mapping[str, kit.Condition]:
        found = {}
        if self.options.edges:
            found["instance"] = kit.Condition("map", "ids of objects, for the edge map", required=True)
        if self.options.style:
            found["style"] = kit.Condition("pictures", "photographs whose style the results get")
            found["seed"] = kit.Condition(
                "value", "seed of a random style, if no photograph is given", parse=parsed_seed
            )
        return found

    def data_problems(self, data: Mapping[str, Any]) -> Sequence[str]:
        if self.options.edges and not data.get("instances", True):
            return ["options.edges needs instance maps: state their folder in the data, or set edges to false"]
        return []

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        height, width, _ = sample["target"].shape
        drawn = dict(self.options.adversary.draw(random, (height, width, self.options.channels + WRITTEN)))
        if self.options.style:
            drawn["eps"] = random.standard_normal(self.options.style.code, "float32")
        return drawn

    def prepare(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        kept = {key: value for key, value in batch.items() if key not in ("label", "instance")}
        return {**kept, "shown": self._shown(batch["label"], batch.get("instance"))}

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self.options.style:
            return {"image": nets["generator"](batch["shown"], training=True)}
        mean, log_variance = nets["encoder"](batch["target"], training=True)
        code = reparameterized(mean, log_variance, batch["eps"])
        image = nets["generator"]([batch["shown"], code], training=True)
        return {"image": image, "mean": mean, "log_variance": log_variance}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        fake, real = self._judged(nets, batch, out)
        terms = {
            "adversarial": self.options.adversary.generator_loss(_scores(fake), _scores(real)),
            "feature_matching": feature_matching(_features(fake), _features(real)),
            "kld": ops.zeros(ops.shape(batch["target"])[:1], "float32"),
        }
        if self.options.style:
            terms["kld"] = kl_divergence(out["mean"], out["log_variance"])
        if self.weights.perceptual:
            image, target = (nets["features"](each) for each in (out["image"], batch["target"]))
            terms["perceptual"] = perceptual(image, target, TAPS)
        return terms

    def critic_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        fake, real = self._judged(nets, batch, out)
        of_real, of_fake = self.options.adversary.critic_losses(_scores(real), _scores(fake))
        return {"critic_real": of_real, "critic_fake": of_fake}

    def critic_penalties(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        fake, real = _pairs(batch, out)
        return {
            "penalty": self.options.adversary.penalise(
                lambda seen: _scores(nets["critic"](seen, training=True)), real, fake, batch
            )
        }

    def encode(self, nets: kit.Networks, condition: str, pictures: Any) -> Any:
        mean, _ = nets["encoder"](pictures, training=False)
        return mean

    def condition_arrays(self, given: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
        if not self.options.style:
            return {}
        random = np.random.default_rng(given.get("seed", 0))
        return {"style": random.standard_normal(self.options.style.code, "float32")}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        shown = self._shown(inputs["source"], inputs.get("instance"))
        if not self.options.style:
            return nets["generator"](shown, training=False)
        code = inputs.get("style")
        if code is None:
            code = ops.zeros((ops.shape(shown)[0], self.options.style.code), "float32")
        return nets["generator"]([shown, ops.convert_to_tensor(code)], training=False)

    def _shown(self, label: Any, instance: Any) -> Any:
        """The network input from a label map. Shapes: (N, H, W, 1) ids each -> (N, H, W, channels)."""
        from img2imgkit.nn import instance_edges, one_hot

        classes = one_hot(label, self.options.ids)
        if not self.options.edges:
            return classes
        instance = ops.zeros_like(label) if instance is None else instance
        return ops.concatenate([classes, instance_edges(instance)], axis=-1)

    def _judged(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> tuple[Any, Any]:
        """The critics' features of fake and real, from one pass with common statistics and one power iteration."""
        seen = self.options.adversary.through(lambda pairs: pairs, batch)
        both = ops.concatenate([seen(pairs) for pairs in _pairs(batch, out)], axis=0)
        found = nets["critic"](both, training=True)
        halves = [[ops.split(features, 2, axis=0) for features in scale] for scale in found]
        fake, real = ([[each[side] for each in scale] for scale in halves] for side in (0, 1))
        return fake, real


def _pairs(batch: Mapping[str, Any], out: Mapping[str, Any]) -> Sequence[Any]:
    """The critics' input, fake and real: label map and image concatenated. Shapes: (N, H, W, C + 3) each."""
    images = (ops.cast(out["image"], "float32"), batch["target"])
    return [ops.concatenate([batch["shown"], image], axis=-1) for image in images]


def _scores(scales: Sequence[Sequence[Any]]) -> list[Any]:
    return [scale[-1] for scale in scales]


def _features(scales: Sequence[Sequence[Any]]) -> list[Any]:
    return [features for scale in scales for features in scale[:-1]]
