"""Super-resolution: the sharp picture behind a small one, learnt from pictures that were shrunk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

import img2imgkit as kit
from img2imgkit.losses import l1
from img2imgkit.nn import enlarge_bicubic, luma, residual_sr, srvgg, with_luma


class SuperResolution(kit.Task):
    """Enlarge by a whole number with a compact network at low resolution, trained on the L1 distance.

    ``residual`` stacks EDSR's blocks (Lim et al. 2017, https://arxiv.org/abs/1707.02921), ``plain`` is SRVGGNetCompact
    (Wang et al. 2021, https://arxiv.org/abs/2107.10833). By default the network enlarges luma alone, as VDSR does (Kim
    et al. 2016, https://arxiv.org/abs/1511.04587), and colour is enlarged by bicubic interpolation.
    Departs from the papers: one pixel shuffle at the end; the one degradation is bicubic shrinking.
    """

    name = "super-resolution"
    data = "degraded"
    keeps_grey = True

    class Options(kit.Config):
        """How much larger, and the size of the network."""

        scale: Literal[2, 3, 4] = Field(default=2, description="the output is this many times as high and wide")
        network: Literal["residual", "plain"] = Field(
            default="residual", description="how the convolutions are stacked"
        )
        width: int = Field(default=32, ge=1, description="filters of each convolution")
        depth: int = Field(default=8, ge=0, description="convolutions between the first and the last; two to a block")
        space: Literal["luma", "rgb"] = Field(default="luma", description="what the network enlarges")
        activation: Literal["prelu", "leaky_relu", "relu"] = Field(default="prelu", description="between convolutions")

        @model_validator(mode="after")
        def _whole_blocks(self) -> Self:
            if self.network == "residual" and self.depth % 2:
                raise ValueError(f"depth {self.depth} is odd, and a residual block has two convolutions")
            return self

    class Weights(kit.Config):
        """Loss coefficients."""

        l1: float = Field(default=1.0, ge=0, description="mean absolute difference from the original")

    def build(self) -> kit.Networks:
        options = self.options
        channels = 1 if options.space == "luma" else 3
        make, depth = (residual_sr, options.depth // 2) if options.network == "residual" else (srvgg, options.depth)
        return kit.Networks({"generator": make(options.scale, options.width, depth, options.activation, channels)})

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
