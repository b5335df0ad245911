import pytest

from img2imgkit import __version__
from img2imgkit.catalog import Catalog
from img2imgkit.hooks import CONTRACT
from img2imgkit.registration import contract, contract_problem

GOOD = """
import img2imgkit as kit
from pathlib import Path

IMG2IMG_CONTRACT = {contract}

@kit.hookimpl
def register_bundles(register):
    register(Path("/models/night"))
"""


def only(name):
    return Catalog.installed({"IMG2IMG_PLUGINS": name})


class TestContractProblem:
    @pytest.mark.parametrize("stated", [None, CONTRACT])
    def test_none_and_todays_are_fine(self, stated):
        assert contract_problem(stated) == ""

    def test_a_later_one_asks_for_a_newer_toolkit(self):
        assert contract_problem(CONTRACT + 1) == (
            f"it was written for contract {CONTRACT + 1}, but img2imgkit {__version__} has contract {CONTRACT}: "
            "upgrade img2imgkit, or install an earlier version of the plugin"
        )

    def test_one_that_is_no_more_kept_asks_for_a_newer_plugin(self, monkeypatch):
        monkeypatch.setattr(contract, "CONTRACT", 5)
        monkeypatch.setattr(contract, "OLDEST_CONTRACT", 4)
        assert contract_problem(4) == ""
        assert contract_problem(3).endswith("has contract 5: upgrade the plugin")

    def test_a_text_is_no_number(self):
        assert contract_problem("0.2").startswith("IMG2IMG_CONTRACT is '0.2'; expected the number of the contract")


def test_a_plugin_states_its_contract_in_its_module(install):
    install("kit-gallery", GOOD.format(contract=CONTRACT), name="gallery")
    found = only("gallery")
    assert "night" in found.bundles
    assert found.contract("gallery") == CONTRACT


def test_who_states_none_is_loaded(install):
    install("kit-gallery", GOOD.replace("IMG2IMG_CONTRACT", "OTHER").format(contract=1), name="gallery")
    found = only("gallery")
    assert "night" in found.bundles
    assert found.contract("gallery") is None


@pytest.mark.parametrize("before", ["", "from img2imgkit import Hologram\n", "raise SystemExit(1)\n"])
def test_a_wrong_contract_is_told_in_place_of_the_error_that_follows_from_it(install, before):
    install("kit-gallery", before + GOOD.format(contract=99), name="gallery")
    found = only("gallery")
    assert "night" not in found.bundles
    (broken,) = found.broken
    assert broken.reason == contract_problem(99)


def test_an_import_error_of_a_fitting_plugin_stays_what_it_is(install):
    install("kit-gallery", "import torch_of_tomorrow\n" + GOOD.format(contract=CONTRACT), name="gallery")
    (broken,) = only("gallery").broken
    assert broken.reason == "ModuleNotFoundError: No module named 'torch_of_tomorrow'"
