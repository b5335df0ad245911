"""Of a file's sets of weights, the one of a known network is taken; of several, the error names keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED

from img2imgkit.errors import InteropError
from img2imgkit.exchange import StateDict
from img2imgkit.formats.pickled_names import Placeholder
from img2imgkit.importing import read_torch
from img2imgkit.importing.matching import MAX_ARRAYS, fitting, recognised
from img2imgkit.importing.weight_sets import state_dict_of, state_of

SMALL = Path(__file__).parents[1] / "fixtures"
ENLARGER = state_of(read_torch(SMALL / "sr_srvgg_x4" / "weights.pth"))
CRITIC = state_of(read_torch(SMALL / "junyanz_pixel_batch" / "weights.pth"))
STRANGE = {"strange.weight": np.zeros((2, 3, 1, 1)), "strange.bias": np.zeros(2)}


def prefixed(word: str, state: dict[str, Any]) -> dict[str, Any]:
    return {f"{word}.{name}": array for name, array in state.items()}


TAKEN = {
    "alone": (ENLARGER, ""),
    "under any name": ({"net": ENLARGER}, "net"),
    "nested": ({"model": {"state_dict": ENLARGER}}, "model.state_dict"),
    "in a list": ({"nets": [{"weights": ENLARGER}]}, "nets.0.weights"),
    "beside what is no known network": ({"encoder": STRANGE, "G": ENLARGER}, "G"),
    "beside what has a usual name and is no known network": ({"state_dict": STRANGE, "G": ENLARGER}, "G"),
    "beside its critic": ({"D": CRITIC, "G": ENLARGER}, "G"),
    "beside its moving average": ({"G": ENLARGER, "G_ema": ENLARGER}, "G_ema"),
    "with a prefix": ({"state_dict": prefixed("generator", ENLARGER)}, "state_dict.generator"),
    "with two prefixes": (prefixed("lit", prefixed("net", ENLARGER)), "lit.net"),
    "with a prefix, beside others": (prefixed("netG", ENLARGER) | prefixed("loss.vgg", STRANGE), "netG"),
    "with a prefix, beside its critic": (prefixed("netG", ENLARGER) | prefixed("netD", CRITIC), "netG"),
    "with a prefix, beside its average": (prefixed("net", ENLARGER) | prefixed("net_ema", ENLARGER), "net_ema"),
    "of a wrapped network": (prefixed("_orig_mod.module", ENLARGER) | {"n_averaged": np.array(3)}, ""),
    "beside one with strangers in it": ({"a": {**ENLARGER, "args": Placeholder("a.B", True)}, "b": ENLARGER}, "b"),
}


@pytest.mark.parametrize("what", TAKEN)
def test_the_one_that_fits_is_taken(what: str) -> None:
    loaded, key = TAKEN[what]
    found = fitting(state_dict_of(loaded), INSTALLED)
    assert found.key == key
    assert found.arrays.keys() == ENLARGER.keys()
    assert recognised(found.arrays, INSTALLED)[0].name == "srvgg"


@pytest.mark.parametrize(
    ("loaded", "reason"),
    [
        ({"AB": ENLARGER, "BA": ENLARGER}, r"several networks, 'AB' \(srvgg\), 'BA' \(srvgg\); state one of these as"),
        ({"nets": [ENLARGER, ENLARGER]}, r"'nets\.0' \(srvgg\), 'nets\.1' \(srvgg\)"),
        ({"x": prefixed("AB", ENLARGER) | prefixed("BA", ENLARGER)}, r"'x\.AB\.' form a srvgg: state the key 'x\.AB'"),
    ],
    ids=["names", "a list", "prefixes"],
)
def test_of_several_the_error_names_keys(loaded: Any, reason: str) -> None:
    with pytest.raises(InteropError, match=reason) as caught:
        fitting(state_dict_of(loaded), INSTALLED)
    assert caught.value.decided_by == "key"
    keys = [each for each in ("AB", "nets.1", "x.AB") if repr(each) in str(caught.value)]
    assert keys
    for key in keys:
        assert fitting(state_dict_of(loaded, key), INSTALLED).arrays.keys() == ENLARGER.keys()


def test_strangers_inside_the_chosen_weights_are_refused() -> None:
    with pytest.raises(InteropError, match=r"args: a argparse\.Namespace among the weights"):
        fitting(state_dict_of({"net": {**ENLARGER, "args": Placeholder("argparse.Namespace", True)}}), INSTALLED)


def test_if_none_fits_the_error_lists_them() -> None:
    with pytest.raises(
        InteropError, match=r"none of its sets of weights, 'a', 'b', is of a known network; 'a': matches"
    ):
        fitting(state_dict_of({"a": STRANGE, "b": STRANGE}), INSTALLED)


def test_a_stated_architecture_decides() -> None:
    loaded = {"AB": ENLARGER, "D": CRITIC}
    assert fitting(state_dict_of(loaded, architecture="pixel"), INSTALLED).key == "D"


def test_too_many_arrays() -> None:
    many = {f"a.{number}": np.zeros(1) for number in range(MAX_ARRAYS + 1)}
    with pytest.raises(InteropError, match="4001 arrays are more"):
        fitting(StateDict(many), INSTALLED)
