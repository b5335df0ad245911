"""How a Translator runs: the options that the ``translate`` step offers too."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from img2imgkit.config import Config

Precision = Literal["float32", "bfloat16", "float16"]
SMALLEST_TILE = 16


class TranslateOptions(Config):
    """How a bundle is run over a picture."""

    tile: Literal["auto", "off"] | Annotated[int, Field(ge=SMALLEST_TILE)] = Field(
        default="auto",
        description="Largest height and width, in input pixels, that the network sees at once; "
        "'auto' chooses by the device's memory, 'off' runs every picture whole.",
    )
    overlap: Literal["auto"] | Annotated[int, Field(ge=0)] = Field(
        default="auto",
        description="Input pixels that neighbouring tiles share; 'auto' is what the network's receptive field needs.",
    )
    batch: int = Field(default=1, ge=1, description="Tiles per model call, on each device.")
    precision: Precision = Field(
        default="float32",
        description="Number format inside the network; the lower two are faster on hardware that has them.",
    )
    ensemble: bool = Field(
        default=False, description="Average over the eight flips and rotations: eight times the work, slightly better."
    )
    alpha: Literal["resample", "model"] = Field(
        default="resample",
        description="How transparency is scaled: bicubic, or through the network as a grey picture, "
        "where that comes out grey.",
    )
    choices: dict[str, Any] = Field(
        default_factory=dict,
        description="What the bundle's task leaves to choose, such as a direction; `img2img tasks NAME` lists it.",
    )

    @model_validator(mode="after")
    def _tiles_advance(self) -> TranslateOptions:
        if isinstance(self.tile, int) and isinstance(self.overlap, int) and 2 * self.overlap > self.tile:
            raise ValueError(f"overlap {self.overlap} is more than half of tile {self.tile}: use a larger tile")
        return self
