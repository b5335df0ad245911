"""FUNIT: few-shot translation to a class given by a few pictures, also to classes unseen in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

import img2imgkit as kit
from img2imgkit import ops
from img2imgkit.adversary import Adversary, Hinge
from img2imgkit.architectures import AdainDecoder, ClassCritic, ClassEncoder, ContentEncoder
from img2imgkit.losses import l1, mean_slope

PARTS = {"content_encoder": "content-encoder", "class_encoder": "class-encoder", "decoder": "content-decoder"}
_PLAYER = {"optimizer": {"kind": "rmsprop", "learning_rate": 1e-4, "rho": 0.99, "epsilon": 1e-8, "weight_decay": 1e-4}}


class Funit(kit.Importable, kit.Task, kit.Conditional):
    """Translate to a class given by a few pictures (Liu et al. 2019, https://arxiv.org/abs/1905.01723).

    Content and class are encoded separately; AdaIN layers of the decoder get their parameters from the class code. A
    class-conditional critic gives the adversarial loss (eq. 6); translating a picture to its own class must reconstruct
    it (eq. 7); the critic's spatially averaged features of a translation must match those of the class picture (eq. 8).
    Defaults are those of the official code.
    Departs from the paper, as the official code: reconstructions also have adversarial and feature-matching losses; the
    R1 penalty is on the gradient of the critic's mean score over the batch, so it shrinks with the batch size. With
    ``micro_batches`` the mean is over one micro-batch.
    """

    name = "funit"
    data = "few_shot"
    order = ("critics", "generators")
    training: Mapping[str, Any] = {"ema": 0.999, "generators": _PLAYER, "critics": _PLAYER}  # type: ignore[misc]

    class Options(kit.Config):
        """The networks, the number of training classes, and the size of class pictures."""

        content_encoder: kit.ArchitectureChoice = kit.choice(
            "content-encoder", ContentEncoder(), "architecture of the network that encodes what a picture shows where"
        )
        class_encoder: kit.ArchitectureChoice = kit.choice(
            "class-encoder", ClassEncoder(), "architecture of the network that encodes the appearance of a class"
        )
        decoder: kit.ArchitectureChoice = kit.choice(
            "content-decoder", AdainDecoder(), "architecture of the network that decodes content with a class code"
        )
        critic: kit.ArchitectureChoice = kit.choice("class-critic", ClassCritic(), "architecture of the critic")
        classes: int = Field(
            default=119, ge=1, description="number of training classes; 119 for the animal faces data set"
        )
        code: int = Field(default=64, ge=1, description="length of the class code")
        channels: Literal[1, 3] = Field(default=3, description="channels of the pictures: 1 is grey")
        size: int = Field(default=128, ge=1, description="height and width that class pictures are resized to")
        adversary: Adversary = Field(
            default=Adversary(loss=Hinge()), description="the critic's loss, gradient penalty and augmentations"
        )

        def check_choices(self) -> None:
            for option, spec in self.specs.items():
                getattr(self, option).check(spec, option)
            geometry = self.class_encoder.geometry(self.specs["class_encoder"])
            if self.size < geometry.minimum or self.size % geometry.multiple:
                needed = f"a multiple of {geometry.multiple}, at least {geometry.minimum}"
                raise ValueError(f"size: class_encoder {self.class_encoder.kind!r} needs {needed}, got {self.size}")

        @property
        def specs(self) -> Mapping[str, kit.NetworkSpec]:
            """The spec of each network, by its option; the decoder's follows from the content code."""
            size = (self.size, self.size)
            content = kit.NetworkSpec(self.channels, size=size)
            encoded = self.content_encoder.geometry(content)
            spectral, scale = self.adversary.spectral, encoded.multiple
            return {
                "content_encoder": content,
                "class_encoder": kit.NetworkSpec(self.channels, code=self.code, size=size),
                "decoder": kit.NetworkSpec(encoded.written, self.channels, scale, code=self.code, size=size),
                "critic": kit.NetworkSpec(self.channels, spectral=spectral, classes=self.classes, size=size),
            }

    class Weights(kit.Config):
        """Loss coefficients."""

        adversarial: float = Field(default=1.0, ge=0, description="the generators' adversarial loss")
        reconstruction: float = Field(
            default=0.1, ge=0, description="reconstruction loss on pictures translated to their own class"
        )
        content_features: float = Field(
            default=1.0, ge=0, description="feature-matching loss between pictures and their reconstructions"
        )
        class_features: float = Field(
            default=1.0, ge=0, description="feature-matching loss between class pictures and translations to the class"
        )
        critic_real: float = Field(default=1.0, ge=0, description="the critic's loss on class pictures")
        critic_fake: float = Field(default=1.0, ge=0, description="the critic's loss on translations")
        slope: float = Field(
            default=10.0, ge=0, description="the critic's R1 penalty on class pictures, on the mean score of the batch"
        )
        penalty: float = Field(
            default=10.0, ge=0, description="the critic's gradient penalty set in 'adversary', if any"
        )

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """Import one generator, split into three networks; a critic gives the number of classes."""
        found = kit.by_role(networks, "few-shot-generator", "class-critic")
        if found is None or len(found["few-shot-generator"]) != 1 or len(found["class-critic"]) > 1:
            return None
        [number] = found["few-shot-generator"]
        given = networks[number]
        parts = given.architecture.subnetworks()
        inside = {role: layer for layer, part in parts.items() for role in part.roles}
        if not inside.keys() >= {*PARTS.values()}:
            return None
        stated = {option: parts[inside[role]] for option, role in PARTS.items()}
        stated |= {"code": given.spec.code, "channels": given.spec.channels}
        assumed = [kit.Assumption("size", 128, (), "class pictures are resized to 128 x 128, as in the official code")]
        for critic in (networks[each] for each in found["class-critic"]):
            if critic.spec.channels != given.spec.channels:
                return None
            adversary = Adversary(loss=Hinge(), spectral=critic.spec.spectral)
            stated |= {"critic": critic.architecture, "classes": critic.spec.classes, "adversary": adversary}
        if not found["class-critic"]:
            text = "there are 119 training classes, as for the animal faces; this only matters for further training"
            assumed.append(kit.Assumption("classes", 119, (), text))
        try:
            options = cls.Options(**stated)
        except ValidationError:  # such as pictures with two channels
            return None
        roles = {option: kit.FromFile(number, inside[role]) for option, role in PARTS.items()}
        return kit.ImportPlan(options.model_dump(mode="json"), roles, assumptions=tuple(assumed))

    def build(self) -> kit.Networks:
        built = {option: getattr(self.options, option).build(spec) for option, spec in self.options.specs.items()}
        critic = built.pop("critic")
        return kit.Networks(built, {"critic": critic})

    def geometry(self) -> kit.Geometry:
        chosen, specs = self.options, self.options.specs
        encoder = chosen.content_encoder.geometry(specs["content_encoder"])
        decoder = chosen.decoder.geometry(specs["decoder"])
        unit, radius = encoder.multiple, None
        if encoder.radius is not None and decoder.radius is not None:
            radius = encoder.radius + unit * decoder.radius
        minimum = max(encoder.minimum, unit * decoder.minimum)
        return kit.Geometry(1, unit * decoder.multiple, radius, chosen.channels, minimum=minimum)

    def minimum_crop(self) -> int:
        chosen, specs = self.options, self.options.specs
        judges = (getattr(chosen, option).geometry(specs[option]).minimum for option in ("class_encoder", "critic"))
        return max(self.geometry().minimum, *judges)

    def conditions(self) -> Mapping[str, kit.Condition]:
        description = "a few pictures, such as five, of the class to translate to; any class"
        return {"class": kit.Condition("pictures", description, required=True, size=self.options.size)}

    def data_problems(self, data: Mapping[str, Any]) -> Sequence[str]:
        found, chosen, classes, crop = [], self.options, len(data["classes"]), data["size"]
        if classes != chosen.classes:
            found.append(f"classes is {chosen.classes}, but the data has {classes}")
        if crop != chosen.size:
            found.append(
                f"the data's 'crop' is {crop}, but the task's 'size' is {chosen.size}: set both to the same value"
            )
        return found

    def example_data(self) -> Mapping[str, Any]:
        return {"classes": [str(number) for number in range(self.options.classes)], "size": self.options.size}

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return self.options.adversary.draw(random, sample["class"].shape)

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Translate to the class of the other picture and to the picture's own, in one pass of each network."""
        code = nets["content_encoder"](batch["content"], training=True)
        looks = nets["class_encoder"](ops.concatenate([batch["class"], batch["content"]]), training=True)
        images = nets["decoder"]([ops.concatenate([code, code]), looks], training=True)
        translation, reconstruction = ops.split(images, 2)
        return {"translation": translation, "reconstruction": reconstruction}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        adversary = self.options.adversary
        fakes, of_fakes = self._judged(nets, batch, (out["translation"], out["reconstruction"]))
        reals, of_reals = self._judged(nets, batch, (batch["class"], batch["content"]))
        adversarial = [adversary.generator_loss(*pair) for pair in zip(fakes, reals, strict=True)]
        return {
            "adversarial": (adversarial[0] + adversarial[1]) / 2,
            "reconstruction": l1(out["reconstruction"], batch["content"]),
            "class_features": l1(of_fakes[0], ops.stop_gradient(of_reals[0])),
            "content_features": l1(of_fakes[1], ops.stop_gradient(of_reals[1])),
        }

    def critic_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        real, fake = self.options.adversary.critic(_judge(nets, batch), batch["class"], out["translation"], batch)
        return {"critic_real": real, "critic_fake": fake}

    def critic_penalties(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        judge, real = _judge(nets, batch), batch["class"]
        terms = {"slope": mean_slope(judge, real)} if self.weights.slope else {}
        return terms | {"penalty": self.options.adversary.penalise(judge, real, out["translation"], batch)}

    def encode(self, nets: kit.Networks, condition: str, pictures: Any) -> Any:
        return nets["class_encoder"](pictures, training=False)

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        content = nets["content_encoder"](inputs["source"], training=False)
        return nets["decoder"]([content, ops.convert_to_tensor(inputs["class"])], training=False)

    def _judged(self, nets: kit.Networks, batch: Mapping[str, Any], images: Sequence[Any]) -> tuple[Any, Any]:
        """Scores and averaged features: first of images of the target class, then of images of their own class.

        Shapes:
            images: (N, H, W, C) twice -> (N, h, w, 1) twice, (N, D) twice
        """
        shown = self.options.adversary.through(lambda image: ops.cast(image, "float32"), batch)
        labels = ops.concatenate([batch["class_label"], batch["content_label"]])
        pictures = ops.concatenate([shown(image) for image in images])
        scores, features = nets["critic"]([pictures, labels], training=True)
        return ops.split(scores, 2), ops.split(ops.mean(features, axis=(1, 2)), 2)


def _judge(nets: kit.Networks, batch: Mapping[str, Any]) -> Any:
    label = ops.convert_to_tensor(batch["class_label"], "int32")
    return lambda pictures: nets["critic"]([ops.convert_to_tensor(pictures), label], training=True)[0]
