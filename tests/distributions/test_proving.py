"""Contract tests of what is installed, in processes that are ended."""

import multiprocessing
from pathlib import Path

import pytest

from img2imgkit.catalog import Catalog
from img2imgkit.distributions import prove, proving
from img2imgkit.distributions.batteries import Unproved, prove_contract
from img2imgkit.distributions.new_project import rendered

STEPS = """
import os, time
import img2imgkit as kit

class Good(kit.Transform):
    "Change nothing."
    name = "a-good"

    def apply(self, item):
        return item

class Undocumented(Good):
    name = "b-bad"

class Deadly(Good):
    "End the process."
    name = "c-deadly"

    def apply(self, item):
        os._exit(7)

class Slow(Good):
    "Wait."
    name = "d-slow"

    def apply(self, item):
        time.sleep(600)

class Last(Good):
    "Change nothing, either."
    name = "e-last"

@kit.hookimpl
def register_steps(register):
    for step in (Good, Undocumented, Deadly, Slow, Last):
        register(step)
"""


@pytest.mark.slow
def test_each_thing_is_proved_whatever_the_others_do(install, tmp_path, monkeypatch):
    install("kit-steps", STEPS, name="some")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "some")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site-packages"))
    found = {each.name: each for each in prove(Catalog.installed(), ["some"], seconds=2)}
    assert {name: each.outcome for name, each in found.items()} == {
        "a-good": "proved",
        "b-bad": "broken",
        "c-deadly": "broken",
        "d-slow": "not proved",
        "e-last": "proved",
    }
    assert found["b-bad"].reason == "Undocumented has no docstring; its first line is shown to users"
    assert "AssertionError" in found["b-bad"].traceback
    assert found["c-deadly"].reason == "its contract test ended the process"
    assert found["d-slow"].reason == "it takes longer than 2 s"
    assert multiprocessing.active_children() == []


def test_nothing_to_prove_starts_no_process(uninstall_everything, monkeypatch):
    monkeypatch.setattr(proving, "_proved", None)
    assert list(prove(Catalog.installed(), [], seconds=1)) == []


CONTRACTS = """
import img2imgkit as kit
import numpy as np
from pathlib import Path
from typing import Annotated

class Reads(kit.Source):
    "Read."
    name = "reads"

    class Options(kit.Config):
        "What."
        file: Path

    location = find = reads = load = None

class Writes(kit.Sink):
    "Write."
    name = "writes"

    class Options(kit.Config):
        "Where."
        folder: Annotated[Path, kit.Location()]

    def location(self):
        return str(self.options.folder)

    def target(self, entry):
        return entry.relative

    def render(self, item):
        return kit.Rendering(self.target(item.entry), b"x")

class Reader(kit.Importer):
    "Read."
    name = "reader"
    suffixes = (".x",)
    read = None

class Weighted(kit.PairMetric):
    "Compare."
    name = "weighted"
    higher_is_better = False
    unit = ""
    digits = 2
    needs = (kit.PretrainedWeights("lpips", "weights", "https://example.org"),)
    compare = None

@kit.hookimpl
def register_steps(register):
    register(Reads)
    register(Writes)

@kit.hookimpl
def register_importers(register):
    register(Reader)

@kit.hookimpl
def register_metrics(register):
    register(Weighted)
"""


class TestBatteries:
    @pytest.fixture
    def catalog(self, install, monkeypatch):
        install("kit-some", CONTRACTS, name="some")
        found = Catalog.installed({"IMG2IMG_PLUGINS": "some"})
        assert {"reads", "writes"} <= {*found.steps}, found.broken
        return found

    @pytest.mark.parametrize(
        ("kind", "name", "why"),
        [
            ("steps", "reads", "its options have no defaults that go together: file"),
            ("importers", "reader", "it needs a file of its format"),
            ("metrics", "weighted", "it needs the weights lpips"),
            ("data_kinds", "paired", "it needs pictures in an order of its own: "),
            ("data_kinds", "degraded", "every source is the same as its target"),
            ("data_kinds", "semantic", "it needs label maps"),
            ("engines", "tensorflow", "it opens loaded bundles"),
        ],
    )
    def test_what_only_the_author_can_give_is_named(self, catalog, kind, name, why, tmp_path):
        with pytest.raises(Unproved, match=why):
            prove_contract(kind, name, catalog, tmp_path)

    def test_a_sink_is_given_a_folder(self, catalog, tmp_path):
        with pytest.raises(AssertionError, match=r"no description of folder"):
            prove_contract("steps", "writes", catalog, tmp_path)

    def test_a_data_kind_is_given_a_folder_of_pictures(self, install, tmp_path):
        source = rendered("noise", "data-kind")[Path("src/img2img_noise/data_kind.py")]
        install("kit-noise", f"{source}\n@kit.hookimpl\ndef register_data_kinds(register):\n    register(Noise)\n")
        place = tmp_path / "pictures"
        place.mkdir()
        prove_contract("data_kinds", "noise", Catalog.installed({"IMG2IMG_PLUGINS": "kit-noise"}), place)
        assert len(list(place.iterdir())) == 4

    def test_what_was_proved_at_registration_has_no_test(self, catalog, tmp_path):
        prove_contract("model_index", next(iter(catalog.model_index)), catalog, tmp_path)

    @pytest.mark.parametrize(("kind", "name"), [("degradations", "bicubic-matlab"), ("metrics", "l1")])
    def test_the_toolkit_s_own_keep_their_contracts(self, catalog, kind, name, tmp_path):
        prove_contract(kind, name, catalog, tmp_path)
