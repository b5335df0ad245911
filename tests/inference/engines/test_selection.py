"""The rule that chooses an engine, with facts that are made up: no hardware, no library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from img2imgkit.engine import EngineDevice
from img2imgkit.errors import ConfigError
from img2imgkit.inference import BUILT_IN
from img2imgkit.inference.engines.selection import (
    FAST,
    EngineFacts,
    ModelFacts,
    Selected,
    Wanted,
    facts_of,
    resolved,
    select,
)

CPU = EngineDevice("cpu", 0, "CPU", ("float32",))
AMX = EngineDevice("cpu", 0, "CPU", ("float32", "bfloat16"))
PLAIN, BOTH = ModelFacts(frozenset({"networks"})), ModelFacts(frozenset({"networks", "onnx"}))
FILE, FOREIGN = ModelFacts(frozenset({"onnx"})), ModelFacts(frozenset({"onnx"}), foreign=True)
SAVED = ModelFacts(frozenset({"networks"}), only="tensorflow")


def gpu(name: str, number: int = 0) -> EngineDevice:
    return EngineDevice("gpu", number, name, ("float32", "float16"))


def facts(
    tensorflow: Sequence[EngineDevice] | None = (CPU,),
    onnxruntime: Sequence[EngineDevice] | None = (CPU,),
    openvino: Sequence[EngineDevice] | None = (CPU,),
    **others: EngineFacts,
) -> dict[str, EngineFacts]:
    """Facts of machines: the devices of each engine; None if it is not installed."""
    stated = {"tensorflow": tensorflow, "onnxruntime": onnxruntime, "openvino": openvino}
    made = {
        name: EngineFacts(
            "networks" if name == "tensorflow" else "onnx",
            None if there is None else "1.0",
            lambda there=there: there,  # type: ignore[misc]
            name == "tensorflow",
        )
        for name, there in stated.items()
    }
    return {**made, **others}


NVIDIA = facts((CPU, gpu("/device:GPU:0"), gpu("/device:GPU:1", 1)), (CPU, gpu("CUDAExecutionProvider:0")))
NVIDIA_WITHOUT_CUDNN = facts((CPU,), (CPU, gpu("CUDAExecutionProvider:0")))
DIRECTML = facts((CPU,), (CPU, gpu("DmlExecutionProvider:0")))
APPLE = facts((CPU,), (CPU, gpu("CoreMLExecutionProvider:0")))
INTEL = facts((CPU,), (CPU,), (CPU, gpu("GPU.0")))
WITHOUT_OPENVINO = facts(openvino=None)
NATIVE_BF16 = facts((AMX,), (CPU,), (AMX,))


@pytest.mark.parametrize(
    ("machine", "model", "device", "expected"),
    [
        (facts(), PLAIN, "auto", "tensorflow cpu"),
        (facts(), PLAIN, "cpu", "tensorflow cpu"),
        (facts(), BOTH, "auto", "openvino cpu"),
        (facts(), BOTH, "cpu:0", "openvino cpu"),
        (facts(), FILE, "auto", "openvino cpu"),
        (facts(), FOREIGN, "auto", "onnxruntime cpu"),
        (facts(), SAVED, "auto", "tensorflow cpu"),
        (WITHOUT_OPENVINO, BOTH, "auto", "tensorflow cpu"),
        (WITHOUT_OPENVINO, FILE, "auto", "onnxruntime cpu"),
        (NVIDIA, BOTH, "auto", "tensorflow gpu"),
        (NVIDIA, BOTH, "gpu:1", "tensorflow gpu"),
        (NVIDIA, SAVED, "auto", "tensorflow gpu"),
        (NVIDIA, FILE, "auto", "onnxruntime gpu"),
        (NVIDIA, BOTH, "cpu", "openvino cpu"),
        (NVIDIA_WITHOUT_CUDNN, BOTH, "auto", "onnxruntime gpu"),
        (NVIDIA_WITHOUT_CUDNN, PLAIN, "auto", "tensorflow cpu"),
        (DIRECTML, BOTH, "auto", "onnxruntime gpu"),
        (DIRECTML, FOREIGN, "gpu", "onnxruntime gpu"),
        (APPLE, BOTH, "auto", "openvino cpu"),
        (APPLE, BOTH, "gpu", "onnxruntime gpu"),
        (INTEL, BOTH, "auto", "openvino cpu"),
        (INTEL, BOTH, "gpu", "openvino gpu"),
    ],
)
def test_the_table(machine: Any, model: ModelFacts, device: str, expected: str) -> None:
    found = select(Wanted(device=device), model, machine)
    assert f"{found.name} {found.device}" == expected
    assert (found.version, found.precision) == ("1.0", "float32")


@pytest.mark.parametrize(
    ("machine", "precision", "expected"),
    [
        (NATIVE_BF16, "bfloat16", "openvino"),
        (NATIVE_BF16, "float16", "tensorflow"),
        (facts(), "bfloat16", "tensorflow"),
        (WITHOUT_OPENVINO, "bfloat16", "tensorflow"),
    ],
)
def test_a_lower_precision_goes_to_who_has_it_natively_or_to_tensorflow(
    machine: Any, precision: Any, expected: str
) -> None:
    found = select(Wanted(precision=precision), BOTH, machine)
    assert (found.name, found.precision) == (expected, precision)


@pytest.mark.parametrize(
    ("wanted", "model", "machine", "said"),
    [
        (Wanted("openvion"), BOTH, facts(), "no engine 'openvion'; did you mean 'openvino'.*tensorflow"),
        (Wanted("openvino"), PLAIN, facts(), "engine 'openvino': the model has no ONNX form"),
        (Wanted("openvino"), BOTH, WITHOUT_OPENVINO, "engine 'openvino': not installed"),
        (Wanted("openvino"), SAVED, facts(), "opened by tensorflow only"),
        (Wanted("tensorflow"), FILE, facts(), "it runs bundles, and this is an ONNX file"),
        (Wanted("openvino", precision="bfloat16"), BOTH, facts(), "CPU does not compute in bfloat16 natively"),
        (Wanted("onnxruntime", "gpu"), BOTH, facts(), "sees 0 GPU.*'cpu' always works"),
        (Wanted(device="gpu"), BOTH, facts(), r"device 'gpu', .*tensorflow: sees 0 GPU.*openvino: sees 0 GPU"),
        (Wanted(device="gpu:0,3"), BOTH, NVIDIA, "sees 2 GPU"),
        (Wanted(device="cpu:1"), BOTH, facts(), "sees 1 CPU"),
        (Wanted(device="tpu"), BOTH, facts(), "expected auto, cpu, gpu"),
        (Wanted(precision="float16"), FILE, facts(), "openvino: CPU does not compute in float16"),
    ],
)
def test_what_cannot_run_is_refused_with_the_reason(wanted: Wanted, model: ModelFacts, machine: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        select(wanted, model, machine)


def test_a_stated_engine_is_used_where_the_rule_would_choose_another() -> None:
    assert select(Wanted("onnxruntime"), BOTH, facts()).name == "onnxruntime"
    assert select(Wanted("tensorflow"), BOTH, facts()).name == "tensorflow"
    mine = EngineFacts("onnx", "3", lambda: [CPU])
    assert select(Wanted(), BOTH, facts(mine=mine)).name == "openvino"
    assert select(Wanted("mine"), BOTH, facts(mine=mine)) == Selected("mine", "3", "cpu", "float32")


def test_a_library_that_cannot_be_imported_is_a_reason() -> None:
    def broken() -> Any:
        raise OSError("libcuda.so: no such file")

    machine = facts(mine=EngineFacts("onnx", "3", broken))
    with pytest.raises(ConfigError, match=r"engine 'mine': it cannot be imported: OSError: libcuda\.so"):
        select(Wanted("mine"), BOTH, machine)


def test_no_library_is_imported_for_a_cpu() -> None:
    def never() -> Any:
        raise AssertionError("asked for its devices")

    machine = {name: EngineFacts(each.form, "1", never) for name, each in facts().items()}
    assert select(Wanted(device="cpu"), BOTH, machine).name == "openvino"


KEPT = {"name": "tensorflow", "version": "1.0", "device": "cpu", "precision": "float32"}


def test_earlier_outputs_decide_where_the_user_leaves_it_open() -> None:
    assert resolved(Wanted(), BOTH, facts()).name == "openvino"
    assert resolved(Wanted(), BOTH, facts(), KEPT) == Selected("tensorflow", "1.0", "cpu", "float32")
    assert resolved(Wanted(), BOTH, NVIDIA, KEPT).device == "cpu"
    assert Selected(**resolved(Wanted(), BOTH, facts(), KEPT).record()) == resolved(Wanted(), BOTH, facts(), KEPT)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted("openvino"), "openvino cpu"),
        (Wanted("tensorflow"), "tensorflow gpu"),
        (Wanted(device="gpu"), "tensorflow gpu"),
        (Wanted(precision="float16"), "tensorflow gpu"),
    ],
)
def test_what_is_stated_makes_outputs_anew_as_any_other_option(wanted: Wanted, expected: str) -> None:
    found = resolved(wanted, BOTH, NVIDIA, KEPT)
    assert f"{found.name} {found.device}" == expected


@pytest.mark.parametrize(
    ("kept", "machine", "said"),
    [
        (
            {"version": "0.9"},
            facts(),
            "with tensorflow 0.9, but 1.0 is installed: install tensorflow 0.9, .*'engine: ",
        ),
        ({"name": "openvino"}, WITHOUT_OPENVINO, "openvino 1.0, but .*not installed: install openvino 1.0, .*another"),
        ({"name": "nobodys"}, facts(), "'nobodys' is not installed"),
        ({"device": "gpu"}, facts(), "but sees 0 GPU"),
    ],
)
def test_a_missing_engine_of_earlier_outputs_is_refused_with_the_way_out(kept: Any, machine: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        resolved(Wanted(), BOTH, machine, {**KEPT, **kept})
    assert "choose another output folder" in str(raised.value)
    assert raised.value.problems[0].key == "engine"


def test_an_onnx_form_that_has_gone_is_a_missing_engine() -> None:
    with pytest.raises(ConfigError, match="but the model has no ONNX form"):
        resolved(Wanted(), PLAIN, facts(), {**KEPT, "name": "openvino"})


@pytest.mark.parametrize("kept", [{}, {"name": 1}, {**KEPT, "device": "tpu"}, {**KEPT, "version": None}, None])
def test_a_record_that_was_edited_is_none(kept: Any) -> None:
    assert resolved(Wanted(), BOTH, facts(), kept).name == "openvino"


def test_the_facts_of_the_built_in_engines() -> None:
    found = facts_of(BUILT_IN)
    assert {name: each.form for name, each in found.items()} == {
        "onnxruntime": "onnx",
        "openvino": "onnx",
        "tensorflow": "networks",
    }
    assert all(each.version for each in found.values())
    assert [name for name, each in found.items() if each.any_precision] == ["tensorflow"]


INTEGRATED = facts((AMX,), (CPU,), (AMX, gpu("GPU.0")))
FAST_NVIDIA = facts((AMX, gpu("/device:GPU:0")), (CPU,), (AMX,))
ONLY_SECOND = facts((CPU, EngineDevice("gpu", 0, "GPU:0"), gpu("GPU:1", 1)))


@pytest.mark.parametrize(
    ("machine", "device", "model", "expected"),
    [
        (NATIVE_BF16, "auto", BOTH, ("openvino", "cpu", "bfloat16")),
        (NATIVE_BF16, "auto", PLAIN, ("tensorflow", "cpu", "bfloat16")),
        (facts(), "auto", BOTH, ("openvino", "cpu", "float32")),
        (facts(), "auto", PLAIN, ("tensorflow", "cpu", "float32")),  # not bfloat16, although tensorflow can
        (FAST_NVIDIA, "auto", BOTH, ("tensorflow", "gpu", "float16")),
        (FAST_NVIDIA, "cpu", BOTH, ("openvino", "cpu", "bfloat16")),
        (INTEGRATED, "gpu", FILE, ("openvino", "gpu", "float16")),
        (ONLY_SECOND, "gpu", PLAIN, ("tensorflow", "gpu", "float32")),
        (ONLY_SECOND, "gpu:1", PLAIN, ("tensorflow", "gpu", "float16")),
        (NATIVE_BF16, "auto", replace(FILE, own_precision=True), ("openvino", "cpu", "float32")),
    ],
)
def test_fast_is_the_fastest_native_format_of_the_engine_for_float32(
    machine: dict[str, EngineFacts], device: str, model: ModelFacts, expected: tuple[str, str, str]
) -> None:
    made = select(Wanted(device=device, precision=FAST), model, machine)
    assert (made.name, made.device, made.precision) == expected


def kept_by(precision: str, **more: Any) -> dict[str, Any]:
    return {"name": "openvino", "version": "1.0", "device": "cpu", "precision": precision, **more}


@pytest.mark.parametrize(
    ("kept", "precision"),
    [
        (kept_by("float32", fast={}), "float32"),
        (kept_by("bfloat16", fast={}), "bfloat16"),
        (kept_by("float32"), "bfloat16"),  # float32 was asked for
        (kept_by("int4", fast={}), "bfloat16"),  # edited
        (kept_by("float32", fast={}, device="gpu"), "bfloat16"),
    ],
)
def test_fast_keeps_the_precision_that_fast_has_chosen(kept: dict[str, Any], precision: str) -> None:
    assert resolved(Wanted("auto", "cpu", FAST), BOTH, NATIVE_BF16, kept).precision == precision


def test_outputs_in_a_precision_that_is_not_native_here_are_refused() -> None:
    with pytest.raises(ConfigError, match="does not compute in bfloat16 natively"):
        resolved(Wanted("auto", "cpu", FAST), BOTH, facts(), kept_by("bfloat16", fast={}))
