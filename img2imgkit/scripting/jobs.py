"""What the commands do, for Python programs: run a pipeline, train a task, export a model."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from img2imgkit import backend, bundle
from img2imgkit import training as plans
from img2imgkit.catalog import Catalog
from img2imgkit.config import Document, load_yaml, parse_yaml, validate
from img2imgkit.exporting import ExportedFile, ExportOptions, export_bundle
from img2imgkit.pipeline import Outcome, ThreadExecutor, make_plan, make_report, pipeline_of, write_report
from img2imgkit.pipeline import run as run_plan
from img2imgkit.step import Resources
from img2imgkit.training import Event, Finished

Stated = str | os.PathLike[str] | Mapping[str, Any]


@dataclass
class _Watcher:
    notify: Callable[[Outcome], object]
    total: int = field(default=0)

    def started(self, total: int, up_to_date: int) -> None:
        self.total = total

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
    notify: Callable[[Outcome], object] = lambda outcome: None,
    stop: threading.Event | None = None,
    catalog: Catalog | None = None,
) -> dict[str, Any]:
    """Run a pipeline over folders of pictures, as ``img2img run`` does: outputs that are valid are not made again.

        report = kit.run("pipelines/quickstart.yaml", source="photos", output="large")
        report["totals"]["failed"]

    Args:
        pipeline: a file, or what would be in it
        source, output: in place of the folders of the pipeline
        notify: called with each picture that is done or has failed
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
        notify: called with each event, such as ``Progress``
        stopped: asked after every step

    Raises:
        ConfigError: everything that is wrong with the file.
        DataError: the training data cannot be used.
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


def _document(stated: Stated, name: str) -> Document:
    """A file, or a mapping as if it were in a file of the current folder."""
    if isinstance(stated, Mapping):
        return parse_yaml(json.dumps(stated, default=os.fspath), name)
    return load_yaml(Path(stated))
