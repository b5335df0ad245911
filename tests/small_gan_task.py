"""A small adversarial task for tests of training, with a critic and dropout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import img2imgkit as kit


class SmallGan(kit.Task):
    """A generator and a critic of two convolutions each."""

    name = "small-gan"
    data = "degraded"

    class Options(kit.Config):
        scale: int = 2
        dropout: float = 0.0
        pool: int = 0

    class Weights(kit.Config):
        l1: float = 2.0
        adversarial: float = 0.5
        critic_real: float = 1.0
        critic_fake: float = 1.0

    def build(self) -> kit.Networks:
        import keras
        from keras import layers

        image = keras.Input((None, None, 3))
        x = layers.Conv2D(4, 3, padding="same", activation="tanh", name="in")(image)
        x = layers.Dropout(self.options.dropout, name="drop")(x)
        x = layers.UpSampling2D(self.options.scale)(x)
        generator = keras.Model(image, layers.Conv2D(3, 3, padding="same", name="out", dtype="float32")(x))
        judged = keras.Input((None, None, 3))
        y = layers.Conv2D(4, 3, strides=2, activation="tanh", name="look")(judged)
        critic = keras.Model(judged, layers.Conv2D(1, 3, name="score", dtype="float32")(y))
        return kit.Networks({"generator": generator}, {"critic": critic})

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(scale=self.options.scale, radius=3)

    def history(self) -> Mapping[str, int]:
        return {"fake": self.options.pool}

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"fake": nets["generator"](batch["source"], training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        from img2imgkit.losses import l1, l2

        score = nets["critic"](out["fake"], training=True)
        return {"adversarial": l2(score, score * 0 + 1), "l1": l1(out["fake"], batch["target"])}

    def critic_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        from img2imgkit.losses import l2

        real, fake = (nets["critic"](image, training=True) for image in (batch["target"], out["fake"]))
        return {"critic_real": l2(real, real * 0 + 1), "critic_fake": l2(fake, fake * 0)}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return nets["generator"](inputs["source"], training=False)


@kit.hookimpl
def register_tasks(register: Any) -> None:
    register(SmallGan)


def catalog() -> kit.Catalog:
    """A catalog with this task, the data kinds and the built-in metrics."""
    import small_gan_task

    from img2imgkit import data, evaluation
    from img2imgkit.catalog import Plugin

    own = (Plugin("data-kinds", lambda: data), Plugin("metrics", lambda: evaluation))
    return kit.Catalog((*own, Plugin("small-gan", lambda: small_gan_task, "tests", "1.0")))
