"""Which engine runs a model: a rule over facts, which is resolved while planning and never measured.

Without a stated engine, the first row that applies decides. An engine must be installed, open the model in one of its
forms, see the device, and compute there in the precision; ``tensorflow`` computes in any. Rows marked * are written
from the documentation of the libraries and were not run.

| device | model | engine |
|---|---|---|
| auto, gpu | bundle, SavedModel | tensorflow, if it sees an NVIDIA GPU |
| auto, gpu | ONNX form or file | * onnxruntime with CUDA |
| auto, gpu | ONNX form or file | * onnxruntime with DirectML |
| gpu | ONNX form or file | * onnxruntime with CoreML |
| gpu | ONNX form or file | * openvino on an Intel GPU |
| auto, cpu | file of other software | onnxruntime, which has all operators of ONNX, then openvino |
| auto, cpu | ONNX form or file | openvino, then onnxruntime for a file |
| auto, cpu | bundle, SavedModel | tensorflow |

On a CPU with 2 cores and AMX, OpenVINO takes 0.75 of TensorFlow's time for ``sr-compact-x2`` at 512x512, and about the
same for CycleGAN's ResNet-9; in bfloat16 0.3 or less of TensorFlow's float32. It is asked for bfloat16 only where AMX
or AVX512-BF16 make it native; elsewhere a lower precision is left to TensorFlow. Integrated GPUs, which Intel's and
Apple's mostly are, are used only on request.

The precision "fast" takes the engine that float32 would take, and the fastest format that its device computes natively:
bfloat16 on CPUs, float16 on GPUs, otherwise float32. Whether it is used is then measured, see ``inference.fast``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from img2imgkit.config import suggestion
from img2imgkit.engine import Engine, EngineDevice, Precision
from img2imgkit.errors import ConfigError, Problem
from img2imgkit.inference.engines import devices

AUTO = "auto"
ON_GPU = ("tensorflow", "onnxruntime", "openvino")
ON_CPU = ("openvino", "tensorflow", "onnxruntime")
ON_CPU_FOREIGN = ("onnxruntime", "openvino")
FAST: Final = "fast"
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "float16")
FASTEST: Mapping[str, Precision] = {"cpu": "bfloat16", "gpu": "float16"}
ONLY_ON_REQUEST = "CoreML"  # the beginning of the names of GPUs that "auto" passes over, as it does all of openvino's


@dataclass(frozen=True)
class EngineFacts:
    """What is known of an engine; see ``Engine``. ``devices`` is called only where the rule depends on it."""

    form: str
    version: str | None
    devices: Callable[[], Sequence[EngineDevice]]
    any_precision: bool = False


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model.

    Attributes:
        forms: the forms in which it is at hand, see ``Engine.form``
        only: the one engine that can open it; "": any engine for its forms
        foreign: whether other software wrote it
        own_precision: whether it computes in the precision of its file
    """

    forms: frozenset[str]
    only: str = ""
    foreign: bool = False
    own_precision: bool = False


@dataclass(frozen=True)
class Wanted:
    """What a user asks for: an engine's name or "auto", a device, a precision."""

    engine: str = AUTO
    device: str = "auto"
    precision: Precision | Literal["fast"] = "float32"


@dataclass(frozen=True)
class Selected:
    """What a run uses. It is part of the recipe of its outputs: each engine rounds in its own way."""

    name: str
    version: str
    device: Literal["cpu", "gpu"]
    precision: Precision

    def record(self) -> dict[str, str]:
        """As JSON data."""
        return asdict(self)


def facts_of(engines: Mapping[str, type[Engine]]) -> dict[str, EngineFacts]:
    """The facts about installed engines."""
    made = {name: engine() for name, engine in engines.items()}
    return {
        name: EngineFacts(each.form, each.version(), each.devices, each.any_precision) for name, each in made.items()
    }


def _facts(engine: Engine) -> EngineFacts:
    return EngineFacts(engine.form, engine.version(), engine.devices, engine.any_precision)


def resolved(
    wanted: Wanted, model: ModelFacts, engines: Mapping[str, EngineFacts], kept: Mapping[str, Any] | None = None
) -> Selected:
    """The engine of earlier outputs if there are any and nothing else is asked for, otherwise as ``select`` says.

    Args:
        kept: ``Selected.record`` of the outputs that exist; its ``FAST`` states that the precision was chosen by "fast"

    Raises:
        ConfigError: the engine of the earlier outputs is missing, or none can run the model.
    """
    if wanted.engine != AUTO or not _is_record(kept) or kept is None:
        return select(wanted, model, engines)
    allowed = PRECISIONS if wanted.precision == FAST and FAST in kept else (wanted.precision,)
    precision = next((each for each in allowed if each == kept["precision"]), None)
    if precision is None or precision == FAST:
        return select(wanted, model, engines)
    if devices.parsed(wanted.device)[0] not in (AUTO, kept["device"]):
        return select(wanted, model, engines)
    name, version = kept["name"], kept["version"]
    facts = engines.get(name)
    why = f"the engine {name!r} is not installed"
    if facts is not None and facts.version is not None:
        why = why_not(name, kept["device"], replace(wanted, precision=precision), model, facts)
        if not why and facts.version != version:
            why = f"{facts.version} is installed"
    if not why:
        return Selected(name, version, kept["device"], precision)
    others = f"'engine: {name}'" if facts is not None and facts.version is not None else "another engine"
    raise _wrong(
        f"the outputs that exist were made with {name} {version}, but {why}: install {name} {version}, state {others} "
        "to make all outputs anew, or choose another output folder"
    )


def select(wanted: Wanted, model: ModelFacts, engines: Mapping[str, EngineFacts]) -> Selected:
    """Choose an engine by the table above.

    Raises:
        ConfigError: there is no engine of that name, or none can run the model on this device in this precision.
    """
    if wanted.precision == FAST:
        return _fastest(wanted, model, engines)
    if wanted.engine != AUTO and wanted.engine not in engines:
        known = ", ".join(sorted(engines))
        raise _wrong(f"no engine {wanted.engine!r}{suggestion(wanted.engine, engines)}; installed: {known}")
    reasons: dict[str, str] = {}
    for name, kind in _candidates(wanted, model):
        if name not in engines:
            continue
        why = why_not(name, kind, wanted, model, engines[name])
        if not why:
            return Selected(name, engines[name].version or "", kind, wanted.precision)
        reasons[name] = why
    if wanted.engine != AUTO:
        raise _wrong(f"engine {wanted.engine!r}: {reasons[wanted.engine]}")
    told = "; ".join(f"{name}: {why}" for name, why in reasons.items())
    raise ConfigError(
        f"device {wanted.device!r}, precision {wanted.precision!r}: no engine can run this model ({told})"
    )


def _fastest(wanted: Wanted, model: ModelFacts, engines: Mapping[str, EngineFacts]) -> Selected:
    exact = select(replace(wanted, precision="float32"), model, engines)
    if model.own_precision:
        return exact
    there = devices.chosen(wanted.device, exact.device, engines[exact.name].devices())
    candidate = FASTEST[exact.device]
    native = bool(there) and all(candidate in each.precisions for each in there)
    return replace(exact, precision=candidate) if native else exact


def why_not(name: str, kind: str, wanted: Wanted, model: ModelFacts, engine: EngineFacts) -> str:
    """Why an engine cannot run a model on a kind of device; "" if it can."""
    if engine.version is None:
        return "not installed"
    if model.only not in ("", name):
        return f"this model can be opened by {model.only} only"
    if engine.form not in model.forms:
        return "the model has no ONNX form" if engine.form == "onnx" else "it runs bundles, and this is an ONNX file"
    sure = kind == "cpu" and name in ON_CPU and (wanted.precision == "float32" or engine.any_precision)
    if sure and devices.parsed(wanted.device)[1] in (None, (0,)):
        return ""  # a CPU is always there: the library need not be imported to ask
    try:
        there = engine.devices()
    except Exception as error:  # a damaged installation can raise anything
        return f"it cannot be imported: {type(error).__name__}: {error}"
    return _why_no_device(kind, wanted, engine, there)


def _why_no_device(kind: str, wanted: Wanted, engine: EngineFacts, there: Sequence[EngineDevice]) -> str:
    allowed = [each for each in there if wanted.device != AUTO or not _is_passed_over(each)]
    found = devices.chosen(wanted.device, kind, allowed)
    if not found:
        present = sum(each.kind == kind for each in there)
        return f"sees {present} {kind.upper()} device(s) here; 'cpu' always works"
    if engine.any_precision or all(wanted.precision in each.precisions for each in found):
        return ""
    return f"{found[0].description or found[0].name} does not compute in {wanted.precision} natively"


def _candidates(wanted: Wanted, model: ModelFacts) -> list[tuple[str, Literal["cpu", "gpu"]]]:
    kind = devices.parsed(wanted.device)[0]
    on_cpu = ON_CPU_FOREIGN if model.foreign else ON_CPU
    gpu, cpu = ([wanted.engine] if wanted.engine != AUTO else names for names in (ON_GPU, on_cpu))
    found: list[tuple[str, Literal["cpu", "gpu"]]] = []
    if kind != "cpu":
        found += [(name, "gpu") for name in gpu if kind == "gpu" or name != "openvino"]
    if kind != "gpu":
        found += [(name, "cpu") for name in cpu]
    return found


def _is_passed_over(device: EngineDevice) -> bool:
    return device.kind == "gpu" and device.name.startswith(ONLY_ON_REQUEST)


def _is_record(kept: Mapping[str, Any] | None) -> bool:
    """Whether it is a record of this form: a ledger may have been edited."""
    return (
        isinstance(kept, Mapping)
        and all(isinstance(kept.get(name), str) for name in ("name", "version", "device", "precision"))
        and kept["device"] in ("cpu", "gpu")
    )


def _wrong(message: str) -> ConfigError:
    return ConfigError(Problem(message, "engine"))
