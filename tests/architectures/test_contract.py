"""What holds for every built-in architecture: arguments, recognition of its own checkpoints, no Keras."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED, checkpoint_of, recognised

from img2imgkit import backend
from img2imgkit.architectures import (
    BUILT_IN,
    Architecture,
    ArchitectureChoice,
    NetworkSpec,
    Resnet,
    StarganCritic,
    StyleEncoder,
    Unet,
)
from img2imgkit.errors import ConfigError
from img2imgkit.importing import state_of_model

SMALL: dict[str, dict[str, Any]] = {
    "unet": {"depth": 2, "width": 2},
    "resnet": {"blocks": 1, "width": 2, "dropout": 0.5},
    "patch": {"layers": 1, "width": 2},
    "patch-projection": {"width": 2},
    "stargan": {"width": 2, "blocks": 1},
    "stargan-critic": {"width": 2, "layers": 2},
    "spade": {"width": 1, "kernel_size": 1},
    "style-encoder": {"width": 1},
    "multiscale": {"width": 2, "layers": 1},
    "pix2pixhd": {"width": 2, "downs": 1, "blocks": 1, "enhancers": 1, "local_blocks": 1},
    "instance-encoder": {"width": 2, "downs": 1},
    "funit": {"content_downs": 1, "class_downs": 2, "width": 2, "mlp_width": 2},
    "content-encoder": {"downs": 1, "width": 2},
    "class-encoder": {"downs": 2, "width": 2},
    "adain-decoder": {"mlp_width": 2},
    "class-critic": {"width": 2, "blocks": 2},
    "residual": {"width": 2, "blocks": 1},
    "srvgg": {"width": 2, "depth": 1},
    "srresnet": {"width": 2, "blocks": 1},
    "edsr": {"width": 2, "blocks": 1},
    "rrdb": {"width": 2, "blocks": 1, "growth": 1},
    "upconv7": {"filters": (2,) * 6},
    "cunet": {"width": 4},
    "srmd": {"width": 2, "depth": 3},
    "kernel-projection": {"size": 3},
    "span": {"width": 2},
    "plksr": {"width": 4, "blocks": 1, "kernel_size": 3, "large": 1},
    "realplksr": {"width": 4, "blocks": 1, "kernel_size": 3, "large": 1},
    "mosr": {"width": 4, "blocks": 1, "hidden": 3, "convolved": 2, "kernel_size": 3},
    "rcan": {"width": 2, "groups": 1, "blocks": 1, "reduction": 1},
    "swinir": {"width": 4, "depths": (2,), "heads": (2,), "window": 4},
    "hat": {"width": 4, "depths": (1,), "heads": (2,), "window": 4, "compress": 2, "squeeze": 2},
    "dat": {"width": 32, "depths": (2,), "heads": (2,), "split": (2, 4), "expansion": 1.0},
    "rgt": {"width": 32, "depths": (2,), "heads": (2,), "split": (2, 4)},
    "atd": {"width": 4, "depths": (2,), "heads": (2,), "window": 4, "tokens": 3, "token_width": 2},
    "omnisr": {"width": 8, "groups": 1},
    "drct": {"width": 4, "heads": (2,), "window": 4, "growth": 2},
    "srformer": {"width": 4, "depths": (2,), "heads": (2,), "window": 4},
    "unet-critic": {"width": 2},
    "vgg-critic": {"size": 128, "width": 2},
    "pixel": {"width": 2},
}
WITH_CHECKPOINT = [name for name, kind in INSTALLED.items() if kind.checkpoint is not None]


def small(name: str) -> Architecture:
    return INSTALLED[name].model_validate(SMALL[name])


def usual(kind: type[Architecture]) -> NetworkSpec:
    return NetworkSpec(
        scale=2 if "scale" in kind.uses else 1,
        out_channels=3 if "out_channels" in kind.uses else None,
        norm="batch" if "norm" in kind.uses else None,
        widths=(2, 3) if "widths" in kind.uses else (),
        code=3 if "code" in kind.uses else None,
        classes=2 if "classes" in kind.uses else None,
        size=(64, 64) if "size" in kind.uses else None,
    )


def test_all_are_registered_through_the_hook_that_plugins_use() -> None:
    assert dict(INSTALLED) == {kind.name: kind for kind in BUILT_IN}
    assert SMALL.keys() == INSTALLED.keys()


class TestArguments:
    @pytest.mark.parametrize("name", INSTALLED)
    def test_arguments_round_trip(self, name: str) -> None:
        chosen, kind = small(name), INSTALLED[name]
        arguments = chosen.arguments(usual(kind))
        again, spec = kind.from_arguments(arguments)
        assert again == chosen
        assert again.arguments(spec) == arguments
        assert arguments.keys() == {*kind.model_fields, *kind.uses}

    def test_without_a_norm_the_network_uses_its_default(self) -> None:
        assert "norm" not in Unet().arguments(NetworkSpec())
        assert Unet().arguments(NetworkSpec(norm="none"))["norm"] == "none"

    def test_output_channels_are_always_stated(self) -> None:
        assert Unet().arguments(NetworkSpec(1))["out_channels"] == 1

    def test_an_option_of_the_same_name_as_a_field_of_the_spec_is_the_options(self) -> None:
        class Scaled(Unet):
            name = "scaled"
            scale: int = 5

        chosen, spec = Scaled.from_arguments({"scale": 7, "channels": 1})
        assert (chosen.scale, spec.scale, spec.channels) == (7, 1, 1)

    @pytest.mark.parametrize("wrong", [{"depht": 3}, {"depth": 0}, {"depth": "3"}])
    def test_unknown_arguments_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="dep"):
            Unet.from_arguments(wrong)


class TestSpec:
    @pytest.mark.parametrize(
        ("norm", "statistics", "seen"),
        [
            ("instance", "running", True),
            ("batch", "image", True),
            ("batch", "running", False),
            ("none", "image", False),
            (None, "image", False),
        ],
    )
    def test_image_statistics_depend_on_the_whole_image(self, norm: Any, statistics: Any, seen: bool) -> None:
        assert NetworkSpec(norm=norm, statistics=statistics).uses_image_statistics is seen

    def test_output_channels_default_to_input_channels(self) -> None:
        assert (NetworkSpec(1).written, NetworkSpec(1, 3).written) == (1, 3)


@pytest.mark.parametrize(
    ("name", "spec", "problem"),
    [
        ("stargan", {}, "code: a label generator needs"),
        ("stargan-critic", {"classes": 2}, "size: its last layer depends on the size"),
        (
            "stargan-critic",
            {"classes": 2, "size": (8, 12)},
            "a multiple of 4 for layers 2, got 8x12",
        ),
        ("class-critic", {}, "classes: a class-conditional critic needs"),
        ("class-encoder", {}, "code: the length of the class code"),
        ("funit", {}, "code: the length of the class code"),
        ("adain-decoder", {"channels": 8, "scale": 8}, "code: the length of the class code"),
        ("adain-decoder", {"channels": 8, "scale": 6, "code": 2}, "scale 6: expected a power of 2"),
        ("adain-decoder", {"channels": 4, "scale": 8, "code": 2}, "4 channels are too few"),
    ],
)
def test_what_a_network_cannot_be_built_for_is_a_problem(name: str, spec: dict[str, Any], problem: str) -> None:
    assert problem in small(name).problem(NetworkSpec(**spec))


class TestRecognition:
    @pytest.fixture(autouse=True)
    def _keras(self) -> None:
        backend.load()

    @pytest.mark.parametrize("name", WITH_CHECKPOINT)
    def test_a_networks_own_state_dict_is_recognised_by_its_architecture(self, name: str) -> None:
        chosen, spec = small(name), usual(INSTALLED[name])
        arguments = chosen.arguments(spec)
        state = state_of_model(chosen.build(spec), checkpoint_of(name).places(arguments))
        found = recognised(state)
        assert found.keys() == {name}
        left_open = {each.option for each in checkpoint_of(name).assumptions(found[name])}
        read = {option: value for option, value in found[name].items() if option not in left_open}
        assert read
        assert {option: arguments[option] for option in read if arguments[option] is not None}.items() <= read.items()

    def test_assumptions_are_arguments_of_the_network(self) -> None:
        for name in WITH_CHECKPOINT:
            chosen = small(name)
            for each in checkpoint_of(name).assumptions(chosen.arguments(usual(INSTALLED[name]))):
                assert each.option in {*chosen.arguments(usual(INSTALLED[name])), ""}, name
                assert each.text

    def test_other_arrays_are_not_recognised(self) -> None:
        assert recognised({"weight": np.zeros((2, 2, 3, 3)), "bias": np.zeros(2)}) == {}
        assert recognised({}) == {}


class TestChoice:
    def test_it_builds_the_chosen_architecture(self) -> None:
        backend.load()
        chosen = ArchitectureChoice.read(Resnet(blocks=1, width=2))
        assert chosen.geometry(NetworkSpec(norm="none")).radius == 24
        assert chosen.build(NetworkSpec(1, 3)).output_shape == (None, None, None, 3)

    def test_a_spec_that_it_cannot_be_built_for_is_reported(self) -> None:
        chosen = ArchitectureChoice.read(StarganCritic(layers=2))
        chosen.check(NetworkSpec(classes=2, size=(8, 8)), "critic")
        with pytest.raises(ValueError, match=r"critic: .*stargan-critic.*classes: a critic of domains needs"):
            chosen.check(NetworkSpec(size=(8, 8)), "critic")

    @pytest.mark.parametrize(
        ("architecture", "spec", "problem"),
        [
            (
                StyleEncoder(),
                NetworkSpec(),
                "'style-encoder' cannot be built: code: a style encoder needs the length",
            ),
            (Unet(), NetworkSpec(code=8), "'unet' cannot be built: code: the task states 8, which it cannot take"),
            (Unet(), NetworkSpec(classes=2), "classes: the task states 2"),
            (Unet(), NetworkSpec(widths=(2, 3)), r"widths: the task states \(2, 3\)"),
        ],
    )
    def test_the_error_for_an_impossible_spec_names_option_and_architecture(
        self, architecture: Architecture, spec: NetworkSpec, problem: str
    ) -> None:
        with pytest.raises(ValueError, match=f"^own: .*{problem}"):
            ArchitectureChoice.read(architecture).check(spec, "own")

    def test_a_size_of_pictures_may_be_ignored(self) -> None:
        ArchitectureChoice.read(Unet()).check(NetworkSpec(size=(8, 8)), "own")
        ArchitectureChoice.read(StyleEncoder()).check(NetworkSpec(code=8), "own")

    def test_the_error_for_an_unresolved_choice_names_the_way_out(self) -> None:
        with pytest.raises(ConfigError, match="resolve"):
            ArchitectureChoice("resnet").build(NetworkSpec())


def test_options_geometry_and_recognition_load_no_network_library() -> None:
    code = """
import sys
import numpy as np
from img2imgkit.architectures import BUILT_IN, NetworkSpec
from img2imgkit.catalog import Catalog
for kind in Catalog.installed({"IMG2IMG_PLUGINS": ""}).architectures.values():
    chosen = kind()
    chosen.geometry(NetworkSpec(norm="batch")), chosen.problem(NetworkSpec())
    if kind.checkpoint:
        state = {"model.0.weight": np.zeros((2, 3, 4, 4)), "conv_first.weight": np.zeros((2, 3, 3, 3))}
        kind.checkpoint.recognise(kind.checkpoint.clean(state))
assert not {"keras", "tensorflow"} & {*sys.modules}
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_option_is_required() -> None:
    assert not [kind for kind in BUILT_IN if any(field.is_required() for field in kind.model_fields.values())]
