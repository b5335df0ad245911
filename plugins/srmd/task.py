"""SRMD: super-resolution with one network for many degradations, which are conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from img2imgkit_plugins.srmd.degrading import degraded
from pydantic import Field, ValidationError, model_validator

import img2imgkit as kit
from img2imgkit import ops
from img2imgkit.architectures import Srmd as Network
from img2imgkit.architectures import gaussian_kernel
from img2imgkit.losses import l1

LEVELS = 255.0
MOST_NOISE = 75.0  # levels, in the official training
NARROWEST = 0.2  # pixels, the narrowest blur of the official training
COMPONENTS = 15  # of the official projection
UNBLURRED = (
    *(-1.12360956e-08, -1.36899159e-08, 1.85637958e-02, 2.86066886e-08, 3.35292965e-02),
    *(8.37272935e-08, -2.54424009e-07, -3.16234976e-02, -1.35169253e-02, -1.10466090e-08),
    *(3.84753793e-02, 3.79465739e-08, -2.44916752e-01, -8.02213490e-01, -5.40549755e-01),
)
"""The official code of no blur, as the program of nihui's srmd-ncnn-vulkan states it."""


class Srmd(kit.Importable, kit.Task, kit.Conditional):
    """Upscale pictures whose blur and noise are stated (Zhang et al. 2018, https://arxiv.org/abs/1712.06116).

    The degradation is a blur by a Gaussian kernel, bicubic downscaling, and noise. The network reads the kernel's
    principal components and the level of noise as maps beside the picture. In training, both are drawn at random.
    Departs from the paper: kernels are isotropic, and the loss is L1, as in its authors' later code.
    """

    name = "srmd"
    data = "degraded"
    keeps_grey = True

    class Options(kit.Config):
        """The scale, the networks, and what they read."""

        scale: int = Field(default=2, ge=2, le=4, description="upscaling factor")
        generator: kit.ArchitectureChoice = kit.choice("degradation-enlarger", Network(), "architecture of the network")
        projection: kit.ArchitectureChoice | None = kit.choice(
            "kernel-projection",
            None,
            "how a blur becomes a code; null: no blur can be stated, and the code is that of `code`",
        )
        components: int = Field(default=COMPONENTS, ge=1, description="numbers in the code of a blur")
        code: tuple[float, ...] = Field(default=UNBLURRED, description="the code of every picture without a projection")
        noise: bool = Field(default=True, description="whether the network reads a level of noise; SRMDNF does not")

        @model_validator(mode="after")
        def _consistent(self) -> Self:
            if self.projection is None and len(self.code) != self.components:
                raise ValueError(
                    f"code: expected {self.components} numbers, as many as components, not {len(self.code)}"
                )
            return self

        def check_choices(self) -> None:
            self.generator.check(self.spec, "generator")
            if self.projection is not None:
                self.projection.check(self.projection_spec, "projection")

        @property
        def spec(self) -> kit.NetworkSpec:
            """The spec of the network."""
            return kit.NetworkSpec(scale=self.scale, code=self.components + self.noise)

        @property
        def projection_spec(self) -> kit.NetworkSpec:
            """The spec of the projection."""
            return kit.NetworkSpec(code=self.components)

    class Weights(kit.Config):
        """Loss coefficients."""

        l1: float = Field(default=1.0, ge=0, description="L1 loss on the original")

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """Import a network for colours, and the projection of kernels if there is one."""
        found = kit.by_role(networks, "degradation-enlarger", "kernel-projection")
        if found is None or len(found["degradation-enlarger"]) != 1 or len(found["kernel-projection"]) > 1:
            return None
        [number] = found["degradation-enlarger"]
        given, projections = networks[number], found["kernel-projection"]
        components = next((networks[each].spec.code for each in projections), None) or COMPONENTS
        stated = {"scale": given.spec.scale, "generator": given.architecture, "components": components}
        if given.spec.channels != given.spec.written or given.spec.code not in (components, components + 1):
            return None
        stated |= {"noise": given.spec.code == components + 1}
        roles = {"generator": kit.FromFile(number)}
        if projections:
            stated["projection"] = networks[projections[0]].architecture
            roles["projection"] = kit.FromFile(projections[0])
        try:
            options = cls.Options(**stated)
        except ValidationError:
            return None
        if given.spec.channels != options.spec.channels:
            return None
        assumed = () if projections else (_unblurred(),)
        return kit.ImportPlan(options.model_dump(mode="json"), roles, assumptions=assumed)

    def build(self) -> kit.Networks:
        chosen = self.options
        generators = {"generator": chosen.generator.build(chosen.spec)}
        if chosen.projection is not None:
            generators["projection"] = chosen.projection.build(chosen.projection_spec)
        return kit.Networks(generators)

    def geometry(self) -> kit.Geometry:
        return self.options.generator.geometry(self.options.spec)

    def conditions(self) -> Mapping[str, kit.Condition]:
        found = {}
        if self.options.noise:
            noise = f"standard deviation of the picture's noise in levels, 0 to {MOST_NOISE:g}; 0 if it is not stated"
            found["noise"] = kit.Condition("value", noise, parse=_noise)
        if self.options.projection is not None:
            blur = "width of the Gaussian blur in pixels of the enlarged picture, 0 to the scale; 0 if it is not stated"
            found["blur"] = kit.Condition("value", blur, parse=self._blur)
        return found

    def condition_arrays(self, given: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
        return self._degradation(given.get("blur", 0.0), given.get("noise", 0.0))

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        width = random.uniform(NARROWEST, self.options.scale) if self.options.projection is not None else 0.0
        noise = random.uniform(0, MOST_NOISE) if self.options.noise else 0.0
        made = degraded(sample["target"], self._kernel(width), self.options.scale, noise, random)
        return {"degraded": made, **self._degradation(width, noise)}

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"image": self._upscaled(nets, batch["degraded"], batch, training=True)}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        return {"l1": l1(out["image"], batch["target"])}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return self._upscaled(nets, inputs["source"], inputs, training=False)

    def _upscaled(self, nets: kit.Networks, image: Any, inputs: Mapping[str, Any], training: bool) -> Any:
        """Run the network. Shapes: (N, H, W, C) -> (N, scale * H, scale * W, C), both in [-1, 1]."""
        parts = [ops.convert_to_tensor(inputs["kernel"], "float32")]
        if self.options.projection is not None:
            parts = [nets["projection"](parts[0], training=False)]
        if self.options.noise:
            parts.append(ops.convert_to_tensor(inputs["level"], "float32"))
        unit = (ops.convert_to_tensor(image) + 1) / 2
        return 2 * nets["generator"]([unit, ops.concatenate(parts, axis=-1)], training=training) - 1

    def _degradation(self, width: float, noise: float) -> dict[str, np.ndarray]:
        """What the network reads of a degradation: the kernel or its code, and the level of noise."""
        projected = self.options.projection is not None
        kernel = self._kernel(width).ravel() if projected else np.asarray(self.options.code)
        found = {"kernel": kernel.astype(np.float32)}
        return {**found, "level": np.asarray([noise / LEVELS], np.float32)} if self.options.noise else found

    def _kernel(self, width: float) -> np.ndarray:
        projection = self.options.projection
        return gaussian_kernel(width, projection.chosen.size if projection is not None else 1)

    def _blur(self, stated: Any) -> float:
        return _number(stated, "a width", float(self.options.scale))


def _noise(stated: Any) -> float:
    return _number(stated, "a standard deviation", MOST_NOISE)


def _number(stated: Any, what: str, most: float) -> float:
    """Parse a number of 0 to ``most``, the range in which networks are trained. Raises ValueError: it is none."""
    try:
        found = float(stated)
    except (TypeError, ValueError):
        found = float("nan")
    if isinstance(stated, bool) or not 0 <= found <= most:
        raise ValueError(f"expected {what} of 0 to {most:g}, got {stated!r}")
    return found


def _unblurred() -> kit.Assumption:
    text = (
        "the file lacks the projection of blur kernels: pictures are taken to be downscaled without a blur; to state "
        "blurs, import srmd_pca_matlab.mat of the official code as a second file"
    )
    return kit.Assumption("code", list(UNBLURRED), (), text)
