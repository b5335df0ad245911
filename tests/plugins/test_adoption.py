"""Official checkpoints as bundles: the options that are read off, and that translations are the official ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from img2imgkit_plugins.cyclegan.task import CycleGan
from img2imgkit_plugins.pix2pix.task import Pix2Pix
from img2imgkit_plugins.stargan.task import CELEBA, StarGan

import img2imgkit as kit
from img2imgkit.interop import read_network

SMALL = Path(__file__).parents[1] / "fixtures"
LARGE = os.environ.get("IMG2IMGKIT_PARITY", "")
PLACES = (SMALL, Path(LARGE)) if LARGE else (SMALL,)
TOLERANCE = 3e-5  # of the largest output


def read(name: str, part: str | None = None, place: Path = SMALL, **arguments: Any) -> kit.Foreign:
    path = place / name / ("weights_init.pth" if name.startswith("trainstep_") else "weights.pth")
    return read_network(path, part=part, **arguments)


def bundled(task_class: type[kit.Task], *networks: kit.Foreign, **stated: Any) -> tuple[kit.Task, kit.Networks]:
    """The task that the networks make, and its generators filled with them, as an import does it."""
    adoption = task_class.adopt(networks)
    assert adoption is not None
    assert adoption.lacking == ()
    task = task_class(task_class.Options.model_validate_json(json.dumps({**adoption.options, **stated})))
    nets = task.build()
    assert {*adoption.roles, *adoption.fresh} == set(nets.generators)
    for role, taken in adoption.roles.items():
        source = networks[taken.number].model
        source = source.get_layer(taken.inside) if taken.inside else source
        assert [tuple(v.shape) for v in nets[role].weights] == [tuple(v.shape) for v in source.weights]
        nets[role].set_weights(source.get_weights())
    return task, nets


def cases(name: str, place: Path, mode: Sequence[str] = ("eval",)) -> Iterator[tuple[dict[str, Any], np.ndarray, int]]:
    """Inputs and the output of each official forward pass in one of these modes, channels last."""
    config = json.loads((place / name / "config.json").read_text(encoding="utf-8"))
    with np.load(place / name / "io.npz") as stored:
        for case in config["cases"]:
            if case["mode"] in mode:
                given = {key: last(stored[entry["key"]]) for key, entry in case["inputs"].items()}
                yield given, last(stored[case["outputs"]["y"]["key"]]), config.get("every", 1)


def last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def assert_close(made: Any, wanted: np.ndarray, every: int = 1) -> None:
    shown = np.asarray(made)[:, ::every, ::every]
    np.testing.assert_allclose(shown, wanted, atol=TOLERANCE * np.abs(wanted).max())


def folders(*names: str) -> list[Any]:
    found = [(name, place) for place in PLACES for name in names if (place / name).is_dir()]
    return [pytest.param(*each, id=f"{each[1].name}-{each[0]}") for each in found]


class TestPix2Pix:
    @pytest.mark.parametrize(("name", "place"), folders("junyanz_unet128_batch"))
    def test_it_translates_as_the_official_test_does_without_dropout(self, name: str, place: Path) -> None:
        network = read(name, place=place)
        task, nets = bundled(Pix2Pix, network)
        assert task.options.statistics == "image"
        [(given, wanted, every)] = cases(name, place, ["train_nodropout"])
        assert_close(task.translate(nets, {"source": given["input"]}), wanted, every)
        task, nets = bundled(Pix2Pix, network, statistics="running")
        [(given, wanted, every)] = cases(name, place)
        made = task.translate(nets, {"source": given["input"]})
        assert_close(made, wanted, every)
        np.testing.assert_array_equal(made, network.model(given["input"], training=False))

    @pytest.mark.parametrize(
        ("name", "place"),
        folders("junyanz_unet256_instance", "junyanz_resnet6_instance", "cut_resnet4_antialias_rect"),
    )
    def test_so_it_does_with_other_generators(self, name: str, place: Path) -> None:
        task, nets = bundled(Pix2Pix, read(name, place=place))
        for given, wanted, every in cases(name, place):
            assert_close(task.translate(nets, {"source": given["input"]}), wanted, every)

    def test_the_usual_generator_is_known(self) -> None:
        unet, resnet = read("junyanz_unet128_batch"), read("junyanz_resnet6_instance")
        assert (adoption_of(Pix2Pix, unet).usual, adoption_of(Pix2Pix, resnet).usual) == (True, False)
        assert any("--set statistics=running" in note for note in adoption_of(Pix2Pix, unet).notes)

    def test_a_critics_sizes_are_taken_over(self) -> None:
        adoption = adoption_of(Pix2Pix, read("junyanz_patchgan_batch"), read("junyanz_unet128_batch"))
        assert adoption.roles == {"generator": kit.Taken(1)}
        assert adoption.options["critic"] == {"kind": "patch", "layers": 3, "width": 8, "antialias": False}
        assert adoption.options["adversary"]["loss"] == "vanilla"

    def test_what_it_has_no_use_for_is_not_adopted(self) -> None:
        unet, critic = read("junyanz_unet128_batch"), read("junyanz_patchgan_batch")
        assert Pix2Pix.adopt([unet, unet]) is None
        assert Pix2Pix.adopt([critic]) is None
        assert Pix2Pix.adopt([unet, critic, critic]) is None
        assert Pix2Pix.adopt([unet, read("junyanz_patchgan_none")]) is None  # judges three channels, not a pair
        assert Pix2Pix.adopt([unet, read("stargan_G")]) is None


class TestCycleGan:
    @pytest.mark.parametrize(("name", "place"), folders("junyanz_resnet6_instance", "junyanz_resnet9_instance"))
    def test_each_direction_translates_as_its_file(self, name: str, place: Path) -> None:
        one, other = read(name, place=place), read(name, place=place)
        other.model.set_weights([0.5 * weight for weight in other.model.get_weights()])
        task, nets = bundled(CycleGan, one, other)
        for given, wanted, every in cases(name, place):
            assert_close(task.translate(nets, {"source": given["input"]}), wanted, every)
        back = CycleGan(task.options, None, CycleGan.Choices(direction="b_to_a"))
        np.testing.assert_array_equal(
            back.translate(nets, {"source": given["input"]}), other.model(given["input"], training=False)
        )

    def test_one_direction_lacks_the_other(self) -> None:
        network = read("junyanz_resnet6_instance")
        adoption = adoption_of(CycleGan, network)
        assert (adoption.usual, adoption.roles) == (True, {"a_to_b": kit.Taken(0)})
        [lacking] = adoption.lacking
        assert "latest_net_G_A.pth and latest_net_G_B.pth, and weights.pth is one" in lacking

    def test_the_order_of_the_files_is_told_and_critics_are_taken_over(self) -> None:
        parts = [read("trainstep_cyclegan", part) for part in ("D_A", "G_A", "D_B", "G_B")]
        adoption = adoption_of(CycleGan, *parts)
        assert adoption.roles == {"a_to_b": kit.Taken(1), "b_to_a": kit.Taken(3)}
        assert adoption.options["critic"] == {"kind": "patch", "layers": 3, "width": 3, "antialias": False}
        assert adoption.notes[0].startswith("a_to_b is weights_init.pth")

    def test_what_it_has_no_use_for_is_not_adopted(self) -> None:
        six, grey = read("junyanz_resnet6_instance"), read("cut_resnet4_antialias_rect")
        assert CycleGan.adopt([six, read("trainstep_cyclegan", "G_A")]) is None  # of other widths
        assert CycleGan.adopt([grey, grey]) is None  # no way back
        assert CycleGan.adopt([read("junyanz_patchgan_none")]) is None


class TestStarGan:
    @pytest.mark.parametrize(("name", "place"), folders("stargan_G"))
    def test_it_translates_as_the_official_solver_which_never_evaluates(self, name: str, place: Path) -> None:
        task, nets = bundled(StarGan, read(name, place=place))
        assert task.options.labels == (CELEBA,)
        for given, wanted, every in cases(name, place, ["train"]):
            made = task.translate(nets, {"source": given["x"], "target_label": given["c"]})
            assert_close(made, wanted, every)

    def test_a_critic_tells_the_size(self) -> None:
        task, _ = bundled(StarGan, read("trainstep_stargan", "D"), read("trainstep_stargan", "G"))
        assert (task.options.size, task.options.critic_width, task.options.critic_layers) == (32, 4, 3)
        assert task.options.adversary.penalty == "wgan_gp"

    @pytest.mark.parametrize(
        ("domains", "names", "sets"),
        [
            (8, ("angry", "contemptuous", "disgusted"), 1),
            (15, ("Black_Hair", "Blond_Hair", "Brown_Hair"), 2),
            (3, ("domain_1", "domain_2", "domain_3"), 1),
            (1, ("domain_1",), 1),
        ],
    )
    def test_names_are_assumed_by_their_number(self, domains: int, names: Sequence[str], sets: int) -> None:
        from img2imgkit.nn import stargan_generator

        arguments = {"domains": domains, "width": 1, "blocks": 0, "channels": 3}
        task, nets = bundled(StarGan, kit.Foreign("stargan_generator", arguments, stargan_generator(**arguments)))
        assert task.names.all[:3] == tuple(names)
        assert len(task.options.labels) == sets
        assert nets["generator"].input_shape[1] == (None, domains)

    def test_others_are_stated(self) -> None:
        network = read("stargan_G")
        [note] = adoption_of(StarGan, network).notes
        assert "the number of labels, 5" in note
        named = [{"names": list("vwxyz"), "kind": "classes"}]
        task, _ = bundled(StarGan, network, labels=named)
        assert task.names.all == tuple("vwxyz")


def adoption_of(task_class: type[kit.Task], *networks: kit.Foreign) -> kit.Adoption:
    adoption = task_class.adopt(networks)
    assert adoption is not None
    return adoption
