"""Every engine that can run a model here is measured, and what cannot run it says why; most engines are made up."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from img2imgkit.benchmark import Contender, Extents, contenders, engines, measure
from img2imgkit.benchmark.turns import Timing
from img2imgkit.engine import Engine, EngineDevice
from img2imgkit.errors import ConfigError
from img2imgkit.inference.engines.selection import ModelFacts

BOTH, PLAIN = frozenset({"networks", "onnx"}), frozenset({"networks"})


def engine(name, form="onnx", precisions=("float32",), gpu=None, installed=True, imports=True):
    """An engine of that name, as the catalog has it."""

    class Made(Engine):
        distribution: ClassVar[str] = name

        def version(self):
            return "1.0" if installed else None

        def devices(self):
            if not imports:
                raise ImportError("a library is damaged")
            found = [EngineDevice("cpu", 0, "CPU", precisions)]
            return found + ([EngineDevice("gpu", 0, "GPU", gpu)] if gpu else [])

        def open(self, model, device, precision="float32", batch=1):
            raise NotImplementedError

    Made.name, Made.form = name, form
    return Made


class Model:
    def __init__(self, forms=BOTH):
        self.facts = ModelFacts(forms)


def made(*classes):
    return {each.name: each for each in classes}


AMX = ("float32", "bfloat16", "int8")
MACHINE = made(
    engine("openvino", precisions=AMX), engine("tensorflow", "networks", AMX), engine("onnxruntime"), engine("other")
)


def told(found):
    return [(each.engine, each.device, each.precision) for each in found]


class TestContenders:
    def test_all_native_precisions_of_all_engines(self):
        found = contenders(Model(), MACHINE)
        assert told(found) == [
            ("openvino", "cpu", "float32"),
            ("openvino", "cpu", "bfloat16"),
            ("tensorflow", "cpu", "float32"),
            ("tensorflow", "cpu", "bfloat16"),
            ("onnxruntime", "cpu", "float32"),
            ("other", "cpu", "float32"),
        ]
        assert not [each for each in found if each.why_not]

    def test_what_auto_chooses_is_marked_for_each_precision(self):
        auto = [each for each in contenders(Model(), MACHINE) if each.auto]
        assert told(auto) == [("openvino", "cpu", "float32"), ("openvino", "cpu", "bfloat16")]
        auto = [each for each in contenders(Model(PLAIN), MACHINE) if each.auto]
        assert told(auto) == [("tensorflow", "cpu", "float32"), ("tensorflow", "cpu", "bfloat16")]

    def test_a_gpu_counts_with_its_own_precisions(self):
        found = contenders(Model(), made(engine("onnxruntime", gpu=("float32", "float16"))))
        assert told(found)[1:] == [("onnxruntime", "gpu", "float32"), ("onnxruntime", "gpu", "float16")]
        assert [each.auto for each in found] == [False, True, True]

    def test_an_engine_that_cannot_open_the_model_says_why_once(self):
        found = {each.engine: each for each in contenders(Model(PLAIN), MACHINE) if each.why_not}
        assert {*found} == {"openvino", "onnxruntime", "other"}
        assert found["openvino"].why_not == "the model has no ONNX form"

    def test_a_missing_and_a_damaged_engine_say_why(self):
        machine = made(engine("openvino", installed=False), engine("onnxruntime", imports=False))
        missing, damaged = contenders(Model(), machine)
        assert missing.why_not == "not installed"
        assert damaged.why_not == "it cannot be imported: ImportError: a library is damaged"

    def test_one_engine_and_one_precision(self):
        assert told(contenders(Model(), MACHINE, "openvino", "bfloat16")) == [("openvino", "cpu", "bfloat16")]
        (other,) = contenders(Model(), MACHINE, "onnxruntime", "bfloat16")
        assert other.why_not == "CPU does not compute in bfloat16 natively"

    def test_an_unknown_engine_is_an_error(self):
        text = r"no engine 'openvin'; did you mean 'openvino'.*; installed: onnxruntime,"
        with pytest.raises(ConfigError, match=text):
            contenders(Model(), MACHINE, "openvin")


ABLE, FAILING = Contender("one", "1", "cpu", "float32", auto=True), Contender("two", "1", "cpu", "float32")
UNABLE = Contender("three", "1", "cpu", "float32", why_not="not installed")


def stub(reference, base, contender, extents):
    if contender.engine == "two":
        raise ConfigError("cannot open it")
    return partial(time.sleep, 0.001)


class TestMeasure:
    def test_rates_follow_from_the_seconds_of_each_round(self, monkeypatch):
        def timed(sides, rounds, extent):
            assert [side.args[2] for side in sides.values()] == [ABLE, FAILING]
            assert (rounds, extent.seconds) == (3, 2.0)
            first, second = sides
            return {first: Timing((0.5, 0.25, 0.2), 7 << 20), second: Timing((), 5, "it fell over")}

        monkeypatch.setattr(engines, "timed", timed)
        able, unable, failing = measure("m", Path(), [ABLE, UNABLE, FAILING], Extents(1000, 500, 3, 2.0))
        assert able.rounds == (2.0, 4.0, 5.0)
        assert (able.pictures, able.megapixels, able.peak_bytes, able.problem) == (4.0, 2.0, 7 << 20, "")
        assert (unable.rounds, unable.problem) == ((), "not installed")
        assert (failing.rounds, failing.problem) == ((), "it fell over")

    @pytest.mark.slow
    def test_processes_measure_what_is_opened_in_them(self, monkeypatch):
        monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where the processes find `stub`
        able, failing = measure("m", Path(), [ABLE, FAILING], Extents(10, 10, 2, 0.01), stub)
        assert len(able.rounds) == 2
        assert 0 < able.pictures < 1000
        assert able.peak_bytes > 1 << 20
        assert failing.problem.endswith("ConfigError: cannot open it")


def test_nothing_that_can_run_is_no_process(monkeypatch):
    assert measure("m", Path(), [UNABLE], Extents())[0].problem == "not installed"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sr-compact-x2", "stargan-typefaces"])
def test_a_shipped_bundle_is_translated_also_with_conditions(name):
    call = engines.translating(name, Path(), Contender("tensorflow", "", "cpu", "float32"), Extents(24, 16))
    scale = 2 if name == "sr-compact-x2" else 1
    assert call().picture.color.shape[:2] == (16 * scale, 24 * scale)
    assert np.ptp(call().picture.color) > 0
