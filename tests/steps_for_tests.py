"""A plugin with steps that fail, or record what they do."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from img2imgkit import Config, Entry, Item, Rendering, Resources, Transform, hookimpl
from img2imgkit.errors import ToolkitError, TranslateError
from img2imgkit.steps.read import Read
from img2imgkit.steps.write import Write


class Count(Transform):
    """Append the name of each picture to a file, after a delay, in the model lane."""

    name = "count"
    lane = "model"

    class Options(Config):
        """The file, and the delay in seconds."""

        log: str
        seconds: float = 0.0

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def apply(self, item: Item) -> Item:
        Path(self.options.log).touch()  # shows that a picture is in flight
        time.sleep(self.options.seconds)
        with Path(self.options.log).open("a", encoding="utf-8") as handle:
            handle.write(f"{item.entry.relative}\n")
        return item.with_picture(item.picture.with_pixels(255 - item.picture.color, item.picture.alpha), counted=True)


class Fail(Transform):
    """Fail for pictures whose name contains a word."""

    name = "fail"

    class Options(Config):
        """Which pictures fail, and how."""

        word: str = "bad"
        how: str = "translate"

    def apply(self, item: Item) -> Item:
        if self.options.word in item.entry.relative.name:
            raise {"translate": TranslateError("no tile fits"), "memory": MemoryError(), "bug": KeyError("oops")}[
                self.options.how
            ]
        return item


class Unopenable(Transform):
    """Cannot be opened."""

    name = "unopenable"
    lane = "model"

    def open(self, resources: Resources) -> None:
        raise ToolkitError("the bundle is damaged")

    def apply(self, item: Item) -> Item:
        return item


class Shade(Transform):
    """Darken each picture to several shades, one output each."""

    name = "shade"

    class Options(Config):
        """The shades in percent, and the name field for them."""

        shades: tuple[str, ...] = ("10", "100")
        field: str = "shade"

    def recipe(self) -> Mapping[str, Any]:
        return {}

    def variants(self) -> Mapping[str, Sequence[str]]:
        return {self.options.field: self.options.shades}

    def apply(self, item: Item) -> Item:
        percent = int(dict(item.entry.variant)[self.options.field])
        pixels = (item.picture.color.astype(np.uint16) * percent // 100).astype(np.uint8)
        return item.with_picture(item.picture.with_pixels(pixels, item.picture.alpha))


class Mirrored(Read):
    """Read pictures as two frames: the picture, and its mirror image."""

    name = "mirrored"

    def load(self, entry: Entry) -> Item:
        item = super().load(entry)
        mirrored = item.picture.with_pixels(item.picture.color[:, ::-1].copy(), item.picture.alpha)
        frames = (item.picture, mirrored)
        return Item(entry, frames, frames, item.notes)


class Strip(Write):
    """Write all frames stacked vertically."""

    name = "strip"

    def render(self, item: Item) -> Rendering:
        levels = np.concatenate([frame.color for frame in item.frames])
        return super().render(item.with_frames([item.frames[0].with_pixels(levels, None)]))


class Mean(Transform):
    """Note the mean level of each frame."""

    name = "mean"

    def apply(self, item: Item) -> Item:
        return item.with_picture(
            item.picture, left=int(item.picture.color[:, 0].mean()), mean=item.picture.color.mean()
        )


@hookimpl
def register_steps(register):  # type: ignore[no-untyped-def]
    for step in (Count, Fail, Mean, Mirrored, Shade, Strip, Unopenable):
        register(step)


if os.environ.get("STEPS_FOR_TESTS_BREAK"):
    raise RuntimeError("this plugin is broken on purpose")
