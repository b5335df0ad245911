"""Super-resolution: the sharp picture behind a small one, learnt from pictures that were shrunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from img2imgkit_plugins.super_resolution.networks import OFFICIAL, Part, ResidualPart
from pydantic import Field, ValidationError, model_validator

import img2imgkit as kit
from img2imgkit.exchange import by_use
from img2imgkit.losses import l1
from img2imgkit.nn import enlarge_bicubic, luma, with_luma

CRITICS = ("unet_critic", "vgg_critic", "patch_critic")  # which official trainings have besides


class SuperResolution(kit.Task):
    """Enlarge by a whole number with a convolutional network, trained on the L1 distance.

    The networks are a small one of EDSR's blocks (Lim et al. 2017, https://arxiv.org/abs/1707.02921), the compact one
    of Real-ESRGAN (Wang et al. 2021, https://arxiv.org/abs/2107.10833), SRResNet (Ledig et al. 2017,
    https://arxiv.org/abs/1609.04802), EDSR, and RRDBNet of ESRGAN (Wang et al. 2018,
    https://arxiv.org/abs/1809.00219). By default the network enlarges luma alone, as VDSR does (Kim et al. 2016,
    https://arxiv.org/abs/1511.04587), and colour is enlarged by bicubic interpolation.
    Departs from the papers: the one degradation is bicubic shrinking, and no critic judges.
    """

    name = "super-resolution"
    data = "degraded"
    keeps_grey = True

    class Options(kit.Config):
        """How much larger, the network, and what it is given."""

        scale: Literal[1, 2, 3, 4, 8] = Field(default=2, description="the output is this many times as high and wide")
        generator: Part = Field(default=ResidualPart(), description="the network that enlarges")
        space: Literal["luma", "rgb"] = Field(default="luma", description="what the network enlarges")
        values: Literal["signed", "unit"] = Field(
            default="signed", description="what it sees and makes: from -1 to 1, or from 0 to 1 as the official ones"
        )

        @model_validator(mode="after")
        def _agree(self) -> Self:
            if self.scale == 3 and self.generator.multiple > 1:
                raise ValueError("scale 3: with 'unshuffle' the network enlarges by powers of 2; state unshuffle 1")
            if self.channels not in self.generator.channels:
                raise ValueError(f"space {self.space!r}: {self.generator.kind} works on three colours; state rgb")
            return self

        @property
        def channels(self) -> int:
            """Of what the network sees."""
            return 1 if self.space == "luma" else 3

    class Weights(kit.Config):
        """Loss coefficients."""

        l1: float = Field(default=1.0, ge=0, description="mean absolute difference from the original")

    @classmethod
    def adopt(cls, networks: Sequence[kit.Foreign]) -> kit.Adoption | None:
        """From one network that enlarges colours, of values from 0 to 1; its critic is left aside."""
        found = by_use(networks, generator=tuple(OFFICIAL), critic=CRITICS)
        if found is None or len(found["generator"]) != 1:
            return None
        [number] = found["generator"]
        given = networks[number]
        part = OFFICIAL[given.family]
        if (given.model.input_shape[-1], given.model.output_shape[-1]) != (3, 3):
            return None
        arguments = {name: value for name, value in given.arguments.items() if name in part.model_fields}
        try:
            options = cls.Options(
                scale=given.arguments["scale"], generator=part(**arguments), space="rgb", values="unit"
            )
        except ValidationError:  # such as scale 16
            return None
        return kit.Adoption(options.model_dump(mode="json"), {"generator": kit.Taken(number)})

    def build(self) -> kit.Networks:
        chosen = self.options
        return kit.Networks({"generator": chosen.generator.build(chosen.scale, chosen.channels)})

    def geometry(self) -> kit.Geometry:
        scale, generator = self.options.scale, self.options.generator
        multiple = generator.multiple
        return kit.Geometry(scale=scale, multiple=multiple, minimum=multiple, radius=generator.radius(scale))

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"image": self._made(nets, self._learnt(batch["source"]), training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        return {"l1": l1(out["image"], self._learnt(batch["target"]))}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
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
        return luma(image) if self.options.space == "luma" else image
