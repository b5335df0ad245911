"""Sets of weights in a file's content: found at any depth, chosen by name, without what wrappers add."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from img2imgkit.errors import InteropError
from img2imgkit.formats.pickled_names import Placeholder
from img2imgkit.formats.pickled_networks import PickledNetwork
from img2imgkit.importing.weight_sets import (
    MAX_SETS,
    cleaned,
    prefixes_in,
    sets_in,
    state_dict_of,
    state_of,
    unwrapped,
    usual,
    with_prefix,
)


def network(value: float = 0.0) -> dict[str, Any]:
    return {"conv.weight": np.full((2, 1), value), "conv.bias": np.full(2, value)}


OPTIMIZER = {"state": {0: {"exp_avg": np.zeros((2, 1)), "exp_avg_sq": np.ones((2, 1))}}, "param_groups": [{"lr": 0.1}]}


class TestFinding:
    @pytest.mark.parametrize(
        ("loaded", "paths"),
        [
            (network(), [""]),
            ({"G": network(), "step": 3}, ["G"]),
            ({"model": {"state_dict": network()}}, ["model.state_dict"]),
            ({"models": [network(), (network(), 5)]}, ["models.0", "models.1.0"]),
            ([network()], ["0"]),
            ({1: {"net": network()}}, ["1.net"]),
            ({"a.b": {"c": network()}}, ["a.b.c"]),
            ({"net": network(), "optimizer": OPTIMIZER, "optimizers": [OPTIMIZER]}, ["net"]),
            ({"net": network(), "statistics": {"mean": np.zeros(3), "deviation": np.ones(3)}}, ["net"]),
            ({"layer": {"weight": np.zeros((2, 1)), "bias": np.zeros(2)}}, ["layer"]),
            ({"args": Placeholder("argparse.Namespace", made=True), "x": 1}, []),
            ([1, "a", None], []),
        ],
    )
    def test_sets_at_any_depth_and_under_any_name(self, loaded: Any, paths: list[str]) -> None:
        assert list(sets_in(loaded)) == paths

    @pytest.mark.parametrize(
        ("key", "paths"),
        [
            ("model", ["model.state_dict"]),
            ("model.state_dict", ["model.state_dict"]),
            ("models", ["models.0", "models.1"]),
            ("models.1", ["models.1"]),
            ("conv", ["model.state_dict.conv", "models.0.conv", "models.1.conv"]),
            ("models.0.conv", ["models.0.conv"]),
            ("none", []),
        ],
    )
    def test_a_key_is_a_path_or_a_prefix_of_names(self, key: str, paths: list[str]) -> None:
        loaded = {"model": {"state_dict": network()}, "models": [network(), network()]}
        assert list(sets_in(loaded, key)) == paths

    def test_a_file_of_very_many_containers_is_bounded(self) -> None:
        nested: Any = network()
        for _ in range(100):
            nested = [nested, nested]  # 2**100 paths lead to the network
        assert sets_in(nested) == {}
        assert len(sets_in([network()] * 10_000)) == MAX_SETS


class TestTheUsualOne:
    @pytest.mark.parametrize(
        ("names", "wanted"),
        [
            (["any"], "any"),
            (["params", "params_ema"], "params_ema"),
            (["gen", "gen_test"], "gen_test"),
            (["model", "dis"], "model"),
            (["net_g", "net_g_ema"], "net_g_ema"),
            (["ema.state_dict", "state_dict"], "ema.state_dict"),
            (["G", "params-ema"], "params-ema"),
            (["model", "model_averaged"], "model_averaged"),
            (["a.state_dict", "b.state_dict"], None),
            (["G_ema", "D_ema", "G"], None),
            (["G", "D"], None),
            (["cinema", "b"], None),
            ([], None),
        ],
    )
    def test_by_the_names(self, names: list[str], wanted: str | None) -> None:
        assert usual({name: network() for name in names}) == wanted

    def test_its_arrays(self) -> None:
        assert state_of({"step": 3, "params": network(1)})["conv.bias"].tolist() == [1, 1]
        assert state_of({"G": network(1), "D": {}}, "G")["conv.bias"].tolist() == [1, 1]
        assert state_of({"models": [network(), network(1)]}, "models.1")["conv.bias"].tolist() == [1, 1]

    def test_the_others_are_kept_beside_it(self) -> None:
        found = state_dict_of({"params": network(), "params_ema": network(1)}, source="x.pth")
        assert (found.key, [*found.others], found.source) == ("params_ema", ["params"], "x.pth")

    def test_of_several_the_error_lists_keys(self) -> None:
        with pytest.raises(InteropError, match=r"'nets\.0', 'nets\.1'; state one of these as the key") as caught:
            state_of({"nets": [network(), network()]})
        assert caught.value.decided_by == "key"
        one = network()
        with pytest.raises(InteropError, match="'G', 'D'; state one of these as the key"):
            state_of({"G": one, "D": one})

    @pytest.mark.parametrize(
        ("loaded", "key", "reason"),
        [
            ({"G": network()}, "x", "no state dict named 'x'; the file contains 'G'; state one of these as the key"),
            (network(), "x", r"no state dict named 'x', and no array's name begins with 'x\.'"),
            ([1], None, "contains a list"),
            ({}, None, "contains nothing"),
            ({"net": Placeholder("torch.nn.Conv2d", made=True)}, None, r"contains 'net' \(a torch\.nn\.Conv2d\)"),
        ],
    )
    def test_a_file_without_it(self, loaded: Any, key: str | None, reason: str) -> None:
        with pytest.raises(InteropError, match=reason):
            state_of(loaded, key)


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            *(
                "a.weight",
                "module.a.weight",
                "_orig_mod.a.weight",
                "module.module.a.weight",
                "_orig_mod.module.a.weight",
            ),
            *("module._orig_mod.a.weight", "module._orig_mod.module._orig_mod.a.weight", "a._orig_mod.weight"),
            *("_fsdp_wrapped_module.a._checkpoint_wrapped_module.weight",),
        ],
    )
    def test_wrappers_are_left_out_in_any_order_and_number(self, name: str) -> None:
        assert unwrapped(name) == "a.weight"

    @pytest.mark.parametrize("name", ["module", "a.module.weight", "modules.weight", "my_orig_mod.weight"])
    def test_other_names_stay(self, name: str) -> None:
        assert unwrapped(name) == name

    def test_counters_are_left_out(self) -> None:
        counters = {
            "n_averaged": np.array(3),
            "module.updates": np.array(2, "i4"),
            "norm.num_batches_tracked": np.array(1),
        }
        kept = cleaned({"module.a.weight": np.zeros(1), "scale": np.array(0.5), "version": 2, **counters})
        assert list(kept) == ["a.weight", "scale", "norm.num_batches_tracked"]

    @pytest.mark.parametrize(
        ("state", "reason"),
        [
            ({"args": Placeholder("argparse.Namespace", True)}, "args: a argparse.Namespace among the weights"),
            ({"a.w": np.zeros(1), "module.a.w": np.ones(1)}, "two of its arrays have the same name"),
            ({"a.w": np.zeros((0, 3))}, "a.w: empty array"),
            ({"a" * 201: np.zeros(1)}, "a name of 201 characters"),
        ],
    )
    def test_what_no_network_has_is_refused(self, state: dict[str, Any], reason: str) -> None:
        with pytest.raises(InteropError, match=reason):
            cleaned({"first.weight": np.zeros(1), **state})

    @pytest.mark.parametrize(
        ("names", "prefixes"),
        [
            (["a.weight", "b.weight"], ["a", "b"]),
            (["net.a.weight", "net.b.weight"], ["net", "net.a", "net.b"]),
            (["x.net.a.weight", "x.net.b.weight"], ["x", "x.net", "x.net.a", "x.net.b"]),
            (["weight"], []),
            ([], []),
        ],
    )
    def test_prefixes_that_may_be_networks(self, names: list[str], prefixes: list[str]) -> None:
        assert list(prefixes_in(dict.fromkeys(names, np.zeros(1)))) == prefixes


class TestPickledNetworks:
    """A network that was pickled whole is read as its state dict, and said to be one."""

    def test_it_is_told(self) -> None:
        [told] = state_dict_of({"net": PickledNetwork("archs.Net", network())}).assumptions
        assert told.text.startswith("the file contains a whole network, archs.Net, not its weights alone; ")
        assert state_dict_of(network()).assumptions == ()

    def test_a_network_inside_it_is_still_part_of_one(self) -> None:
        inside = with_prefix(PickledNetwork("archs.Net", network()), "conv")
        assert isinstance(inside, PickledNetwork)
        assert [*inside] == ["weight", "bias"]
