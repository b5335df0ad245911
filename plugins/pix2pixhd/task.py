"""pix2pixHD from label maps, and from pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import lcm
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from img2imgkit_plugins.pix2pixhd.appearances import (
    Chosen,
    clustered,
    fill,
    looks_in,
    numbers_of,
    parsed_choice,
    parsed_seed,
)
from img2imgkit_plugins.pix2pixhd.coarse_to_fine import WRITTEN, CoarseToFine, NetworkOptions
from img2imgkit_plugins.pix2pixhd.importing import of_labels, of_pictures
from pydantic import Field, model_validator

import img2imgkit as kit
from img2imgkit import ops
from img2imgkit.architectures import InstanceEncoder

if TYPE_CHECKING:
    import keras


class EncoderOptions(kit.Config):
    """An encoder of each object's appearance, which a translation can then choose."""

    features: int = Field(default=3, ge=1, description="length of an object's features")
    network: kit.ArchitectureChoice = kit.choice("instance-encoder", InstanceEncoder(), "architecture of the encoder")
    clusters: int = Field(
        default=10,
        ge=1,
        description="appearances of each class to choose from: clusters of features, computed after training",
    )


class LabelOptions(NetworkOptions):
    """The label maps, the networks and the adversarial training."""

    classes: int = Field(default=35, ge=1, le=255, description="number of classes: ids are 0 to classes - 1")
    unknown: bool = Field(default=False, description="whether the id 'classes' marks pixels without a class")
    edges: bool = Field(
        default=True, description="add an edge map of the boundaries between objects, computed from instance maps"
    )
    encoder: EncoderOptions | None = Field(
        default=None,
        description="encoder of each object's appearance, which can then be chosen; null: one result per map",
    )

    @property
    def ids(self) -> int:
        """The number of ids in a label map."""
        return self.classes + self.unknown

    @property
    def seen(self) -> int:
        return self.ids + self.edges

    @property
    def input_channels(self) -> int:
        return self.seen + (self.encoder.features if self.encoder else 0)

    @property
    def encoder_spec(self) -> kit.NetworkSpec:
        """The spec of the encoder; its output channels are an object's features."""
        return kit.NetworkSpec(WRITTEN, self.encoder.features if self.encoder else None, norm=self.norm)

    @model_validator(mode="after")
    def _in_8_bits(self) -> Self:
        if self.ids > 255:
            raise ValueError(f"classes {self.classes} with 'unknown': 254 at most, since ids have 8 bits")
        return self

    def check_choices(self) -> None:
        super().check_choices()
        if self.encoder:
            self.encoder.network.check(self.encoder_spec, "encoder.network")


class Pix2PixHd(CoarseToFine, kit.Conditional):
    """Synthesize large photographs from label maps (Wang et al. 2018, https://arxiv.org/abs/1711.11585).

    The global generator is trained first, then with local enhancers at twice the resolution (section 3.1). Critics at
    several scales give adversarial and feature-matching losses (section 3.2). The networks also see a boundary map of
    the objects (section 3.3). With ``encoder``, the appearance of each object is encoded as a few features; after
    training these are clustered by class, and a translation can choose among them (section 3.4). Defaults are those of
    the official code.
    Departs from the official code: the perceptual loss normalises images for its network; an object's class is that of
    its middle pixel, not a part of its id.
    """

    name = "pix2pixhd"
    data = "semantic"

    Options = LabelOptions

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """Import a generator and its instance encoder; options of critics are taken over."""
        return of_labels(cls.Options, networks)

    def build(self) -> kit.Networks:
        nets = super().build()
        return kit.Networks({**nets.generators, **self._of_appearances()}, nets.critics)

    def geometry(self) -> kit.Geometry:
        chosen = self.options
        whole = chosen.generator.geometry(chosen.generator_spec)
        encoder = chosen.encoder.network.geometry(chosen.encoder_spec) if chosen.encoder else kit.Geometry()
        return kit.Geometry(
            multiple=lcm(whole.multiple, encoder.multiple),
            minimum=max(whole.minimum, encoder.minimum),
            radius=None if whole.radius is None else whole.radius + chosen.edges,
            channels=1,
            output_channels=WRITTEN,
            ids=chosen.ids,
            unknown=chosen.unknown,
        )

    def conditions(self) -> Mapping[str, kit.Condition]:
        found = {}
        if self.options.edges or self.options.encoder:
            found["instance"] = kit.Condition("map", "ids of objects", required=True)
        if self.options.encoder:
            number = (
                f"which of up to {self.options.encoder.clusters} appearances, from 0, the objects of a class get, or "
            )
            found["seed"] = kit.Condition("value", "seed that draws an appearance for each object", parse=parsed_seed)
            found["appearance"] = kit.Condition(
                "value", f"{number}one object by its id: 26=3,#26001=0", parse=self._choice
            )
        return found

    def data_problems(self, data: Mapping[str, Any]) -> Sequence[str]:
        found, chosen = [], self.options
        needs = "edges" if chosen.edges else "encoder" if chosen.encoder else ""
        if needs and not data.get("instances", True):
            without = "edges to false" if needs == "edges" else "encoder to null"
            found.append(f"options.{needs} needs instance maps: state their folder in the data, or set {without}")
        return found

    def prepare(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        kept = {key: value for key, value in batch.items() if key != "label"}
        return {**kept, "shown": self._shown(batch["label"], batch["instance"])}

    def read(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Any:
        if not self.options.encoder:
            return batch["shown"]
        given = [ops.convert_to_tensor(batch["target"]), ops.cast(batch["instance"], "int32")]
        return _joined(batch["shown"], nets["encoder"](given, training=True))

    def on_train_end(self, nets: kit.Networks, samples: Iterable[Mapping[str, Any]]) -> None:
        if not self.options.encoder:
            return
        found: dict[int, list[np.ndarray]] = {}
        for sample in samples:
            label, instance = (np.asarray(sample[key])[0, ..., 0].astype(np.int32) for key in ("label", "instance"))
            given = [np.asarray(sample["target"]), instance[None, ..., None]]
            features = nets["encoder"](given, training=False)
            for each, appearance in looks_in(np.asarray(features)[0], label, instance):
                found.setdefault(each, []).append(appearance)
        random = np.random.default_rng(0)
        clusters = self.options.encoder.clusters
        fill(nets["appearances"], {each: clustered(np.array(found[each]), clusters, random) for each in sorted(found)})

    def condition_arrays(self, given: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
        if not self.options.encoder or "instance" not in given:
            return {}
        chosen = given.get("appearance", Chosen())
        label = given.get("label", given["instance"] * 0)
        return {"number": numbers_of(label, given["instance"], given.get("seed", 0), chosen)}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        label = ops.convert_to_tensor(inputs["source"])
        shown = self._shown(label, inputs.get("instance"))
        if self.options.encoder:
            number = inputs["number"] if "number" in inputs else ops.zeros_like(label)
            ids = [ops.cast(each, "int32") for each in (label, number)]
            shown = _joined(shown, nets["appearances"](ids, training=False))
        return self.generated(nets, shown, training=False)

    def _of_appearances(self) -> dict[str, keras.Model]:
        """The network that finds objects' appearances, and the one that keeps those to choose from."""
        from img2imgkit_plugins.pix2pixhd.appearance_table import appearance_table

        chosen, encoder = self.options, self.options.encoder
        if encoder is None:
            return {}
        return {
            "encoder": encoder.network.build(chosen.encoder_spec),
            "appearances": appearance_table(chosen.ids, encoder.clusters, encoder.features),
        }

    def _choice(self, value: Any) -> Chosen:
        chosen = parsed_choice(value)
        if unknown := next((each for each in chosen.classes if each >= self.options.ids), None):
            last = self.options.ids - 1
            raise ValueError(
                f"unknown class {unknown}: expected 0 to {last}; write #{unknown} for the object with that id"
            )
        return chosen

    def _shown(self, label: Any, instance: Any) -> Any:
        """The network input from a label map. Shapes: (N, H, W, 1) ids each -> (N, H, W, seen)."""
        from img2imgkit.nn import instance_edges, one_hot

        classes = one_hot(label, self.options.ids)
        if not self.options.edges:
            return classes
        instance = ops.zeros_like(label) if instance is None else instance
        return _joined(classes, instance_edges(instance))


class PhotoOptions(NetworkOptions):
    """The pictures, the networks and the adversarial training."""

    channels: Literal[1, 3] = Field(default=3, description="channels of the source: 1 is grey")

    @property
    def seen(self) -> int:
        return self.channels


class Pix2PixHdPhoto(CoarseToFine):
    """Translate large pictures, learnt from aligned pairs (Wang et al. 2018, https://arxiv.org/abs/1711.11585).

    Like ``pix2pixhd``, but from pictures instead of label maps: the official code's ``--label_nc 0 --no_instance``.
    """

    name = "pix2pixhd-photo"
    data = "paired"

    Options = PhotoOptions

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """Import a generator with 1 or 3 input channels; options of critics are taken over."""
        return of_pictures(cls.Options, networks)

    def geometry(self) -> kit.Geometry:
        return self.options.generator.geometry(self.options.generator_spec)

    def prepare(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**batch, "shown": batch["source"]}

    def read(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Any:
        return batch["shown"]

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return self.generated(nets, ops.convert_to_tensor(inputs["source"]), training=False)


def _joined(*parts: Any) -> Any:
    return ops.concatenate([ops.cast(part, "float32") for part in parts], axis=-1)
