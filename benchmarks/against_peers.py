"""Compare translation with what a user could take instead: PyTorch, ONNX Runtime, OpenVINO, ncnn.

    python benchmarks/against_peers.py [--rounds 9] [--python INTERPRETER] [--write FILE]

Each side is a process of its own that sleeps while another one works, and translates the same pixels. Ours is the
Translator, from 8-bit pixels to 8-bit pixels, and the bare session of its engine, from float32 to float32 as all
others.
PyTorch runs in channels-last order, eager and compiled; ONNX Runtime and OpenVINO open what ``img2img export`` writes;
ncnn runs what pnnx makes of PyTorch's network. Networks have random weights, so outputs are not compared. A ratio is
the median over the rounds of a side's time divided by the Translator's: above 1, the Translator is faster.

PyTorch, ncnn and pnnx are taken from the environment of ``--python``, which has the same version of Python, if this one
lacks them; what is in neither is left out, and named.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import report

from img2imgkit import backend, bundle
from img2imgkit.benchmark import Contender, Extents, contenders, turns
from img2imgkit.benchmark.engines import translating
from img2imgkit.catalog import Catalog
from img2imgkit.components import resolve
from img2imgkit.config import parse_yaml, validate
from img2imgkit.engine import Precision
from img2imgkit.exporting import ExportOptions, OnnxExporter, add_engine_form, export_bundle
from img2imgkit.images import to_unit
from img2imgkit.inference import ExportedModel, find_model
from img2imgkit.inference.engines.devices import cpu_threads, has_bfloat16

Make = Callable[[], turns.Call]
COLUMNS = ("model", "precision", "side", "ms", "from - to", "ratio", "MiB")
LIBRARIES = ("img2imgkit", "tensorflow", "keras", "openvino", "onnxruntime", "torch", "ncnn", "pnnx", "numpy")
BARE, TRANSLATOR = "engine, bare", "Translator"


@dataclass(frozen=True)
class Subject:
    """A network, and the side of its pictures in pixels.

    Attributes:
        sizes: the arguments of the network in PyTorch: scale, blocks, width
    """

    name: str
    side: int
    task: str
    options: str
    sizes: tuple[int, int, int]


def subjects(tiny: bool) -> tuple[Subject, ...]:
    """The networks, small ones for a test."""
    resnet, compact, dense = ((1, 4), (1, 4), (1, 4)) if tiny else ((9, 64), (5, 32), (23, 64))
    of_resnet = f"{{generator: {{kind: resnet, blocks: {resnet[0]}, width: {resnet[1]}}}}}"
    of_compact = f"{{scale: 2, generator: {{kind: residual, blocks: {compact[0]}, width: {compact[1]}}}}}"
    growing = f"blocks: {dense[0]}, width: {dense[1]}, growth: {dense[1] // 2}"
    of_rrdb = f"{{scale: 4, space: rgb, generator: {{kind: rrdb, {growing}}}}}"
    return (
        Subject("ResNet-9", 32 if tiny else 256, "cyclegan", of_resnet, (1, *resnet)),
        Subject("sr-compact-x2", 32 if tiny else 512, "super-resolution", of_compact, (2, *compact)),
        Subject("RRDBNet x4plus", 16 if tiny else 256, "super-resolution", of_rrdb, (4, *dense)),
    )


@dataclass(frozen=True)
class Written:
    """A subject as files: a bundle with its engine form, and the ONNX file of a plain export."""

    subject: Subject
    bundle: Path
    onnx: Path


def write(subject: Subject, folder: Path, catalog: Catalog) -> Written:
    """Write a bundle with random weights, and export it."""
    task_class = catalog.get("tasks", subject.task)
    task = task_class(resolve(validate(task_class.Options, parse_yaml(subject.options)), catalog))
    place = folder / subject.name.replace(" ", "-")
    bundle.save(place, task, task.build(), place.name, catalog)
    loaded = bundle.load(place, catalog)
    if problem := add_engine_form(loaded):
        raise click.ClickException(f"{subject.name}: {problem}")
    onnx = place.with_suffix(".onnx")
    export_bundle(loaded, OnnxExporter(), onnx, ExportOptions())
    return Written(subject, place, onnx)


def pixels(side: int) -> np.ndarray:
    """The picture that all sides translate, the same as ``translating``'s. Shapes: -> (1, side, side, 3), float32."""
    return to_unit(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))[None]


def bare(written: Written, contender: Contender) -> turns.Call:
    """The session of the engine that the Translator uses."""
    catalog, source = Catalog.installed(), pixels(written.subject.side)
    engine = catalog.engines[contender.engine]()
    about = bundle.describe(written.bundle)
    form = bundle.engine_form(written.bundle, about) if engine.form == "onnx" else None
    model = find_model(str(written.bundle), Path.cwd(), catalog).load(form)
    device = next(each for each in engine.devices() if each.kind == contender.device)
    if not isinstance(model, ExportedModel):
        return partial(engine.open(model, device, contender.precision), {"source": source})
    return partial(engine.open(model.path, device, contender.precision), {model.interface.image: source})


def in_onnx_runtime(written: Written) -> turns.Call:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(written.onnx), providers=["CPUExecutionProvider"])
    return partial(session.run, None, {session.get_inputs()[0].name: pixels(written.subject.side)})


def in_openvino(written: Written, hint: str) -> turns.Call:
    """With OpenVINO's own settings; "" leaves the precision to it, too."""
    import openvino

    stated = {"INFERENCE_PRECISION_HINT": hint} if hint else {}
    compiled, source = openvino.Core().compile_model(str(written.onnx), "CPU", stated), pixels(written.subject.side)
    return lambda: compiled(source)[0]


def _network(subject: Subject) -> Any:
    import in_pytorch

    in_pytorch.prepare(cpu_threads())
    scale, blocks, width = subject.sizes
    if scale == 1:
        return in_pytorch.resnet(blocks, width)
    return in_pytorch.Compact(scale, width, blocks) if scale == 2 else in_pytorch.Rrdb(blocks, width, width // 2)


def in_torch(written: Written, bfloat16: bool, compiled: bool) -> turns.Call:
    import in_pytorch

    return in_pytorch.translation(_network(written.subject), pixels(written.subject.side), bfloat16, compiled)


def converted(written: Written, bfloat16: bool) -> tuple[str, str]:
    """Convert PyTorch's network by pnnx, which prints a lot; returns the two files of ncnn."""
    import pnnx
    import torch

    folder = written.bundle / f"ncnn-{bfloat16}"
    folder.mkdir()
    names = {"ncnnparam": "n.param", "ncnnbin": "n.bin", "ncnnpy": "n.py", "pnnxparam": "p.param", "pnnxbin": "p.bin"}
    files = {name: str(folder / file) for name, file in {**names, "pnnxpy": "p.py", "pnnxonnx": "p.onnx"}.items()}
    source = torch.from_numpy(pixels(written.subject.side)).permute(0, 3, 1, 2).contiguous()
    shown, nothing = (os.dup(1), os.dup(2)), os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nothing, number)
    try:
        with suppress(SyntaxError):  # having written the files, it imports Python code that is not always valid
            pnnx.export(_network(written.subject), str(folder / "network.pt"), source, fp16=False, **files)
    finally:
        for number, own in enumerate(shown, 1):
            os.dup2(own, number)
    return files["ncnnparam"], files["ncnnbin"]


def in_ncnn(written: Written, bfloat16: bool) -> turns.Call:
    import ncnn

    param, weights = converted(written, bfloat16)
    network = ncnn.Net()
    network.opt.num_threads, network.opt.use_bf16_storage = cpu_threads(), bfloat16
    if network.load_param(param) or network.load_model(weights):
        raise RuntimeError("ncnn cannot load the network")
    source = np.ascontiguousarray(pixels(written.subject.side)[0].transpose(2, 0, 1))

    def translate() -> np.ndarray:
        extractor = network.create_extractor()
        extractor.input("in0", ncnn.Mat(source))
        failed, made = extractor.extract("out0")
        if failed:
            raise RuntimeError(f"ncnn failed with code {failed}")
        return np.array(made)

    return translate


def sides_of(written: Written, contender: Contender, last: bool) -> dict[str, Make]:
    """All sides in one precision; ``last`` is the fastest, OpenVINO's own choice."""
    side, low = written.subject.side, contender.precision == "bfloat16"
    extents = Extents(side, side)
    ours = partial(translating, str(written.bundle), Path.cwd(), contender, extents)
    found: dict[str, Make] = {TRANSLATOR: ours, BARE: partial(bare, written, contender)}
    if _there("torch"):
        found["PyTorch"] = partial(in_torch, written, low, False)
        found["torch.compile"] = partial(in_torch, written, low, True)
    if not low:
        found["ONNX Runtime"] = partial(in_onnx_runtime, written)
    found["OpenVINO"] = partial(in_openvino, written, "bf16" if low else "f32")
    if last:
        found["OpenVINO, its own precision"] = partial(in_openvino, written, "")
    if _there("torch", "ncnn", "pnnx"):
        found["ncnn"] = partial(in_ncnn, written, low)
    return found


def compare(
    written: Written, precision: Precision, last: bool, rounds: int, extent: turns.Extent, catalog: Catalog
) -> dict[str, Any]:
    """Measure all sides of a network in a precision; returns the record of all rounds."""
    model = find_model(str(written.bundle), Path.cwd(), catalog)
    (contender,) = (each for each in contenders(model, catalog.engines, precision=precision) if each.auto)
    timings = turns.timed(sides_of(written, contender, last), rounds, extent)
    return {
        "model": written.subject.name,
        "side": written.subject.side,
        "precision": precision,
        "engine": asdict(contender),
        "sides": {name: asdict(timing) for name, timing in timings.items()},
    }


def rows(record: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each side."""
    ours = record["sides"][TRANSLATOR]["seconds"]
    for name, timing in record["sides"].items():
        about = (f"{record['model']}, {record['side']}x{record['side']}", record["precision"], name)
        if timing["failure"]:
            yield *about, f"failed: {timing['failure']}", "", "", ""
            continue
        times = [1000 * second for second in timing["seconds"]]
        ratio = f"{turns.median_ratio(ours, timing['seconds']):.2f}" if ours else "unknown"
        memory = f"{(timing['peak_bytes'] or 0) >> 20}"
        yield *about, f"{statistics.median(times):.1f}", f"{min(times):.1f} - {max(times):.1f}", ratio, memory


def machine() -> dict[str, Any]:
    """What the figures depend on besides the code."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    stated = {name: re.search(rf"^{name}\s*: (.+)$", text, re.MULTILINE) for name in ("model name", "flags")}
    about = {name: found[1] if found else "" for name, found in stated.items()}
    versions = {name: metadata.version(name) for name in LIBRARIES if _there(name)}
    return {**about, "cores": cpu_threads(), "system": platform.platform(), "python": sys.version, "versions": versions}


def use_packages_of(python: str) -> None:
    """Make the packages of another interpreter available behind ours, also to the processes that are started."""
    code = "import json, sys; print(json.dumps([sys.version_info[:2], sys.path[1:]]))"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise click.ClickException(f"--python {python}: {answer.stderr.strip()}")
    version, folders = json.loads(answer.stdout)
    if tuple(version) != sys.version_info[:2]:
        raise click.ClickException(f"--python {python}: is Python {version[0]}.{version[1]}, unlike this one")
    sys.path += [folder for folder in folders if folder not in sys.path]


def _there(*modules: str) -> bool:
    return all(find_spec(module) is not None for module in modules)


@click.command(help=__doc__)
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=1.0, show_default=True, type=click.FloatRange(0), help="Of each side in a round.")
@click.option("--only", type=click.IntRange(0, 2), help="One network, by its number.")
@click.option("--python", help="An interpreter with PyTorch, ncnn and pnnx.")
@click.option("--write", "target", type=click.Path(path_type=Path, dir_okay=False), help="File of all rounds.")
@report.tiny_option
def main(rounds: int, seconds: float, only: int | None, python: str | None, target: Path | None, tiny: bool) -> None:
    if python is not None:
        use_packages_of(python)
    rounds, seconds = (1, 0.0) if tiny else (rounds, seconds)
    backend.load()
    catalog = Catalog.installed()
    precisions: tuple[Precision, ...] = ("float32", "bfloat16") if has_bfloat16() and not tiny else ("float32",)
    records: list[dict[str, Any]] = []
    chosen = subjects(tiny) if only is None else subjects(tiny)[only : only + 1]
    with tempfile.TemporaryDirectory() as folder:
        files = [write(subject, Path(folder), catalog) for subject in chosen]

        def all_rows() -> Iterator[tuple[str, ...]]:
            for written in files:
                for precision in precisions:
                    last = precision == precisions[-1]
                    records.append(compare(written, precision, last, rounds, turns.Extent(seconds=seconds), catalog))
                    yield from rows(records[-1])

        report.show(COLUMNS, all_rows())
    missing = [name for name in ("torch", "ncnn", "pnnx") if not _there(name)]
    if missing:
        click.echo(f"\nNot measured, because they are not installed: {', '.join(missing)}")
    if target is not None:
        target.write_text(json.dumps({"machine": machine(), "records": records}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
