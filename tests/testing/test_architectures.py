"""Contract tests for architectures: all built-in ones pass, and every violation is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from pydantic import Field

from img2imgkit.architectures import (
    BUILT_IN,
    AdainDecoder,
    Architecture,
    Assumption,
    Atd,
    Checkpoint,
    ClassCritic,
    ClassEncoder,
    ContentEncoder,
    Cunet,
    Dat,
    Drct,
    Edsr,
    Funit,
    Hat,
    InstanceEncoder,
    KernelProjection,
    Mosr,
    Multiscale,
    NetworkSpec,
    Omnisr,
    Patch,
    PatchProjection,
    Pix2PixHd,
    Pixel,
    Plksr,
    Rcan,
    Realplksr,
    Residual,
    Resnet,
    Rgt,
    Rrdb,
    Spade,
    Span,
    Srformer,
    Srmd,
    Srresnet,
    Srvgg,
    Stargan,
    StarganCritic,
    StyleEncoder,
    Swinir,
    Unet,
    UnetCritic,
    Upconv7,
    VggCritic,
)
from img2imgkit.architectures import unet as unet_module
from img2imgkit.geometry import Geometry
from img2imgkit.testing import architectures as battery
from img2imgkit.testing import check_architecture
from img2imgkit.testing import geometry as geometry_checks

INSTANCE, BATCH = NetworkSpec(norm="instance"), NetworkSpec(norm="batch")
PLAIN = NetworkSpec()
TWICE = NetworkSpec(scale=2)
FAST: list[tuple[Architecture, NetworkSpec]] = [
    (Unet(depth=2, width=2), NetworkSpec(1, 3, norm="batch")),
    (Resnet(blocks=1, width=2), NetworkSpec(norm="none")),
    (Patch(layers=1, width=2), NetworkSpec(6, norm="batch", spectral=True)),
    (Pixel(width=2), BATCH),
    (PatchProjection(width=4), NetworkSpec(widths=(3, 5))),
    (Stargan(width=2, blocks=1), NetworkSpec(code=2)),
    (StarganCritic(width=2, layers=2), NetworkSpec(1, classes=2, size=(8, 8))),
    (Multiscale(scales=2, layers=1, width=2), INSTANCE),
    (Pix2PixHd(width=2, downs=1, blocks=1), NetworkSpec(4, 3, norm="instance")),
    (InstanceEncoder(width=2, downs=1), NetworkSpec(3, 2, norm="instance")),
    (Residual(width=2, blocks=1), TWICE),
    (Srvgg(width=2, depth=1), TWICE),
    (Srresnet(width=2, blocks=1), TWICE),
    (Edsr(width=2, blocks=1), TWICE),
    (Rrdb(width=2, blocks=1, growth=1), TWICE),
    (Realplksr(width=4, blocks=1, kernel_size=5, large=1), NetworkSpec(1, scale=3)),
    (Plksr(width=4, blocks=1, kernel_size=5, large=1), NetworkSpec(1, scale=3)),
    (Swinir(width=4, depths=(2,), heads=(2,), window=4, upsampler="pixelshuffledirect"), TWICE),
    (Upconv7(filters=(2,) * 6), TWICE),
    (Upconv7(filters=(2,) * 6), PLAIN),
    (Srmd(width=2, depth=3), NetworkSpec(scale=3, code=4)),
    (KernelProjection(size=3), NetworkSpec(code=4)),
    (UnetCritic(width=2), PLAIN),
    (VggCritic(size=8, width=2), PLAIN),
    (ContentEncoder(downs=1, blocks=1, width=2), PLAIN),
    (ClassEncoder(downs=2, width=2), NetworkSpec(code=3)),
    (AdainDecoder(blocks=1, mlp_width=4, mlp_layers=2), NetworkSpec(4, 3, scale=2, code=3)),
    (AdainDecoder(blocks=1, mlp_width=4, mlp_layers=2), NetworkSpec(2, 1, scale=1, code=3)),
    (ClassCritic(width=2, blocks=2), NetworkSpec(classes=2)),
    (
        Funit(content_downs=1, class_downs=2, blocks=1, width=2, mlp_width=4, mlp_layers=2),
        NetworkSpec(code=3),
    ),
]
SLOW: list[tuple[Architecture, NetworkSpec]] = [
    (Unet(depth=4, width=2, dropout=0.2), NetworkSpec(norm="batch", statistics="image")),
    (Unet(depth=3, width=2), NetworkSpec(norm="none")),
    (Resnet(blocks=2, width=2, padding="zero"), BATCH),
    (Resnet(blocks=1, width=2, padding="replicate"), INSTANCE),
    (Pix2PixHd(width=1, downs=1, blocks=1, enhancers=1, local_blocks=1), NetworkSpec(3, norm="batch")),
    (Pix2PixHd(width=2, downs=3, blocks=1), NetworkSpec(3, norm="instance")),
    (Spade(width=1, kernel_size=1), NetworkSpec(2, 3, norm="batch", spectral=True)),
    (Spade(width=1, kernel_size=3), NetworkSpec(2, 3, norm="instance", code=2, size=(32, 32))),
    (StyleEncoder(width=1), NetworkSpec(code=3)),
    (Srvgg(width=4, depth=40), NetworkSpec(scale=4)),
    (Srresnet(width=2, blocks=2), NetworkSpec(1, scale=3)),
    (Edsr(width=2, blocks=2), NetworkSpec(scale=4)),
    (Rrdb(width=2, blocks=2, growth=1, unshuffle=2), TWICE),
    (Rrdb(width=2, blocks=6, growth=2, unshuffle=4), PLAIN),
    (Residual(width=2, blocks=2, activation="relu"), NetworkSpec(1, scale=3)),
    (Rrdb(width=2, blocks=1, growth=1, inner=True), NetworkSpec(4, scale=4)),
    (Edsr(width=2, blocks=1, levels=True), TWICE),
    (Span(width=2, centred=False), NetworkSpec(4, scale=3)),
    (Realplksr(width=4, blocks=2, kernel_size=3, large=4, layer_norm=False, attention=False), NetworkSpec(4)),
    (Realplksr(width=4, blocks=3, kernel_size=17, large=2, upsampler="dysample"), TWICE),
    (Span(width=2), TWICE),
    (Span(width=2), NetworkSpec(3, 1, scale=2)),
    (Srvgg(width=2, depth=1), NetworkSpec(1, 3, scale=2)),
    (Srresnet(width=2, blocks=1), NetworkSpec(1, 3, scale=2)),
    (Rrdb(width=2, blocks=1, growth=1), NetworkSpec(4, 3, scale=2)),
    (Mosr(width=2, blocks=1, hidden=3, convolved=2, kernel_size=5), NetworkSpec(3, 1, scale=2)),
    (Plksr(width=4, blocks=1, mixer="inverted", kernel_size=5, large=2, identity=True, attention=False), TWICE),
    (Rcan(width=4, groups=2, blocks=1, reduction=2), NetworkSpec(scale=4)),
    (Mosr(width=2, blocks=1, hidden=3, convolved=2, kernel_size=5), NetworkSpec(1, scale=3)),
    (Swinir(width=4, depths=(2, 1), heads=(2, 1), window=4, connection="3conv", features=4), NetworkSpec(scale=3)),
    (Swinir(width=4, depths=(3,), heads=(1,), window=2, upsampler="none", patch_norm=False), NetworkSpec(1)),
    (Hat(width=6, depths=(2,), heads=(2,), window=4, squeeze=3, connection="identity"), NetworkSpec(scale=3)),
    (Dat(width=32, depths=(3,), heads=(4,), split=(4, 2), connection="3conv", qkv_bias=False), TWICE),
    (Srformer(width=4, depths=(2,), heads=(2,), masked=False, features=4), TWICE),
    (Drct(width=4, heads=(2,), window=4, growth=2, features=4), TWICE),
    (
        Rgt(width=32, depths=(3,), heads=(4,), split=(4, 2), channel_ratio=0.25, connection="3conv"),
        NetworkSpec(1, scale=3),
    ),
    (Atd(width=4, depths=(2,), heads=(2,), window=4, category_size=32, tokens=5, token_width=2), TWICE),
    *((Cunet(width=4, attention=False, edge="replicate"), NetworkSpec(scale=scale)) for scale in (1, 2, 3, 4)),
    (Cunet(width=4, clipped=True), TWICE),
    (Cunet(width=4, pro=True), NetworkSpec(scale=4)),
    (Omnisr(width=8, groups=1, blocks=1, window=4, bias=False), NetworkSpec(1, scale=3)),
]


def named(case: Any) -> str:
    return repr(case) if isinstance(case, Architecture) else ""


def test_every_built_in_architecture_is_tested() -> None:
    assert {type(each) for each, _ in (*FAST, *SLOW)} == {*BUILT_IN}


@pytest.mark.parametrize(("architecture", "spec"), FAST, ids=named)
def test_it_keeps_its_contract(architecture: Architecture, spec: NetworkSpec) -> None:
    check_architecture(architecture, spec)


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "spec"), SLOW, ids=named)
def test_it_keeps_its_contract_with_other_options(architecture: Architecture, spec: NetworkSpec) -> None:
    check_architecture(architecture, spec)


class Shallow(Architecture):
    """Two convolutions (https://example.org/paper)."""

    name = "shallow"
    roles = ("generator",)

    width: int = Field(default=2, ge=1, description="filters")
    claimed: ClassVar[int | None] = 2

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry(radius=self.claimed, channels=spec.channels)

    def build(self, spec: NetworkSpec) -> Any:
        import keras

        x = image = keras.Input((None, None, spec.channels))
        x = keras.layers.Conv2D(self.width, 3, padding="same", name="first")(x)
        x = keras.layers.Conv2D(spec.written, 3, padding="same", name="last")(x)
        return keras.Model(image, x)


@pytest.fixture
def by_tiles(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Gradients take too long; lists the results of the comparisons of tiles."""
    results: list[bool] = []

    def check_tiles(*given: Any) -> bool:
        results.append(geometry_checks.check_tiles(*given))
        return results[-1]

    monkeypatch.setattr(battery, "SECONDS", 0.0)
    monkeypatch.setattr(battery, "check_tiles", check_tiles)
    return results


@pytest.mark.parametrize(
    ("architecture", "spec"),
    [
        (Resnet(blocks=1, width=2), NetworkSpec(norm="none")),
        (Unet(depth=2, width=2), NetworkSpec(1, 3, norm="batch")),
        (Rrdb(width=2, blocks=1, growth=1, unshuffle=2), TWICE),
        pytest.param(
            Spade(width=1, kernel_size=1), NetworkSpec(2, 3, norm="batch", spectral=True), marks=pytest.mark.slow
        ),
    ],
    ids=named,
)
def test_its_tiles_equal_the_whole_picture(architecture: Architecture, spec: NetworkSpec, by_tiles: list[bool]) -> None:
    check_architecture(architecture, spec)
    assert any(by_tiles)


class TestBrokenPromises:
    def test_the_example_itself_is_good(self) -> None:
        check_architecture(Shallow())

    @pytest.mark.parametrize("claimed", [0, 1])
    def test_a_radius_below_the_measured_one(self, claimed: int) -> None:
        class Narrow(Shallow):
            """https://example.org/paper"""

            claimed: ClassVar[int | None] = 0

        Narrow.claimed = claimed
        with pytest.raises(AssertionError, match=f"radius={claimed}, but output pixels depend on inputs 2 pixels away"):
            check_architecture(Narrow())

    def test_a_radius_above_the_measured_one_is_allowed(self) -> None:
        class Wide(Shallow):
            """https://example.org/paper"""

            claimed: ClassVar[int | None] = 7

        check_architecture(Wide())

    def test_no_radius_where_there_is_one(self) -> None:
        class All(Shallow):
            """https://example.org/paper"""

            claimed: ClassVar[int | None] = None

        with pytest.raises(AssertionError, match="radius=None, but no pixel depends on inputs more than 2 pixels away"):
            check_architecture(All())

    @pytest.mark.parametrize("claimed", [0, 1])
    def test_a_radius_too_small_for_tiles(self, claimed: int, by_tiles: list[bool]) -> None:
        class Narrow(Shallow):
            """https://example.org/paper"""

        Narrow.claimed = claimed
        with pytest.raises(AssertionError, match=f"radius={claimed}, but a tile with that much context differs"):
            check_architecture(Narrow())

    def test_influences_too_faint_for_pictures(self, by_tiles: list[bool]) -> None:
        class Narrow(Srvgg):
            """https://example.org/paper"""

            def geometry(self, spec: NetworkSpec) -> Geometry:
                right = super().geometry(spec)
                return replace(right, radius=right.radius - 1)  # type: ignore[operator]

        with pytest.raises(
            AssertionError, match="radius=31, but pixels further away change the output, though faintly"
        ):
            check_architecture(Narrow(width=2, depth=30), TWICE)

    @pytest.mark.parametrize("claimed", [2, 7])
    def test_a_radius_large_enough_for_tiles(self, claimed: int, by_tiles: list[bool]) -> None:
        class Wide(Shallow):
            """https://example.org/paper"""

        Wide.claimed = claimed
        check_architecture(Wide())
        assert by_tiles == [True] * 4  # two directions, two sets of weights

    def test_tiles_of_a_constant_output_prove_nothing(self, by_tiles: list[bool]) -> None:
        class Constant(Shallow):
            """https://example.org/paper"""

            def build(self, spec: NetworkSpec) -> Any:
                import keras

                image = keras.Input((None, None, spec.channels))
                return keras.Model(image, image * 0.0)

        with pytest.raises(AssertionError, match="output does not depend on its input"):
            check_architecture(Constant())
        assert by_tiles == [False] * 4

    def test_no_radius_is_measured_however_long_it_takes(self, by_tiles: list[bool]) -> None:
        class All(Shallow):
            """https://example.org/paper"""

            claimed: ClassVar[int | None] = None

        with pytest.raises(AssertionError, match="radius=None, but no pixel depends on inputs more than 2 pixels away"):
            check_architecture(All())
        assert not by_tiles

    def test_a_network_that_makes_no_pictures_only_runs(self) -> None:
        class Abstract(Shallow):
            """https://example.org/paper"""

            makes_pictures = False
            claimed: ClassVar[int | None] = 0

        check_architecture(Abstract())

    def test_another_scale(self) -> None:
        with pytest.raises(AssertionError, match=r"geometry\(\) states .* as \(1, 3, 3\), but the spec as \(2, 3, 3\)"):
            check_architecture(Shallow(), NetworkSpec(scale=2))

    def test_an_unsupported_spec(self) -> None:
        with pytest.raises(AssertionError, match="expected 3 or a power of 2"):
            check_architecture(Srresnet(width=2, blocks=0), NetworkSpec(scale=5))

    @pytest.mark.parametrize("wrong", [{"multiple": 4}, {"output_channels": 5}])
    def test_a_content_code_of_another_shape(self, wrong: dict[str, Any]) -> None:
        class Blurred(ContentEncoder):
            """https://example.org/paper"""

            def geometry(self, spec: NetworkSpec) -> Geometry:
                return replace(super().geometry(spec), **wrong)

        with pytest.raises(AssertionError, match=r"4x4 pixels became \(2, 2, 2, 4\); the multiple and channels"):
            check_architecture(Blurred(downs=1, blocks=1, width=2))

    def test_features_of_another_size(self) -> None:
        class Shifted(Resnet):
            """https://example.org/paper"""

            def feature_sizes(self, taps: Sequence[int], size: tuple[int, int]) -> Sequence[tuple[int, int]]:
                return [(height, width + 1) for height, width in super().feature_sizes(taps, size)]

        with pytest.raises(AssertionError, match=r"features of \(8, 8\) pixels have sizes .*; feature_sizes"):
            check_architecture(Shifted(blocks=1, width=2))

    def test_a_subnetwork_that_the_model_does_not_have(self) -> None:
        class Composed(Shallow):
            """https://example.org/paper"""

            def subnetworks(self) -> dict[str, Architecture]:
                return {"first": Shallow(), "third": Shallow()}

        with pytest.raises(AssertionError, match=r"subnetworks\(\) names \['third'\]"):
            check_architecture(Composed())

    def test_no_source(self) -> None:
        class Unpublished(Shallow):
            """Two convolutions."""

        with pytest.raises(AssertionError, match="cites no source"):
            check_architecture(Unpublished())

    def test_no_role(self) -> None:
        class Useless(Shallow):
            """https://example.org/paper"""

            roles = ()

        with pytest.raises(AssertionError, match="has no roles"):
            check_architecture(Useless())

    def test_an_option_without_a_description(self) -> None:
        class Silent(Shallow):
            """https://example.org/paper"""

            depth: int = 1

        with pytest.raises(AssertionError, match="no description of depth"):
            check_architecture(Silent())

    def test_builds_that_differ(self) -> None:
        class Moody(Shallow):
            """https://example.org/paper"""

            builds: ClassVar[list[int]] = []

            def build(self, spec: NetworkSpec) -> Any:
                model = super().build(spec)
                self.builds.append(1)
                model.layers[1].bias.assign([float(len(self.builds))] * self.width)
                return model

        with pytest.raises(AssertionError, match="two builds with the same seed have different weights"):
            check_architecture(Moody())

    def test_a_size_that_fails(self) -> None:
        class Greedy(Shallow):
            """https://example.org/paper"""

            def build(self, spec: NetworkSpec) -> Any:
                import keras

                image = keras.Input((None, None, spec.channels))
                return keras.Model(image, keras.layers.Conv2D(spec.written, 3)(image))

        with pytest.raises(AssertionError, match=r"fails on|became"):
            check_architecture(Greedy())


def with_checkpoint(checkpoint: Checkpoint) -> Architecture:
    class Changed(Unet):
        """https://example.org/paper"""

        name = "changed"

    Changed.checkpoint = checkpoint
    return Changed(depth=2, width=2)


class TestBrokenCheckpoints:
    def test_a_checkpoint_that_another_architecture_recognises(self) -> None:
        again = with_checkpoint(Checkpoint(unet_module.recognise, unet_module.places))
        with pytest.raises(AssertionError, match=r"(changed .*and unet|unet and changed).* all match"):
            check_architecture(again, BATCH)

    def test_a_layer_without_a_place(self) -> None:
        def places(arguments: Any) -> Any:
            return [*unet_module.places(arguments)][1:]

        with pytest.raises(AssertionError, match="a state dict of its own network"):
            check_architecture(with_checkpoint(Checkpoint(unet_module.recognise, places)), BATCH)

    @pytest.mark.parametrize("told", [True, False])
    def test_a_differently_inferred_option_must_be_an_assumption(self, told: bool) -> None:
        def recognise(state: Any) -> dict[str, Any] | None:
            found = unet_module.recognise(state)
            return found and {**found, "dropout": 0.25}

        def assumptions(arguments: Any) -> list[Assumption]:
            return [Assumption("dropout", 0.25, (0.5,), "taken to be 0.25")] if told else []

        checkpoint = Checkpoint(recognise, unet_module.places, assumptions=assumptions, yields_to=("unet",))
        if told:
            check_architecture(with_checkpoint(checkpoint), BATCH)
            return
        with pytest.raises(AssertionError, match=r"dropout 0\.5 is inferred as 0\.25"):
            check_architecture(with_checkpoint(checkpoint), BATCH)
