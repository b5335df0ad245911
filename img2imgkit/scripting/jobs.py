"""What the commands do, for Python programs: run a pipeline, train a task, import and export a model."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from img2imgkit import backend, bundle, importing
from img2imgkit import training as plans
from img2imgkit.catalog import Catalog
from img2imgkit.config import Document, load_yaml, parse_yaml, validate
from img2imgkit.exporting import ExportedFile, ExportOptions, export_bundle
from img2imgkit.pipeline import Outcome, ThreadExecutor, make_plan, make_report, pipeline_of, write_report
from img2imgkit.pipeline import run as run_plan
from img2imgkit.scripting.loaded_model import LoadedModel, load
from img2imgkit.step import Resources
from img2imgkit.training import Event, Finished

Stated = str | os.PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True)
class RunStarted:
    """A run starts: ``total`` pictures are to be made, ``up_to_date`` are done already."""

    total: int
    up_to_date: int


@dataclass
class _Watcher:
    notify: Callable[[RunStarted | Outcome], object]

    def started(self, total: int, up_to_date: int) -> None:
        self.notify(RunStarted(total, up_to_date))

    def finished(self, outcome: Outcome) -> None:
        self.notify(outcome)


def run(
    pipeline: Stated,
    *,
    source: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    device: str = "auto",
    engine: str | None = None,
    threads: int | None = None,
    limit: int | None = None,
    notify: Callable[[RunStarted | Outcome], object] = lambda event: None,
    stop: threading.Event | None = None,
    catalog: Catalog | None = None,
) -> dict[str, Any]:
    """Run a pipeline over folders of pictures, as ``img2img run`` does: outputs that are valid are not made again.

        report = kit.run("pipelines/quickstart.yaml", source="photos", output="large")
        report["totals"]["failed"]

    Args:
        pipeline: a file, or what would be in it
        source, output: in place of the folders of the pipeline
        notify: called with ``RunStarted``, then with an ``Outcome`` for each picture that is done or has failed
        stop: once set, the pictures in progress are finished

    Returns:
        the report, as the command prints it with ``--json``; it is also written into the output folder
    Raises:
        ConfigError: everything that is wrong with the pipeline.
        PlanError, LockError: the outputs would collide, cannot be written, or another run has the folder.
    """
    catalog = catalog or Catalog.installed()
    folders = [None if each is None else Path(each) for each in (source, output)]
    resources = Resources(device, engine)
    plan = make_plan(pipeline_of(_document(pipeline, "pipeline"), catalog, *folders), catalog, limit, resources)
    began = time.time()
    executor = ThreadExecutor(plan.pipeline, resources, threads)
    result = run_plan(plan, executor, _Watcher(notify), stop=stop)
    report = make_report(plan, result, began)
    write_report(report, plan)
    return report


def train(
    training: Stated,
    output: str | os.PathLike[str],
    *,
    resume: bool = False,
    device: str = "auto",
    notify: Callable[[Event], object] = lambda event: None,
    stopped: Callable[[], bool] = lambda: False,
    catalog: Catalog | None = None,
) -> Finished:
    """Train a task, as ``img2img train`` does.

        finished = kit.train("facades.yaml", "runs/facades", notify=print)
        model = kit.load(finished.bundle)

    Args:
        training: a file, or what would be in it
        output: the run's folder, which a resumed training continues
        notify: called with each event, such as ``Progress``; ``Display`` shows them in a notebook
        stopped: asked after every step

    Raises:
        ConfigError: everything that is wrong with the file.
        DataError: the training data cannot be used.
        GeometryError: the task's networks map sizes otherwise than it states.
        TrainingError: the folder contains another run, or a step failed.
    """
    catalog = catalog or Catalog.installed()
    plan = plans.read_training_plan(_document(training, "training"), catalog)
    return plans.train(plan, Path(output), catalog, notify, resume, device, stopped)


def export(
    model: str | os.PathLike[str],
    format: str,
    out: str | os.PathLike[str],
    *,
    replace: bool = False,
    catalog: Catalog | None = None,
    **options: Any,
) -> ExportedFile:
    """Write a bundle in another format, and prove that it is equal, as ``img2img export`` does.

        kit.export("sr-compact-x2", "onnx", "sr.onnx", image_io="uint8").differences

    Args:
        model: the name of an installed bundle, or its folder
        format: "onnx", "saved-model", "tflite", "keras", or one of a plugin
        replace: whether ``out`` may exist
        options: those of ``ExportOptions``

    Raises:
        NotInstalled, BundleError: there is no such format or bundle, or the bundle is damaged.
        ConfigError: there is no such option or value.
        ExportError: the format cannot express the model, or the written model differs from it.
    """
    catalog = catalog or Catalog.installed()
    stated = validate(ExportOptions, parse_yaml("", "options"), data=options)
    exporter = catalog.get("exporters", format)()
    folder = bundle.locate(os.fspath(model), Path.cwd(), catalog)
    backend.load()
    return export_bundle(bundle.load(folder, catalog), exporter, Path(out), stated, replace)


def import_model(
    files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    task: str | None = None,
    options: Mapping[str, Any] | None = None,
    key: str | None = None,
    importer: str | None = None,
    architecture: str = "",
    name: str | None = None,
    licence: str = "",
    attribution: Sequence[str] = (),
    replace: bool = False,
    device: str = "auto",
    catalog: Catalog | None = None,
) -> LoadedModel:
    """Make a bundle of other people's weights, and load it, as ``img2img import`` does.

        model = kit.import_model("RealESRGAN_x4plus.pth", "bundles/realesrgan")
        model.assumptions

    Args:
        files: one for each network; several in the order of the task's options
        output: the bundle's folder
        task: the task's name; None: the one whose official code writes such files
        options: options of the task by dotted keys such as "generator.dropout"; they replace what is read or assumed
        key: the entry of each file that contains the network, such as "params_ema"; None: the usual one
        importer, architecture: of the files; by default recognised for each of them
        name: the bundle's name; None: that of its folder
        licence, attribution: of the weights; stored in the bundle
        replace: whether to replace an existing bundle

    Returns:
        the model, whose ``assumptions`` state what no file says
    Raises:
        InteropError: a file cannot be read or is refused, or no task can use the networks.
        ConfigError: an option is wrong.
        BundleError: the folder exists and must not be replaced, or cannot be written.
        NotInstalled: there is no such task, importer or architecture.
    """
    catalog = catalog or Catalog.installed()
    backend.load()
    done = importing.import_bundle(
        [Path(each) for each in ([files] if isinstance(files, str | os.PathLike) else files)],
        Path(output),
        catalog,
        task,
        options,
        key=key,
        importer=importer,
        architecture=architecture,
        name=name,
        replace=replace,
        licence=licence,
        attribution=tuple(attribution),
    )
    model = load(output, device=device, catalog=catalog)
    model.assumptions = done.assumptions
    return model


def _document(stated: Stated, name: str) -> Document:
    """A file, or a mapping as if it were in a file of the current folder."""
    if isinstance(stated, Mapping):
        return parse_yaml(json.dumps(stated, default=os.fspath), name)
    return load_yaml(Path(stated))
