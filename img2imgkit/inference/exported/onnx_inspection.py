"""Third-party ONNX files: propose a description by looking at the graph and by running it on small pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from img2imgkit.bundle import EXPORTED_KEY
from img2imgkit.config import parse_yaml, validate
from img2imgkit.errors import BundleError, ConfigError
from img2imgkit.formats import onnx_reader
from img2imgkit.inference.engines.interface import Interface
from img2imgkit.inference.exported.describe import Describe
from img2imgkit.inference.exported.onnx_description import described
from img2imgkit.inference.exported.onnx_ports import is_picture, layout_of, shown
from img2imgkit.inference.exported.onnx_sizes import TrialRuns
from img2imgkit.inference.exported.onnx_trials import Bare, likeness, minimum_of, radius_of, range_of

Source = Literal["graph", "run", "stated", "guess", "unknown"]
ALIKE, CLEARLY = 0.1, 0.5
"""A range is recognised if the output differs from the enlarged input by less than the first, and by less than the
second of what any other range gives."""

ENDS = {"Sigmoid": "unit", "HardSigmoid": "unit", "Tanh": "signed"}
_AFTER = frozenset({"Identity", "Cast", "Transpose", "Squeeze", "Unsqueeze", "Reshape", "Resize", "Slice"})
_SLACK = 1e-3  # of a range
_FAR = 4.0  # beyond what comes out in [0, 1] or [-1, 1]


@dataclass(frozen=True)
class Finding:
    """An option of the description, as far as it is known.

    Attributes:
        value: None if unknown
        source: how it is known: the graph states it, a run shows it, the user has stated it; or it is a guess
        reason: why, for users
    """

    option: str
    value: Any
    source: Source
    reason: str


@dataclass(frozen=True)
class Inspection:
    """What is known of a third-party ONNX file.

    Attributes:
        ports: its inputs and outputs, in words
        problem: why it does not run as proposed; "" if it does
    """

    path: Path
    ports: tuple[str, ...]
    findings: tuple[Finding, ...]
    problem: str = ""

    @property
    def proposal(self) -> dict[str, Any]:
        """The options of ``Describe`` with a value."""
        return {each.option: each.value for each in self.findings if each.value is not None}


def inspect_onnx(path: Path, stated: Mapping[str, Any] | None = None) -> Inspection:
    """Propose a description.

    Args:
        stated: options of ``Describe`` that are known already

    Raises:
        BundleError: the file is refused, or not an ONNX file.
        ConfigError: img2imgkit exported it, so that it describes itself, or what is stated is invalid.
    """
    model = onnx_reader.read_graph(path)
    if EXPORTED_KEY in onnx_reader.metadata_of(model):
        raise ConfigError(f"{path.name} was exported by img2imgkit and describes itself: it needs no description")
    look = _Look(path, model, dict(stated or {}))
    look.ports()
    problem = look.run()
    return Inspection(path, tuple(_port_lines(model)), tuple(look.findings), problem)


@dataclass
class _Look:
    path: Path
    model: Any
    stated: dict[str, Any]
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.describe()
        self.findings += [Finding(name, value, "stated", "as stated") for name, value in self.stated.items()]

    def found(self, option: str, value: Any, source: Source, reason: str) -> None:
        """Keep a finding, unless the option is stated."""
        if option not in self.stated:
            self.findings.append(Finding(option, value, source, reason))

    def describe(self) -> Describe:
        """The description as far as it is known."""
        known = {each.option: each.value for each in self.findings if each.value is not None}
        return validate(Describe, parse_yaml("", self.path.name), data={**known, **self.stated})

    def ports(self) -> None:
        """The picture, other inputs, the output, and the order of axes, where the graph leaves them open."""
        inputs = {value.name: value for value in onnx_reader.inputs_of(self.model)}
        picture = self._picture(inputs)
        others = [value for name, value in inputs.items() if name != picture and name not in self._constants]
        if others:
            guesses = {value.name: _guess(value) for value in others} | self._constants
            self.found("constants", guesses, "guess", "no file states the values of other inputs: state yours")
        outputs = [value.name for value in self.model.graph.output]
        if len(outputs) > 1:
            self.found("output", outputs[0], "guess", f"the first of {', '.join(outputs)}")
        shape = onnx_reader.shape_of(inputs[picture]) if picture in inputs else None
        if shape is not None and len(shape) > 2 and layout_of(shape) is None and len(shape) <= 4:
            layout = "nchw" if len(shape) == 4 else "chw"
            self.found("layout", layout, "guess", f"{shown(shape)} does not tell; PyTorch's order is the usual one")

    @property
    def _constants(self) -> dict[str, Any]:
        return dict(self.stated.get("constants", {}))

    def _picture(self, inputs: Mapping[str, Any]) -> str:
        """The name of the picture's input."""
        if "input" in self.stated:
            return str(self.stated["input"])
        able = [value for name, value in inputs.items() if is_picture(value) and name not in self._constants]
        ranks = [len(onnx_reader.shape_of(value) or ()) for value in able]
        first = [value.name for value, rank in zip(able, ranks, strict=True) if rank == max(ranks)]
        if len(first) > 1:
            self.found("input", first[0], "guess", f"the first of {', '.join(first)}")
        return str(first[0]) if first else ""

    def run(self) -> str:
        """What the graph and runs tell; why there are none, or ""."""
        try:
            interface, taken = described(self.path, self.model, self.describe())
        except (ConfigError, BundleError) as error:
            return str(error)
        self._read_from(interface, taken)
        runs = TrialRuns(self.path)
        try:
            bare = Bare(runs, interface)
            self._ranges(bare)
            if interface.fit is None:
                self._reaches(bare)
            return bare.failure()
        finally:
            runs.close()

    def _read_from(self, interface: Interface, taken: Mapping[str, Any]) -> None:
        how: Source = "run" if taken.get("measured") else "graph"
        self.found("scale", interface.geometry.scale, how, "by the sizes of outputs")
        if interface.margin:
            self.found("margin", interface.margin, how, "the output lacks as many pixels on each side")
        if interface.multiple > 1:
            self.found("multiple", interface.multiple, how, "other sizes fail, or change the scale")
        if "fit" in taken:
            reason = (
                f"{interface.fit.reads[0]}x{interface.fit.reads[1]}, and one channel comes out" if interface.fit else ""
            )
            self.found("fit", "resize", "guess", f"the only size is {reason}: a mask or a map of the whole picture")
        if "layout" in taken and interface.layout not in ("nchw", "nhwc"):
            self.found("layout", interface.layout, "graph", "the input has fewer axes than 4")
        why = {"y": "one channel; 'grey' processes each channel by itself"}
        usual = why.get(
            interface.channels, "no file tells red from blue: 'bgr' is usual for models from OpenCV's world"
        )
        self.found("channels", interface.channels, "guess", usual)

    def _ranges(self, bare: Bare) -> None:
        """The range of what goes in and comes out."""
        interface = bare.whole
        if interface.dtype == "uint8":
            self.found("values", "levels", "graph", "uint8")
            return
        by_range = likeness(bare)
        best, *rest = sorted(by_range, key=lambda each: by_range[each]) or ["unit"]
        low, high = range_of(bare)
        closest = max(by_range.get(best, 1.0), _SLACK)
        if closest < ALIKE and all(closest < CLEARLY * by_range[each] for each in rest):
            self.found("values", best, "run", "with it alone the output resembles the input")
        else:
            self.found("values", *self._usual_range(interface, high))
            self.found("mean", None, "unknown", "state 'mean' and 'std' if the model's documentation does")
        self._output_range(interface, low, high)

    def _usual_range(self, interface: Interface, high: float) -> tuple[str, Source, str]:
        """A guess at the range of what goes in, by that of what comes out, and why."""
        if interface.geometry.written > 1 and high > _FAR:
            return "levels", "guess", "what comes out seems to be levels; no file states it, so look at a result"
        if interface.geometry.written > 1 and _last_operator(self.model, interface.output) == "Tanh":
            return "signed", "guess", "usual for networks that end in Tanh; no file states it, so look at a result"
        return "unit", "guess", "the usual range; no file states it, so look at a result"

    def _output_range(self, interface: Interface, low: float, high: float) -> None:
        end = _last_operator(self.model, interface.output)
        said = f"a test picture gave {low:.3g} to {high:.3g}"
        if end in ENDS:
            self.found("gives", ENDS[end], "graph", f"it ends in {end}")
        elif interface.geometry.written == 1 and interface.geometry.channels == 3 and not _in_unit(low, high):
            gives = "logits" if low < 0 < high else "stretched"
            self.found("gives", gives, "guess", f"{said}, which is beyond 0 to 1")
        else:
            self.found("gives", None, "unknown", f"as 'values'; {said}")

    def _reaches(self, bare: Bare) -> None:
        """The minimum and the receptive radius."""
        interface = bare.whole
        if interface.size is None:
            least = minimum_of(bare)
            if least is not None and least > interface.multiple:
                self.found("minimum", least, "run", "smaller pictures fail, or change the scale")
        radius = radius_of(bare)
        if radius is None and interface.size is not None:
            self.found("fit", "resize", "guess", "a changed pixel reached the border of the only size: it sees a whole")
        elif radius is None:
            self.found("radius", None, "unknown", "a changed pixel reached the border of every test picture")
        else:
            self.found("radius", radius, "run", "the farthest that a changed pixel was seen to reach")


def _guess(value: Any) -> Any:
    return 1 if onnx_reader.dtype_of(value).startswith(("int", "uint", "bool")) else 0.5


def _in_unit(low: float, high: float) -> bool:
    return low >= -_SLACK and high <= 1 + _SLACK


def _last_operator(model: Any, name: str) -> str:
    """The operator that computes an output, looking through those that only move values."""
    makers = {output: node for node in model.graph.node for output in node.output}
    node = makers.get(name)
    while node is not None and node.op_type in _AFTER and node.input:
        node = makers.get(node.input[0])
    return str(node.op_type) if node is not None else ""


def _port_lines(model: Any) -> Iterator[str]:
    for kind, values in (("input", onnx_reader.inputs_of(model)), ("output", model.graph.output)):
        for value in values:
            dtype = onnx_reader.dtype_of(value) or "unknown type"
            yield f"{kind} {value.name}: {dtype} {shown(onnx_reader.shape_of(value))}"
