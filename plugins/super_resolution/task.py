"""Super-resolution: the sharp picture behind a small one, learnt from pictures that were shrunk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

import img2imgkit as kit
from img2imgkit.losses import l1
from img2imgkit.nn import enlarge_bicubic, luma, srvgg, with_luma


class SuperResolution(kit.Task):
    """Enlarge by a whole number with SRVGGNetCompact (Wang et al. 2021, https://arxiv.org/abs/2107.10833), trained on L1.

    Departs from the paper: no critic and no perceptual loss; the one degradation is bicubic shrinking. By default the
    network enlarges luma alone, as SRCNN and VDSR do, and colour is enlarged by bicubic interpolation.
    """

    name = "super-resolution"
    data = "degraded"

    class Options(kit.Config):
        """How much larger, and the size of the network."""

        scale: Literal[2, 3, 4] = Field(default=2, description="the output is this many times as high and wide")
        width: int = Field(default=32, ge=1, description="filters of each convolution")
        depth: int = Field(default=8, ge=0, description="convolutions between the first and the last")
        space: Literal["luma", "rgb"] = Field(default="luma", description="what the network enlarges")
        activation: Literal["prelu", "leaky_relu", "relu"] = Field(
            default="prelu", description="after each convolution"
        )

    class Weights(kit.Config):
        """Loss coefficients."""

        l1: float = Field(default=1.0, ge=0, description="mean absolute difference from the original")

    def build(self) -> kit.Networks:
        options = self.options
        channels = 1 if options.space == "luma" else 3
        net = srvgg(options.scale, options.width, options.depth, options.activation, channels)
        return kit.Networks({"generator": net})

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(scale=self.options.scale, radius=self.options.depth + 2)

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"image": nets["generator"](self._learnt(batch["source"]), training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        return {"l1": l1(out["image"], self._learnt(batch["target"]))}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        source = inputs["source"]
        image = nets["generator"](self._learnt(source), training=False)
        if self.options.space == "rgb":
            return image
        return with_luma(enlarge_bicubic(source, self.options.scale), image)

    def _learnt(self, image: Any) -> Any:
        return luma(image) if self.options.space == "luma" else image
