"""Programs of a bundle: their inputs and outputs, and pictures in other value ranges and layouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tiny_tasks import Directed, Normed, Painted, Plain, Strided, Tinted, loaded

from img2imgkit import backend
from img2imgkit.errors import ConfigError, ExportError
from img2imgkit.exchange import Program
from img2imgkit.exporting import programs_of
from img2imgkit.exporting.proof import called
from img2imgkit.images import to_levels, to_unit


@pytest.fixture(scope="module", autouse=True)
def keras() -> None:
    backend.load()


def named(programs: Any) -> dict[str, Program]:
    return {program.name: program for program in programs}


def shapes(ports: Any) -> dict[str, Any]:
    return {port.name: port.shape for port in ports}


class TestPrograms:
    def test_a_translation_and_each_network(self) -> None:
        programs = programs_of(loaded(Strided))
        assert [program.name for program in programs] == ["translate", "network_generator"]
        translate = programs[0]
        assert (translate.multiple, translate.minimum, translate.scale) == (4, 1, 1)
        assert shapes(translate.inputs) == {"image": (None, None, None, 3)}
        assert translate.inputs[0].axes == ("batch", "height", "width", "")
        assert programs[1].model is not None

    def test_the_axes_of_an_output_state_its_scale(self) -> None:
        (output,) = programs_of(loaded(Plain, scale=4))[0].outputs
        assert output.axes == ("batch", "height*4", "width*4", "")

    def test_codes_maps_and_vectors_are_inputs_with_the_tasks_names(self) -> None:
        programs = named(programs_of(loaded(Tinted)))
        assert shapes(programs["translate"].inputs) == {
            "image": (None, None, None, 3),
            "hidden": (None, None, None, 1),
            "colour": (None, 3),
            "style": (None, 3),
        }
        assert "encode_style returns" in next(p.meaning for p in programs["translate"].inputs if p.name == "style")
        assert "tint (red, blue)" in next(p.meaning for p in programs["translate"].inputs if p.name == "colour")

    def test_an_encoder_has_the_size_of_its_condition(self) -> None:
        encode = named(programs_of(loaded(Tinted)))["encode_style"]
        assert shapes(encode.inputs) == {"image": (None, 8, 8, 3)}
        assert shapes(encode.outputs) == {"code": (None, 3)}

    def test_semantic_tasks_read_ids_first(self) -> None:
        translate = programs_of(loaded(Painted))[0]
        assert list(shapes(translate.inputs)) == ["label", "instance", "bright"]
        given = translate.sample(np.random.default_rng(0), 2, 8, 4)
        assert {int(each) for each in np.unique(given["label"])} <= {0, 1, 2, 3}
        assert "0 to 3, where 3 means 'no class'" in translate.inputs[0].meaning

    def test_unused_inputs_are_omitted(self) -> None:
        class Unstyled(Tinted):
            def translate(self, nets: Any, inputs: Mapping[str, Any]) -> Any:
                assert "style" in inputs
                return nets["generator"](inputs["source"], training=False) + inputs["colour"][:, None, None]

        translate = programs_of(loaded(Unstyled))[0]
        assert list(shapes(translate.inputs)) == ["image", "colour"]
        called(translate, translate.sample(np.random.default_rng(0), 2, 8, 9))

    def test_choices_are_built_in(self) -> None:
        there, back = (programs_of(loaded(Directed), {"direction": way})[0] for way in ("a_to_b", "b_to_a"))
        assert [each.outputs[0].shape[-1] for each in (there, back)] == [3, 1]

    def test_a_fixed_size(self) -> None:
        translate = programs_of(loaded(Plain), size=(12, 20))[0]
        assert translate.inputs[0].shape == (1, 12, 20, 3)
        assert translate.outputs[0].shape == (1, 24, 40, 3)
        assert translate.inputs[0].axes == ("", "", "", "")

    def test_a_fixed_size_leaves_no_batch_open_in_any_program(self) -> None:
        programs = programs_of(loaded(Tinted), size=(12, 20))
        assert len(programs) > 2
        assert {port.shape[0] for each in programs for port in (*each.inputs, *each.outputs)} == {1}

    def test_an_unsupported_size_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"size 12x22: .* multiples of 4, at least 1"):
            programs_of(loaded(Strided), size=(12, 22))

    def test_a_task_that_cannot_be_traced_is_reported(self) -> None:
        class Counting(Plain):
            def translate(self, nets: Any, inputs: Mapping[str, Any]) -> Any:
                return nets["generator"](inputs["source"][: int(np.asarray(inputs["source"]).shape[0])])

        with pytest.raises(ExportError, match="translate cannot be traced for any batch and size"):
            programs_of(loaded(Counting))


class TestPictures:
    LEVELS = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3)).astype(np.uint8)

    def expected(self) -> np.ndarray:
        """The toolkit's own translation."""
        bundle = loaded(Normed)
        return np.asarray(bundle.task.translate(bundle.nets, {"source": to_unit(self.LEVELS)}))

    def test_levels_equal_the_toolkits(self) -> None:
        translate = programs_of(loaded(Normed), image_io="uint8")[0]
        assert [port.dtype for port in (*translate.inputs, *translate.outputs)] == ["uint8", "uint8"]
        made = called(translate, {"image": self.LEVELS})["output"]
        assert np.abs(made.astype(int) - to_levels(self.expected(), np.uint8)).max() <= 1
        assert (made == 255).any()  # clipped

    def test_unit_values(self) -> None:
        translate = programs_of(loaded(Normed), image_io="unit")[0]
        made = called(translate, {"image": self.LEVELS.astype(np.float32) / 255})["output"]
        np.testing.assert_allclose(made, (np.clip(self.expected(), -1, 1) + 1) / 2, atol=2e-6)

    def test_channels_first(self) -> None:
        translate = programs_of(loaded(Normed), layout="nchw")[0]
        assert translate.inputs[0].shape == (None, 3, None, None)
        assert translate.outputs[0].axes == ("batch", "", "height*2", "width*2")
        made = called(translate, {"image": to_unit(self.LEVELS).transpose(0, 3, 1, 2)})["output"]
        np.testing.assert_allclose(made, self.expected().transpose(0, 3, 1, 2), atol=1e-6)

    def test_maps_are_unchanged(self) -> None:
        translate = programs_of(loaded(Painted), image_io="uint8", layout="nchw")[0]
        assert {(port.dtype, port.shape) for port in translate.inputs} == {("float32", (None, None, None, 1))}
        assert (translate.outputs[0].dtype, translate.outputs[0].shape) == ("uint8", (None, 3, None, None))
