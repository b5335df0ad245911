"""Super-resolution, learnt from pictures and their downscaled versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, ValidationError

import img2imgkit as kit
from img2imgkit.architectures import Residual
from img2imgkit.losses import l1

CHANNELS = {"luma": 1, "grey": 1, "rgb": 3, "rgba": 4}  # of the network, by space
HALF = 127.5  # of the levels from 0 to 255


class SuperResolution(kit.Importable, kit.Task):
    """Upscale by an integer factor with a convolutional network, trained with L1 loss.

    The network is any installed architecture for upscaling; by default a small one of EDSR's blocks (Lim et al. 2017,
    https://arxiv.org/abs/1707.02921). By default it upscales luma only, as VDSR (Kim et al. 2016,
    https://arxiv.org/abs/1511.04587), and colour is upscaled by bicubic interpolation.
    Departs from the papers: the only degradation is bicubic downscaling, and there is no adversarial loss.
    """

    name = "super-resolution"
    data = "degraded"
    keeps_grey = True

    class Options(kit.Config):
        """The scale, the network and its input."""

        scale: int = Field(default=2, ge=1, le=64, description="upscaling factor that the architecture supports")
        generator: kit.ArchitectureChoice = kit.choice("enlarger", Residual(), "architecture of the network")
        space: Literal["luma", "grey", "rgb", "rgba"] = Field(
            default="luma",
            description="what the network upscales: luma only; grey, each channel by itself; all colours together; or "
            "colours and alpha, which is opaque in pictures without it",
        )
        output: Literal["grey", "rgb"] | None = Field(
            default=None,
            description="what an imported network makes of the spaces grey and rgb, if that is another one; null: the "
            "same space",
        )
        values: Literal["signed", "unit", "levels"] = Field(
            default="signed",
            description="range of the network: signed, -1 to 1; unit, 0 to 1, as in official ones; levels, 0 to 255",
        )

        def check_choices(self) -> None:
            if self.output and self.space in ("luma", "rgba"):
                raise ValueError(f"output {self.output!r}: a network for the space {self.space} makes {self.space}")
            if self.spec.out_channels and "out_channels" not in type(self.generator.chosen).uses:
                counts = f"makes as many channels as it reads, but output is {self.output!r}"
                raise ValueError(f"{self.generator.kind} with space {self.space!r} {counts}")
            if problem := self.generator.chosen.problem(self.spec):
                raise ValueError(f"{self.generator.kind} with space {self.space!r} and scale {self.scale}: {problem}")

        @property
        def spec(self) -> kit.NetworkSpec:
            """The spec of the network."""
            written = CHANNELS[self.output or self.space]
            return kit.NetworkSpec(self.channels, None if written == self.channels else written, self.scale)

        @property
        def channels(self) -> int:
            """The channels of the network."""
            return CHANNELS[self.space]

    class Weights(kit.Config):
        """Loss coefficients."""

        l1: float = Field(default=1.0, ge=0, description="L1 loss on the original")

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """Import one network for grey, colours, or colours and alpha, or from one to another; its critic is ignored."""
        found = kit.by_role(networks, "enlarger", "critic")
        if found is None or len(found["enlarger"]) != 1:
            return None
        [number] = found["enlarger"]
        given = networks[number]
        spaces = {channels: space for space, channels in CHANNELS.items()}  # grey, not luma
        read, written = spaces.get(given.spec.channels), spaces.get(given.spec.written)
        mixed = read != written
        if read is None or written is None or (mixed and "rgba" in (read, written)):
            return None
        space = "luma" if read == "grey" and not mixed else read
        try:
            options = cls.Options(
                scale=given.spec.scale,
                generator=given.architecture,
                space=space,
                output=written if mixed else None,
                values=given.architecture.official_values,
            )
        except ValidationError:  # such as scale 128
            return None
        roles = {"generator": kit.FromFile(number)}
        assumed = (*given.assumptions_at("generator"), *_assumed_of(space))
        return kit.ImportPlan(options.model_dump(mode="json"), roles, assumptions=assumed)

    def build(self) -> kit.Networks:
        return kit.Networks({"generator": self.options.generator.build(self.options.spec)})

    def geometry(self) -> kit.Geometry:
        channels = 3 if self.options.space == "luma" else self.options.channels
        return replace(self.options.generator.geometry(self.options.spec), channels=channels)

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"image": self._upscaled(nets, self._trained_channels(batch["source"]), training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        return {"l1": l1(out["image"], self._trained_channels(batch["target"]))}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        from img2imgkit.nn import enlarge_bicubic, with_luma

        source = inputs["source"]
        image = self._upscaled(nets, self._trained_channels(source), training=False)
        if self.options.space != "luma":
            return image
        return with_luma(enlarge_bicubic(source, self.options.scale), image)

    def _upscaled(self, nets: kit.Networks, image: Any, training: bool) -> Any:
        """Run the network. Shapes: (N, H, W, C) -> (N, scale * H, scale * W, C), both in [-1, 1]."""
        if self.options.values == "signed":
            return nets["generator"](image, training=training)
        if self.options.values == "levels":
            return nets["generator"]((image + 1) * HALF, training=training) / HALF - 1
        return 2 * nets["generator"]((image + 1) / 2, training=training) - 1

    def _trained_channels(self, image: Any) -> Any:
        from img2imgkit.nn import luma

        return luma(image) if self.options.space == "luma" else image


def _assumed_of(space: str) -> tuple[kit.Assumption, ...]:
    """What a file does not state about colour pictures."""
    if space != "luma":
        return ()
    text = (
        "the network enlarges the luma of colour pictures, and bicubic interpolation their colours; in the space grey, "
        "the network enlarges each of their channels"
    )
    return (kit.Assumption("space", "luma", ("grey",), text),)
