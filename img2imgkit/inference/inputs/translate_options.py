"""Options of a Translator, which the ``translate`` step shares."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from img2imgkit.config import Config

Precision = Literal["float32", "bfloat16", "float16", "fast"]
SMALLEST_TILE = 16


class TranslateOptions(Config):
    """How a model is run on pictures."""

    tile: Literal["auto", "off"] | Annotated[int, Field(ge=SMALLEST_TILE)] = Field(
        default="auto",
        description="Maximum height and width of tiles in input pixels; 'auto' chooses them by the device's memory, "
        "'off' processes every picture as a whole.",
    )
    overlap: Literal["auto"] | Annotated[int, Field(ge=0)] = Field(
        default="auto",
        description="Overlap of neighbouring tiles in input pixels; 'auto' is what the receptive field requires.",
    )
    batch: int = Field(default=1, ge=1, description="Tiles per model call, on each GPU; a CPU gets one at a time.")
    engine: str = Field(
        default="auto",
        min_length=1,
        description="The software that runs the model: `tensorflow`, `openvino`, `onnxruntime`, or one of a plugin; "
        "'auto' chooses by device, precision and the forms in which the model is at hand.",
    )
    precision: Precision = Field(
        default="float32",
        description="Number format inside the network. `fast` takes the fastest that the device computes natively, "
        "bfloat16 on CPUs and float16 on GPUs, if fixed pictures show that it hardly differs from float32.",
    )
    ensemble: bool = Field(
        default=False, description="Average over eight flips and rotations: eight times the work, slightly better."
    )
    alpha: Literal["resample", "model"] = Field(
        default="resample",
        description="How alpha is scaled: by bicubic interpolation, or by the model as a grey picture, provided that "
        "the model keeps grey. Networks that read and write alpha scale it themselves.",
    )
    choices: dict[str, Any] = Field(
        default_factory=dict,
        description="Choices of the bundle's task, such as a direction; `img2img tasks NAME` lists them.",
    )

    @model_validator(mode="after")
    def _tiles_advance(self) -> TranslateOptions:
        if isinstance(self.tile, int) and isinstance(self.overlap, int) and 2 * self.overlap > self.tile:
            raise ValueError(f"overlap {self.overlap} is more than half of tile {self.tile}: use a larger tile")
        return self
