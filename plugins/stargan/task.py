"""StarGAN: translation between many domains with one network, conditioned on a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from img2imgkit_plugins.stargan.labels import CELEBA, LabelSet, Names, assumed_labels
from pydantic import Field, ValidationError, model_validator

import img2imgkit as kit
from img2imgkit import ops
from img2imgkit.adversary import Adversary, Wasserstein, WganGp
from img2imgkit.architectures import Stargan, StarganCritic
from img2imgkit.losses import binary_cross_entropy, cross_entropy, l1

PLAYER: Mapping[str, Any] = {
    "optimizer": {"kind": "adam", "learning_rate": 1e-4, "beta_1": 0.5},
    "schedule": {"kind": "linear", "after": 0.5},
}
TRAINING: Mapping[str, Any] = {"ema": None, "generators": {**PLAYER, "every": 5}, "critics": PLAYER}


class StarGan(kit.Importable, kit.Task, kit.Conditional):
    """Translate to any of several domains with one network (Choi et al. 2018, https://arxiv.org/abs/1711.09020).

    Adversarial loss, domain-classification loss (eq. 2 and 3), and reconstruction loss on translations back to the
    original domain (eq. 4). Several sets of pictures with different labels can be trained together; a mask vector
    states which set applies (section 3.3). Defaults are those of the official code for CelebA.
    Departs from the official code: learning rates decay to 0 in the second half, as in the paper; in the official code
    99.9 % remain.
    """

    name = "stargan"
    data = "labelled"
    order = ("critics", "generators")
    training = TRAINING

    class Options(kit.Config):
        """The networks, the domains, and the pictures."""

        generator: kit.ArchitectureChoice = kit.choice("label-generator", Stargan(), "architecture of the generator")
        critic: kit.ArchitectureChoice = kit.choice("domain-critic", StarganCritic(), "architecture of the critic")
        labels: tuple[LabelSet, ...] = Field(
            default=(CELEBA,), min_length=1, description="label sets, one for each set of pictures, in the data's order"
        )
        size: int = Field(
            default=128,
            ge=1,
            description="height and width of training pictures and the critic's input; the same as the data's resize",
        )
        channels: Literal[1, 3] = Field(default=3, description="channels of the pictures: 1 is grey")
        adversary: Adversary = Field(
            default=Adversary(loss=Wasserstein(), penalty=WganGp()),
            description="the critic's loss, gradient penalty and augmentations",
        )

        @model_validator(mode="after")
        def _consistent(self) -> Self:
            names = Names(self.labels).all
            if twice := next((name for number, name in enumerate(names) if name in names[:number]), None):
                raise ValueError(f"labels: {twice!r} is in two sets; rename it in one of them")
            return self

        def check_choices(self) -> None:
            self.generator.check(self.generator_spec, "generator")
            self.critic.check(self.critic_spec, "critic")
            geometry = self.generator.geometry(self.generator_spec)
            if self.size % geometry.multiple:
                raise ValueError(f"size: expected a multiple of {geometry.multiple} for the generator, got {self.size}")
            least = max(geometry.minimum, self.critic.geometry(self.critic_spec).minimum)
            if self.size < least:
                raise ValueError(f"size: expected at least {least} for generator and critic, got {self.size}")

        @property
        def generator_spec(self) -> kit.NetworkSpec:
            """The spec of the generator; with several label sets, its label includes a mask vector."""
            sets = len(self.labels)
            label = len(Names(self.labels).all) + (sets if sets > 1 else 0)
            return kit.NetworkSpec(self.channels, code=label, size=(self.size, self.size))

        @property
        def critic_spec(self) -> kit.NetworkSpec:
            """The spec of the critic."""
            domains = len(Names(self.labels).all)
            spectral = self.adversary.spectral
            return kit.NetworkSpec(self.channels, spectral=spectral, classes=domains, size=(self.size, self.size))

    class Weights(kit.Config):
        """Loss coefficients."""

        adversarial: float = Field(default=1.0, ge=0, description="the generator's adversarial loss")
        classification: float = Field(default=1.0, ge=0, description="domain-classification loss on translations")
        reconstruction: float = Field(
            default=10.0, ge=0, description="reconstruction loss on pictures translated there and back"
        )
        critic_real: float = Field(default=1.0, ge=0, description="the critic's loss on pictures")
        critic_fake: float = Field(default=1.0, ge=0, description="the critic's loss on translations")
        critic_classification: float = Field(default=1.0, ge=0, description="domain-classification loss on pictures")
        penalty: float = Field(default=10.0, ge=0, description="the critic's gradient penalty, if it has one")

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """Import a generator; a critic gives the size of training pictures."""
        found = kit.by_role(networks, "label-generator", "domain-critic")
        if found is None or len(found["label-generator"]) != 1 or len(found["domain-critic"]) > 1:
            return None
        [number] = found["label-generator"]
        given = networks[number]
        if given.spec.code is None:
            return None
        labels, assumption = assumed_labels(given.spec.code)
        stated = {"generator": given.architecture, "labels": labels, "channels": given.spec.channels}
        for critic in (networks[each] for each in found["domain-critic"]):
            if (critic.spec.channels, critic.spec.classes) != (given.spec.channels, len(Names(labels).all)):
                return None
            adversary = Adversary(loss=Wasserstein(), penalty=WganGp(), spectral=critic.spec.spectral)
            stated |= {"critic": critic.architecture, "adversary": adversary}
            if critic.spec.size is not None:
                height, width = critic.spec.size
                if height != width:
                    return None
                stated |= {"size": height}
        try:
            options = cls.Options(**stated)
        except ValidationError:  # such as pictures with two channels
            return None
        roles = {"generator": kit.FromFile(number)}
        return kit.ImportPlan(options.model_dump(mode="json"), roles, assumptions=(assumption,))

    @property
    def names(self) -> Names:
        """The names of all domains."""
        return Names(self.options.labels)

    def build(self) -> kit.Networks:
        chosen = self.options
        generator, critic = chosen.generator.build(chosen.generator_spec), chosen.critic.build(chosen.critic_spec)
        return kit.Networks({"generator": generator}, {"critic": critic})

    def geometry(self) -> kit.Geometry:
        return self.options.generator.geometry(self.options.generator_spec)

    def minimum_crop(self) -> int:
        return int(self.options.size)

    def conditions(self) -> Mapping[str, kit.Condition]:
        names = self.names
        joined = "a name, or several attributes joined by '+'; the result has no others"
        found = {"domain": kit.Condition("value", f"target domain: {joined}", values=names.all, parse=names.parsed)}
        if any(each.kind == "attributes" for each in names.sets):
            flip = "attributes to flip in the picture's label, joined by '+'; needs 'attributes'"
            found["flip"] = kit.Condition("value", flip, parse=names.toggled)
            found["attributes"] = kit.Condition("attributes", "attributes of each picture, for 'flip'")
        return found

    def data_problems(self, data: Mapping[str, Any]) -> Sequence[str]:
        found = []
        theirs, own = [list(each) for each in data["sets"]], [list(each.names) for each in self.options.labels]
        if theirs != own:
            found.append(
                f"the data's labels are {_shown(theirs)}, but the task's are {_shown(own)}: state the former as "
                "'names' under 'labels', one set each, or the latter as the data's 'selected'"
            )
        if data["size"] != self.options.size:
            found.append(
                f"the data's 'resize' is {data['size']}, but the task's 'size' is {self.options.size}: "
                "set both to the same value"
            )
        return found

    def example_data(self) -> Mapping[str, Any]:
        return {"sets": [list(each.names) for each in self.options.labels], "size": self.options.size}

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return self.options.adversary.draw(random, sample["source"].shape)

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        fake = self._translated(nets, batch["source"], batch, training=True)
        back = {**batch, "target_label": batch["label"]}
        return {"fake": fake, "cycle": self._translated(nets, fake, back, training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        adversary = self.options.adversary
        judge = adversary.through(_judge(nets), batch)
        scores, logits = judge(out["fake"])
        of_real = judge(batch["source"])[0] if adversary.compares else scores
        return {
            "adversarial": adversary.generator_loss(scores, of_real),
            "classification": self._classification(logits, batch["target_label"], batch),
            "reconstruction": l1(out["cycle"], batch["source"]),
        }

    def critic_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        judge = self.options.adversary.through(_judge(nets), batch)
        of_real, logits = judge(batch["source"])
        of_fake, _ = judge(out["fake"])
        real, fake = self.options.adversary.critic_losses(of_real, of_fake)
        classification = self._classification(logits, batch["label"], batch)
        return {"critic_real": real, "critic_fake": fake, "critic_classification": classification}

    def critic_penalties(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        judge = _judge(nets)
        penalty = self.options.adversary.penalise(lambda seen: judge(seen)[0], batch["source"], out["fake"], batch)
        return {"penalty": penalty}

    def condition_arrays(self, given: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
        if "domain" in given and "flip" in given:
            raise ValueError("both 'domain' and 'flip' are given: leave one out")
        names = self.names
        if "flip" not in given:
            wanted = given.get("domain", names.all[:1])
            label = names.label(wanted)
        elif "attributes" in given:
            wanted = given["flip"]
            label = names.flipped(wanted, given["attributes"])
        else:
            raise ValueError("'flip' needs 'attributes', those that the picture has")
        return {"target_label": label, "label_set": np.asarray([names.set_of(wanted)], np.float32)}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return self._translated(nets, inputs["source"], inputs, training=False)

    def _translated(self, nets: kit.Networks, image: Any, inputs: Mapping[str, Any], training: bool) -> Any:
        """Translate to the domains of ``target_label``; with several sets, a mask states which one the label is from.

        Shapes:
            image (N, H, W, C), target_label (N, names), label_set (N,) or (N, 1) -> (N, H, W, C)
        """
        label = ops.convert_to_tensor(inputs["target_label"], "float32")
        if len(self.options.labels) > 1:
            label = ops.concatenate([label, self._mask(inputs)], axis=-1)
        return nets["generator"]([ops.convert_to_tensor(image), label], training=training)

    def _mask(self, inputs: Mapping[str, Any]) -> Any:
        """The mask vector: 1 for the picture's set, 0 for others. Shapes: label_set (N,) or (N, 1) -> (N, sets)."""
        number = ops.reshape(ops.cast(inputs["label_set"], "int32"), (-1,))
        return ops.one_hot(number, len(self.options.labels), dtype="float32")

    def _classification(self, logits: Any, label: Any, batch: Mapping[str, Any]) -> Any:
        """The domain-classification loss in the picture's set. Shapes: (N, names) twice -> (N,)."""
        measures = {"classes": cross_entropy, "attributes": binary_cross_entropy}
        terms = [
            measures[each.kind](logits[:, part], label[:, part])
            for each, part in zip(self.options.labels, self.names.slices(), strict=True)
        ]
        return terms[0] if len(terms) == 1 else ops.sum(ops.stack(terms, axis=-1) * self._mask(batch), axis=-1)


def _judge(nets: kit.Networks) -> Any:
    return lambda seen: nets["critic"](seen, training=True)


def _shown(sets: Sequence[Sequence[str]]) -> str:
    return " and ".join(f"[{', '.join(names)}]" for names in sets)
