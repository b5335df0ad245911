"""Super-resolution: the sharp picture behind a small one, learnt from pictures that were shrunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, ValidationError

import img2imgkit as kit
from img2imgkit.architectures import Residual
from img2imgkit.losses import l1


class SuperResolution(kit.Importable, kit.Task):
    """Enlarge by a whole number with a convolutional network, trained on the L1 distance.

    The network is any installed architecture that enlarges; by default a small one of EDSR's blocks (Lim et al. 2017,
    https://arxiv.org/abs/1707.02921). By default it enlarges luma alone, as VDSR does (Kim et al. 2016,
    https://arxiv.org/abs/1511.04587), and colour is enlarged by bicubic interpolation.
    Departs from the papers: the one degradation is bicubic shrinking, and no critic judges.
    """

    name = "super-resolution"
    data = "degraded"
    keeps_grey = True

    class Options(kit.Config):
        """How much larger, the network, and what it is given."""

        scale: Literal[1, 2, 3, 4, 8] = Field(default=2, description="the output is this many times as high and wide")
        generator: kit.ArchitectureChoice = kit.choice("enlarger", Residual(), "the network that enlarges")
        space: Literal["luma", "rgb"] = Field(default="luma", description="what the network enlarges")
        values: Literal["signed", "unit"] = Field(
            default="signed", description="what it sees and makes: from -1 to 1, or from 0 to 1 as the official ones"
        )

        def check_choices(self) -> None:
            if problem := self.generator.chosen.problem(self.spec):
                raise ValueError(f"{self.generator.kind} with space {self.space!r} and scale {self.scale}: {problem}")

        @property
        def spec(self) -> kit.NetworkSpec:
            """What the network reads, and how much it enlarges."""
            return kit.NetworkSpec(self.channels, scale=self.scale)

        @property
        def channels(self) -> int:
            """Of what the network sees."""
            return 1 if self.space == "luma" else 3

    class Weights(kit.Config):
        """Loss coefficients."""

        l1: float = Field(default=1.0, ge=0, description="mean absolute difference from the original")

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """From one network that enlarges colours, of values from 0 to 1; its critic is left aside."""
        found = kit.by_role(networks, "enlarger", "critic")
        if found is None or len(found["enlarger"]) != 1:
            return None
        [number] = found["enlarger"]
        given = networks[number]
        if (given.spec.channels, given.spec.written) != (3, 3):
            return None
        try:
            options = cls.Options(scale=given.spec.scale, generator=given.architecture, space="rgb", values="unit")
        except ValidationError:  # such as scale 16
            return None
        roles = {"generator": kit.FromFile(number)}
        assumed = given.assumptions_at("generator")
        return kit.ImportPlan(options.model_dump(mode="json"), roles, assumptions=assumed)

    def build(self) -> kit.Networks:
        return kit.Networks({"generator": self.options.generator.build(self.options.spec)})

    def geometry(self) -> kit.Geometry:
        return replace(self.options.generator.geometry(self.options.spec), channels=3)

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"image": self._made(nets, self._learnt(batch["source"]), training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        return {"l1": l1(out["image"], self._learnt(batch["target"]))}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        from img2imgkit.nn import enlarge_bicubic, with_luma

        source = inputs["source"]
        image = self._made(nets, self._learnt(source), training=False)
        if self.options.space == "rgb":
            return image
        return with_luma(enlarge_bicubic(source, self.options.scale), image)

    def _made(self, nets: kit.Networks, image: Any, training: bool) -> Any:
        """What the network makes. Shapes: (N, H, W, C) -> (N, scale * H, scale * W, C), both in [-1, 1]."""
        if self.options.values == "signed":
            return nets["generator"](image, training=training)
        return 2 * nets["generator"]((image + 1) / 2, training=training) - 1

    def _learnt(self, image: Any) -> Any:
        from img2imgkit.nn import luma

        return luma(image) if self.options.space == "luma" else image
