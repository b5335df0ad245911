"""Tasks with tiny networks for tests: random weights, known geometry. Keras is imported when one builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

import img2imgkit as kit
from img2imgkit import data, evaluation
from img2imgkit.bundle import Bundle, Contract, Manifest, PluginVersion, WeightsFile
from img2imgkit.catalog import Catalog, Plugin


class _Tiny(kit.Task):
    data = "degraded"
    keeps_grey = True

    class Options(kit.Config):
        scale: Literal[1, 2, 4] = 2
        channels: Literal[1, 3] = 3
        seed: int = 0

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"image": nets["generator"](batch["source"], training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        from keras import ops

        return {"l1": ops.mean(ops.abs(out["image"] - batch["target"]), axis=(1, 2, 3))}

    class Weights(kit.Config):
        l1: float = 1.0

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return nets["generator"](inputs["source"], training=False)

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(self.options.scale, 1, self.radius, self.options.channels)

    radius: int | None = 0

    def build(self) -> kit.Networks:
        import keras

        image = keras.Input((None, None, self.options.channels))
        model = keras.Model(image, self.network(image))
        rng = np.random.default_rng(self.options.seed)
        model.set_weights([rng.normal(0, 0.6 / np.sqrt(max(1, w[..., 0].size)), w.shape) for w in model.get_weights()])
        return kit.Networks({"generator": model})

    def network(self, image: Any) -> Any:
        raise NotImplementedError

    def enlarged(self, features: Any) -> Any:
        """A convolution to scale * scale * channels, and pixel shuffle."""
        from keras import layers, ops

        scale = self.options.scale
        phases = layers.Conv2D(self.options.channels * scale**2, 3, padding="same")(features)
        return ops.depth_to_space(phases, scale) if scale > 1 else phases


class Plain(_Tiny):
    """Three 3 x 3 convolutions with zero padding."""

    name = "tiny-plain"
    radius = 3

    def network(self, image: Any) -> Any:
        from keras import layers

        features = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
        return self.enlarged(layers.Conv2D(8, 3, padding="same", activation="tanh")(features))


class Normed(_Tiny):
    """With instance normalization: every output depends on the whole picture."""

    name = "tiny-normed"
    radius = None

    def network(self, image: Any) -> Any:
        from keras import layers, ops

        features = layers.Conv2D(8, 3, padding="same")(image)
        mean, variance = ops.moments(features, (1, 2), keepdims=True)
        return self.enlarged((features - mean) / ops.sqrt(variance + 1e-3))


class Strided(_Tiny):
    """Downsamples by four and upsamples again: sizes must be multiples of 4."""

    name = "tiny-strided"

    class Options(_Tiny.Options):
        scale: Literal[1, 2, 4] = 1

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(self.options.scale, 4, 24, self.options.channels)

    def network(self, image: Any) -> Any:
        from keras import layers

        down = layers.Conv2D(8, 4, strides=2, padding="same", activation="relu")(image)
        deep = layers.Conv2D(8, 4, strides=2, padding="same", activation="relu")(down)
        up = layers.Conv2DTranspose(8, 4, strides=2, padding="same", activation="relu")(deep)
        return self.enlarged(layers.Conv2DTranspose(8, 4, strides=2, padding="same")(up))


class Nearest(_Tiny):
    """Repeats each pixel; a large ``gain`` exceeds the range of float16."""

    name = "tiny-nearest"

    class Options(_Tiny.Options):
        gain: float = Field(default=1.0)

    def network(self, image: Any) -> Any:
        from keras import layers, ops

        scaled = layers.Conv2D(self.options.channels, 1, use_bias=False, name="gain")(image)
        back = layers.Conv2D(self.options.channels, 1, use_bias=False, name="back")(layers.Activation("linear")(scaled))
        return ops.repeat(ops.repeat(back, self.options.scale, axis=1), self.options.scale, axis=2)

    def build(self) -> kit.Networks:
        nets = super().build()
        eye = np.eye(self.options.channels)[None, None]
        nets["generator"].set_weights([eye * self.options.gain, eye / self.options.gain])
        return nets


class Recoloured(_Tiny):
    """Maps ``channels`` to ``written`` channels: colourisation, edge drawing, or another translation."""

    name = "tiny-recoloured"
    data = "paired"
    keeps_grey = False
    radius = 1

    class Options(_Tiny.Options):
        scale: Literal[1, 2, 4] = 1
        written: Literal[1, 3] = 3

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(channels=self.options.channels, radius=1, output_channels=self.options.written)

    def network(self, image: Any) -> Any:
        from keras import layers

        return layers.Conv2D(self.options.written, 3, padding="same")(image)


class Reflecting(_Tiny):
    """Reflection padding inside the network needs at least 9 pixels; sizes must be multiples of 4."""

    name = "tiny-reflecting"

    class Options(_Tiny.Options):
        scale: Literal[1, 2, 4] = 1

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(multiple=4, radius=1, channels=self.options.channels, minimum=9)

    def network(self, image: Any) -> Any:
        from keras import layers, ops

        wide = ops.pad(image, ((0, 0), (8, 8), (8, 8), (0, 0)), mode="reflect")
        return layers.Cropping2D(8)(layers.Conv2D(self.options.channels, 3, padding="same")(wide))


def mixing(matrix: np.ndarray) -> Any:
    """A network that mixes each pixel's channels. Shapes: (read, written)."""
    import keras

    image = keras.Input((None, None, len(matrix)))
    model = keras.Model(image, keras.layers.Conv2D(matrix.shape[1], 1, use_bias=False)(image))
    model.set_weights([matrix[None, None]])
    return model


class Directed(_Tiny):
    """Translates between two domains: one direction inverts, the other outputs grey."""

    name = "tiny-directed"
    data = "unpaired"
    keeps_grey = False

    class Options(_Tiny.Options):
        scale: Literal[1, 2, 4] = 1

    class Choices(kit.Config):
        direction: Literal["a_to_b", "b_to_a"] = Field(default="a_to_b", description="which domain is the input")

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(output_channels=3 if self.choices.direction == "a_to_b" else 1)

    def build(self) -> kit.Networks:
        return kit.Networks(
            {"a_to_b": mixing(-np.eye(3)), "b_to_a": mixing(np.full((3, 1), 1 / 3))},
            {"critic": mixing(np.eye(3))},
            {"frozen": mixing(np.eye(3))},
        )

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return nets[self.choices.direction](inputs["source"], training=False)


TINTS = {"red": (0.5, -0.5, -0.5), "blue": (-0.5, -0.5, 0.5)}


def a_tint(value: Any) -> str:
    """The name of a tint."""
    if value not in TINTS:
        raise ValueError(f"expected one of {', '.join(TINTS)}, got {value!r}")
    return str(value)


class Tinted(_Tiny, kit.Conditional):
    """A tenth of the picture, the mean colour of some pictures and half a tint; black where a map is 9."""

    name = "tiny-tinted"
    data = "few_shot"
    keeps_grey = False

    class Options(_Tiny.Options):
        scale: Literal[1, 2, 4] = 1

    def conditions(self) -> Mapping[str, kit.Condition]:
        return {
            "style": kit.Condition("pictures", "pictures of a colour", required=True, size=8),
            "tint": kit.Condition("value", "a colour's name", values=tuple(TINTS), parse=a_tint),
            "hidden": kit.Condition("map", "9 where the picture shall be black"),
            "traits": kit.Condition("attributes", "whether it is 'dark'"),
        }

    def build(self) -> kit.Networks:
        return kit.Networks({"generator": mixing(np.eye(3))})

    def encode(self, nets: kit.Networks, condition: str, pictures: Any) -> Any:
        from keras import ops

        return ops.mean(nets["generator"](pictures), axis=(1, 2))

    def condition_arrays(self, given: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
        tint = np.asarray(TINTS[given.get("tint", "red")], np.float32)
        return {"colour": tint - 0.25 * given.get("traits", {}).get("dark", False)}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        from keras import ops

        beside = (inputs["style"] + inputs["colour"])[:, None, None]
        image = 0.1 * nets["generator"](inputs["source"], training=False) + 0.5 * beside
        return ops.where(inputs["hidden"] == 9, -1.0, image) if "hidden" in inputs else image


class Painted(_Tiny, kit.Conditional):
    """Label maps as colours, 3 classes and unknown; instance 7 is white, and a seed makes all brighter."""

    name = "tiny-painted"
    data = "semantic"
    keeps_grey = False

    class Options(_Tiny.Options):
        scale: Literal[1, 2, 4] = 1

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(multiple=4, channels=1, output_channels=3, ids=4, unknown=True)

    def conditions(self) -> Mapping[str, kit.Condition]:
        return {
            "instance": kit.Condition("map", "ids of objects", required=True),
            "seed": kit.Condition("value", "how bright", parse=int),
        }

    def build(self) -> kit.Networks:
        return kit.Networks({"generator": mixing(np.eye(4, 3))})

    def condition_arrays(self, given: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
        bright = np.full(given["label"].shape, 0.1 * given.get("seed", 0), np.float32)
        return {"bright": bright * (given["label"] == 1)}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        from keras import ops

        from img2imgkit.nn import one_hot

        image = nets["generator"](one_hot(inputs["source"], 4), training=False) + inputs["bright"]
        return ops.where(inputs["instance"] == 7, 1.0, image)


TASKS = (Plain, Normed, Strided, Nearest, Recoloured, Reflecting, Directed, Tinted, Painted)


class TinyPlugin:
    """A plugin that registers all of them."""

    @staticmethod
    @kit.hookimpl
    def register_tasks(register: Any) -> None:
        for task in TASKS:
            register(task)


def tiny_catalog(*others: Plugin) -> Catalog:
    """A catalog of the tiny tasks, from a plugin "tiny" 1.0, and of built-in data kinds and metrics."""
    own = (Plugin("data-kinds", lambda: data), Plugin("metrics", lambda: evaluation))
    return Catalog((*own, Plugin("tiny", lambda: TinyPlugin, "tiny", "1.0"), *others))


def loaded(task: type[kit.Task], **options: Any) -> Bundle:
    """A task as if it came from a bundle, without files."""
    return bundle_of(task(task.Options(**options)))


def bundle_of(made: kit.Task) -> Bundle:
    """A bundle of a task, without files, with the networks that it builds."""
    geometry = made.geometry()
    manifest = Manifest(
        format=2,
        name=f"{made.name}-x{geometry.scale}",
        task=made.name,
        plugin=PluginVersion(name="tiny", version="1.0"),
        options=made.options.model_dump(mode="json"),
        contract=Contract.model_validate({"data": made.data, **asdict(geometry)}),
        weights=WeightsFile(sha256="0" * 64, parameters=0),
    )
    return Bundle(Path(), manifest, made, kit.Networks(made.build().generators))
