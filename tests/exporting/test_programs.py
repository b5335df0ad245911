"""Programs: what a bundle can do, their inputs and outputs, and pictures in other numbers and orders."""

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


class TestWhatThereIs:
    def test_a_translation_and_each_network(self) -> None:
        programs = programs_of(loaded(Strided))
        assert [program.name for program in programs] == ["translate", "network_generator"]
        translate = programs[0]
        assert (translate.multiple, translate.minimum, translate.scale) == (4, 1, 1)
        assert shapes(translate.inputs) == {"image": (None, None, None, 3)}
        assert translate.inputs[0].axes == ("batch", "height", "width", "")
        assert programs[1].model is not None

    def test_an_output_says_how_much_larger_it_is(self) -> None:
        (output,) = programs_of(loaded(Plain, scale=4))[0].outputs
        assert output.axes == ("batch", "height*4", "width*4", "")

    def test_codes_maps_and_vectors_are_inputs_under_the_names_that_the_task_knows(self) -> None:
        programs = named(programs_of(loaded(Tinted)))
        assert shapes(programs["translate"].inputs) == {
            "image": (None, None, None, 3),
            "hidden": (None, None, None, 1),
            "colour": (None, 3),
            "style": (None, 3),
        }
        assert "encode_style gives" in next(p.meaning for p in programs["translate"].inputs if p.name == "style")
        assert "tint (red, blue)" in next(p.meaning for p in programs["translate"].inputs if p.name == "colour")

    def test_pictures_are_encoded_at_the_size_that_their_side_has(self) -> None:
        encode = named(programs_of(loaded(Tinted)))["encode_style"]
        assert shapes(encode.inputs) == {"image": (None, 8, 8, 3)}
        assert shapes(encode.outputs) == {"code": (None, 3)}

    def test_semantic_data_begin_with_ids(self) -> None:
        translate = programs_of(loaded(Painted))[0]
        assert list(shapes(translate.inputs)) == ["label", "instance", "bright"]
        given = translate.sample(np.random.default_rng(0), 2, 8, 4)
        assert {int(each) for each in np.unique(given["label"])} <= {0, 1, 2, 3}
        assert "0 to 3, the last of which is 'no class'" in translate.inputs[0].meaning

    def test_what_nothing_depends_on_is_left_out(self) -> None:
        class Unstyled(Tinted):
            def translate(self, nets: Any, inputs: Mapping[str, Any]) -> Any:
                assert "style" in inputs
                return nets["generator"](inputs["source"], training=False) + inputs["colour"][:, None, None]

        translate = programs_of(loaded(Unstyled))[0]
        assert list(shapes(translate.inputs)) == ["image", "colour"]
        called(translate, translate.sample(np.random.default_rng(0), 2, 8, 9))

    def test_choices_are_part_of_it(self) -> None:
        there, back = (programs_of(loaded(Directed), {"direction": way})[0] for way in ("a_to_b", "b_to_a"))
        assert [each.outputs[0].shape[-1] for each in (there, back)] == [3, 1]

    def test_sizes_are_fixed_on_request(self) -> None:
        translate = programs_of(loaded(Plain), size=(12, 20))[0]
        assert translate.inputs[0].shape == (None, 12, 20, 3)
        assert translate.outputs[0].shape == (None, 24, 40, 3)

    def test_a_size_that_cannot_be_translated_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"size 12x22: .* multiples of 4, from 1 on"):
            programs_of(loaded(Strided), size=(12, 22))

    def test_a_task_that_cannot_be_traced_is_told(self) -> None:
        class Counting(Plain):
            def translate(self, nets: Any, inputs: Mapping[str, Any]) -> Any:
                return nets["generator"](inputs["source"][: int(np.asarray(inputs["source"]).shape[0])])

        with pytest.raises(ExportError, match="translate cannot be made a graph of any batch and size"):
            programs_of(loaded(Counting))


class TestPictures:
    LEVELS = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3)).astype(np.uint8)

    def expected(self) -> np.ndarray:
        """As the toolkit itself makes them."""
        bundle = loaded(Normed)
        return np.asarray(bundle.task.translate(bundle.nets, {"source": to_unit(self.LEVELS)}))

    def test_levels_are_those_of_the_toolkit(self) -> None:
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

    def test_maps_stay_as_they_are(self) -> None:
        translate = programs_of(loaded(Painted), image_io="uint8", layout="nchw")[0]
        assert {(port.dtype, port.shape) for port in translate.inputs} == {("float32", (None, None, None, 1))}
        assert (translate.outputs[0].dtype, translate.outputs[0].shape) == ("uint8", (None, 3, None, None))
