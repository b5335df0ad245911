"""A training run from its first step, or its last checkpoint, to its bundle."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from img2imgkit import backend, bundle
from img2imgkit.catalog import Catalog
from img2imgkit.data import Prefetch, Reader, open_reader
from img2imgkit.errors import TrainingError
from img2imgkit.training import checkpoint
from img2imgkit.training.engine import Engine
from img2imgkit.training.events import Finished, Notify, Progress, Sampled, Saved, Started
from img2imgkit.training.file import Recipe
from img2imgkit.training.initial import take_weights
from img2imgkit.training.probe import Probe
from img2imgkit.training.report import write_report
from img2imgkit.training.run_folder import RunFolder, environment


def train(
    recipe: Recipe,
    output: Path,
    catalog: Catalog,
    notify: Notify,
    resume: bool = False,
    device: str = "auto",
    stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Train until the last step, or until ``stopped()``; returns whether the last step was reached.

    Raises:
        DataError: training data that cannot be used.
        TrainingError: the folder holds another run, the device is not there, or a gradient is not finite.
    """
    strategy = backend.strategy_over(backend.devices(device))
    folder = RunFolder(output)
    folder.open(recipe.resolved(), resume)
    reader = open_reader(recipe.file.data, recipe.task.geometry())
    engine = Engine(recipe.task, recipe.file.training, strategy, reader.batch_size)
    notes = _start_from(recipe.initial, catalog, engine) if recipe.initial and not resume else ()
    first = checkpoint.restore(folder.checkpoints, engine.state) if resume else 0
    folder.rewind(first)
    run = _Run(recipe, folder, catalog, reader, engine, notify)
    folder.write_environment(run.devices)
    notify(Started(run.devices, reader.batch_size, reader.batch_size // engine.replicas, engine.parameters, first,
                   recipe.file.training.steps, notes))  # fmt: skip
    return run.go(first, stopped)


def _start_from(initial: Path, catalog: Catalog, engine: Engine) -> tuple[str, ...]:
    notes = take_weights(initial, catalog, engine.nets)
    if engine.average:
        engine.average.restart()
    return notes


class _Run:
    """The steps of one process, and what is written between them."""

    def __init__(
        self, recipe: Recipe, folder: RunFolder, catalog: Catalog, reader: Reader, engine: Engine, notify: Notify
    ) -> None:
        self.recipe, self.folder, self.catalog = recipe, folder, catalog
        self.reader, self.engine, self.notify = reader, engine, notify
        self.options = recipe.file.training
        self.devices = tuple(name.rpartition("device:")[2] for name in engine.strategy.extended.worker_devices)
        probe = recipe.file.probe
        self.probe = Probe(reader, probe, recipe.task, engine.result) if probe else None
        self._pending: list[Mapping[str, Any]] = []
        self._seconds = sum(record.get("seconds", 0.0) for record in folder.records())

    def go(self, first: int, stopped: Callable[[], bool]) -> bool:
        """All steps from ``first`` on, then the bundle."""
        steps = self.options.steps
        if first == 0:
            self._save(0)
        done = first
        with Prefetch(lambda step: self.reader.batch(self.options.seed, step), first, steps) as batches:
            self._mark = (time.perf_counter(), first, 0.0)
            for step, batch in enumerate(batches, first):
                rates = self.engine.rates(step)
                self._pending.append(self.engine.step(step, batch))
                done = step + 1
                self._between(done, rates, batches)
                if done < steps and stopped():
                    return self._interrupted(done, rates, batches)
        return self._finish(done)

    def _between(self, done: int, rates: Mapping[str, float], batches: Prefetch) -> None:
        options, last = self.options, done == self.options.steps
        saves = done % options.checkpoint_every == 0 or last
        samples = self.probe is not None and (done % options.sample_every == 0 or last)
        if done % options.log_every == 0 or saves or samples:
            self._log(done, rates, batches)
        if saves:
            self._save(done)
        if samples:
            self._sample(done)

    def _interrupted(self, done: int, rates: Mapping[str, float], batches: Prefetch) -> bool:
        self._log(done, rates, batches)
        self._save(done)
        write_report(self.folder, self.recipe.file.name)
        self.notify(Finished(done, None))
        return False

    def _log(self, done: int, rates: Mapping[str, float], batches: Prefetch) -> None:
        """Fetch the interval's figures, stop if they are not finite, and write them down."""
        if not self._pending:
            return
        terms = _means(self._pending)
        self._pending.clear()
        if terms.pop("finite") < 1 or not all(map(math.isfinite, terms.values())):
            raise TrainingError(
                f"step {done}: a loss or gradient is not finite ({_shown(terms)}). The last good checkpoint is kept in "
                f"{self.folder.checkpoints}; try a smaller learning rate, or training.generators.clip"
            )
        now = time.perf_counter()
        began, since, waited = self._mark
        self._mark = (now, done, batches.waited)
        seconds = max(now - began, 1e-9)
        speed = (done - since) / seconds
        self._seconds += seconds
        wait = (batches.waited - waited) / seconds
        images = speed * self.reader.batch_size
        self.folder.add_record(
            {
                "step": done,
                "terms": terms,
                "rates": rates,
                "seconds": seconds,
                "images_per_second": images,
                "input_wait": wait,
            }
        )
        left = (self.options.steps - done) / speed
        self.notify(Progress(done, self.options.steps, terms, rates, images, wait, left))

    def _save(self, done: int) -> None:
        path = checkpoint.save(self.folder.checkpoints, done, self.engine.state, self.options.keep)
        self.notify(Saved(done, path))

    def _sample(self, done: int) -> None:
        assert self.probe is not None
        began = time.perf_counter()
        scores, sheet = self.probe.look()
        path = self.folder.add_sample(done, sheet)
        self.folder.add_record({"step": done, "psnr": scores, "sheet": path.name})
        write_report(self.folder, self.recipe.file.name)
        self.notify(Sampled(done, path, scores))
        mark, since, waited = self._mark
        self._mark = (mark + time.perf_counter() - began, since, waited)

    def _finish(self, done: int) -> bool:
        file = self.recipe.file
        bundle.save(
            self.folder.bundle,
            self.recipe.task,
            self.engine.result,
            file.name,
            self.catalog,
            description=file.description,
            licence=file.licence,
            attribution=file.attribution,
            training=self._record(done),
        )
        write_report(self.folder, file.name)
        self.notify(Finished(done, self.folder.bundle))
        return True

    def _record(self, done: int) -> dict[str, Any]:
        """How the weights came about, for the bundle: the training file without this machine's paths, and the rest."""
        config = self.recipe.resolved()
        config["data"] = self.recipe.file.data.record()
        for key in ("probe", "initial"):
            config[key] = Path(config[key]).name if config[key] else None
        return {
            "file": config,
            "steps": done,
            "seconds": round(self._seconds, 1),
            "data": dict(self.reader.description),
            "environment": environment(self.devices),
        }


def _means(logs: list[Mapping[str, Any]]) -> dict[str, float]:
    """Means over an interval of each scalar, over the steps that had it; of ``finite`` the least."""
    names = {name: None for log in logs for name in log}
    values = {name: [float(log[name]) for log in logs if name in log] for name in names}
    return {name: min(found) if name == "finite" else math.fsum(found) / len(found) for name, found in values.items()}


def _shown(terms: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
