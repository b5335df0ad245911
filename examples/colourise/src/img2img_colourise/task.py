"""The task: options, weights of the loss, and what the networks do in training and afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

import img2imgkit as kit
from img2img_colourise.losses import chroma_l1
from img2img_colourise.network import RADIUS, colouriser


class Colourise(kit.Task):
    """Colourise grey photographs with dilated convolutions (after Zhang et al. 2016, https://arxiv.org/abs/1603.08511)."""

    name = "colourise"
    data = "paired"
    training: ClassVar[Mapping[str, Any]] = {
        "generators": {"optimizer": {"kind": "adam", "learning_rate": 2e-4}, "schedule": {"kind": "cosine"}}
    }

    class Options(kit.Config):
        """The network, and what the loss emphasises."""

        width: int = Field(default=48, ge=1, description="filters of each convolution")
        strength: float = Field(default=4.0, ge=0, description="how much more strong colours count than grey")

    class Weights(kit.Config):
        """Loss coefficients."""

        chroma: float = Field(default=1.0, ge=0, description="differences of colour")

    def build(self) -> kit.Networks:
        return kit.Networks({"generator": colouriser(self.options.width)})

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(channels=1, output_channels=3, radius=RADIUS)

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"image": nets["generator"](batch["source"], training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        return {"chroma": chroma_l1(out["image"], batch["target"], self.options.strength)}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return nets["generator"](inputs["source"], training=False)
