"""Writes what a run records between steps: figures, checkpoints, samples, alarms, bundles. Only the chief has one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.config import without_folders
from img2imgkit.data_kind import Reader, stacked
from img2imgkit.errors import BundleError, TrainingError
from img2imgkit.metrics import PairMetric
from img2imgkit.training.loop.trainer import Trainer
from img2imgkit.training.plan.training_file import TrainingPlan
from img2imgkit.training.record.alarms import AlarmMonitor
from img2imgkit.training.record.events import Alarmed, Notify, Progress, Sampled, Saved
from img2imgkit.training.record.meter import Figures
from img2imgkit.training.record.probe import Probe, Scores, probe_metrics
from img2imgkit.training.record.run_folder import RunFolder, environment
from img2imgkit.training.record.tensorboard import EventLog
from img2imgkit.training.record.training_report import report
from img2imgkit.training.state import checkpoint
from img2imgkit.training.state.checkpoint import writing
from img2imgkit.training.state.last_good import LastGood


class Best:
    """Keeps the best state of a run. Its bundle records the score, so that a resumed run can read it.

    Attributes:
        value: the best score so far; None before the first
        waited: evaluations of the probe since then
    """

    def __init__(self, folder: RunFolder, metric: type[PairMetric], probe: Probe | None, resumed: bool) -> None:
        """Start fresh, or read the best score from the folder's best bundle.

        Raises:
            TrainingError: the probe has no target that the metric can measure.
        """
        self._folder, self.metric = folder, metric
        if probe is None or metric.name not in probe.metrics:
            size = f" of at least {metric.minimum_size}x{metric.minimum_size} pixels" if metric.minimum_size > 1 else ""
            raise TrainingError(
                f"training.best: {metric.name} needs a probe picture with a target{size}, and there is none; "
                "add targets to the probe's folder, or leave training.best out"
            )
        self.value = self._recorded() if resumed else None
        self.waited = 0

    def offer(
        self, done: int, scores: Scores, state: Mapping[str, Any], save_bundle: Callable[[Mapping[str, Any]], None]
    ) -> bool:
        """Keep this state if it is the best so far. Returns whether it is.

        Args:
            save_bundle: writes the bundle; its argument belongs in the training record as ``best``
        """
        value = scores[self.metric.name]["mean"]
        if self.value is not None and not self.metric.is_better(value, self.value):
            self.waited += 1
            return False
        checkpoint.write(self._folder.best_checkpoint, done, checkpoint.copied(state))
        save_bundle({"metric": self.metric.name, "value": value, "step": done})
        self.value, self.waited = value, 0
        return True

    def replay(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Count the evaluations in the records of a resumed run that follow its best one."""
        if self.value is None:
            return
        for record in records:
            if "probe" in record:
                self.waited = 0 if record.get("best") else self.waited + 1

    def _recorded(self) -> float | None:
        """Return the score of the best bundle, if this metric selected it."""
        try:
            record = bundle.describe(self._folder.best_bundle).training.get("best", {})
        except BundleError:
            return None
        return record["value"] if record.get("metric") == self.metric.name else None


class Journal:
    """Writes the records of a run to its folder; ``alarmed`` is True once an alarm has been raised."""

    def __init__(
        self,
        plan: TrainingPlan,
        folder: RunFolder,
        catalog: Catalog,
        reader: Reader,
        trainer: Trainer,
        devices: tuple[str, ...],
        first: int,
        notify: Notify,
    ) -> None:
        """Start the records, or continue those of the first ``first`` steps.

        Raises:
            TrainingError: the probe cannot be used, or the folder cannot be written.
        """
        self.plan, self.folder, self.catalog = plan, folder, catalog
        self.reader, self.trainer, self.devices, self.notify = reader, trainer, devices, notify
        self.options, file = plan.file.training, plan.file
        best = self.options.best
        measured = probe_metrics(catalog.metrics, best)
        self.probe = Probe(reader, file.probe, plan.task, trainer.result, measured) if file.probe else None
        self.best = Best(folder, catalog.get("metrics", best), self.probe, first > 0) if best else None
        self._initial = folder.initial_record(plan.initial.record() if plan.initial else None, first > 0)
        folder.rewind(first)
        folder.write_environment(devices, catalog.owner("tasks", plan.task.name))
        records = folder.records()
        self._seconds = sum(record.get("seconds", 0.0) for record in records)
        self._monitor = AlarmMonitor(self.options.alarms)
        for record in records:
            self._monitor.check(record)
        if self.best:
            self.best.replay(records)
        self._events = EventLog(folder.tensorboard, folder.samples, records)
        self._good = LastGood()
        self.alarmed = False

    @property
    def settled(self) -> bool:
        """Whether the score of the probe has not improved for as many evaluations as ``training.patience`` allows."""
        patience = self.options.patience
        return patience is not None and self.best is not None and self.best.waited >= patience

    def log(self, done: int, figures: Figures, rates: Mapping[str, float]) -> None:
        """Record the figures of a log interval."""
        images = figures.steps_per_second * self.reader.batch_size
        self._seconds += figures.seconds
        self._add(
            {
                "step": done,
                "terms": figures.terms,
                "gradients": figures.gradients,
                **({"scales": figures.scales} if figures.scales else {}),
                "rates": rates,
                "seconds": figures.seconds,
                "images_per_second": images,
                "input_wait": figures.input_wait,
            }
        )
        left = (self.options.length - done) / figures.steps_per_second
        self.notify(
            Progress(done, self.options.length, figures.terms, rates, images, figures.input_wait, left),
        )

    def save(self, done: int) -> None:
        """Write a checkpoint."""
        path = checkpoint.save(self.folder.checkpoints, done, checkpoint.copied(self.trainer.state), self.options.keep)
        self._good.forget()
        self.notify(Saved(done, path))

    def remember(self, done: int) -> None:
        """Note that the state after ``done`` steps is good, in case that the training fails before it is saved."""
        self._good.remember(done, self.trainer.state)

    def secure(self, done: int, whole: bool, cause: BaseException) -> str:
        """Save the newest good state of a training that must end, if no checkpoint has it.

        Args:
            whole: whether the variables are the good state after ``done`` steps; otherwise it is the remembered one
            cause: what ended the training

        Returns:
            where the last checkpoint is, or why there is no newer one; does not raise
        """
        folder, keep = self.folder.checkpoints, self.options.keep
        try:
            saved = max(map(checkpoint.step_of, checkpoint.listed(folder)), default=-1)
            if whole and done > saved:
                checkpoint.save(folder, done, checkpoint.copied(self.trainer.state), keep)
            elif self._good.step > saved:
                checkpoint.save(folder, self._good.step, self._good.arrays, keep)
        except Exception as error:  # whatever ended the training may prevent this too
            reason = "for the same reason" if str(error) == str(cause) else f"({error})"
            return f"The newest state could not be saved {reason}. {last_checkpoint(self.folder)}"
        return last_checkpoint(self.folder)

    def sample(self, done: int) -> None:
        """Evaluate the probe: write a sample sheet, scores and the report, and keep the best state."""
        assert self.probe is not None
        result = self.probe.evaluate()
        path = self.folder.add_sample(done, result.sheet)
        best = self.best is not None and self.best.offer(done, result.scores, self.trainer.state, self._save_best(done))
        self._add(
            {
                "step": done,
                "probe": result.scores,
                "sheet": path.name,
                "variety": result.variety,
                "flat": result.flat,
                **({"best": True} if best else {}),
            }
        )
        self.write_report()
        self.notify(Sampled(done, path, result.scores, best))

    def write_report(self) -> None:
        """Write ``report.html`` from all records so far."""
        self.folder.write_report(report(self.folder.records(), self.plan.file.name, self.catalog.metrics))

    def finish(self, done: int) -> Path:
        """Write the bundle and the final report."""
        self._save_bundle(self.folder.bundle, done, {})
        self.write_report()
        return self.folder.bundle

    def close(self) -> None:
        """Close the event file."""
        self._events.close()

    def _add(self, record: Mapping[str, Any]) -> None:
        whole = {**record, "time": round(time.time(), 3)}
        self.folder.add_record(whole)
        self._events.add(whole)
        alarm = self._monitor.check(whole)
        if alarm:
            self.alarmed = True
            self._add({"step": record["step"], "alarm": alarm.name, "text": alarm.text})
            self.notify(Alarmed(record["step"], alarm.name, alarm.text))

    def _save_best(self, done: int) -> Any:
        return lambda about: self._save_bundle(self.folder.best_bundle, done, {"best": about})

    def _save_bundle(self, folder: Path, done: int, more: Mapping[str, Any]) -> None:
        file, reader = self.plan.file, self.reader
        once = (stacked([reader.sample(self.options.seed, position)]) for position in range(reader.epoch))
        self.plan.task.on_train_end(self.trainer.result, once)
        with writing(folder):
            bundle.save(
                folder,
                self.plan.task,
                self.trainer.result,
                file.name,
                self.catalog,
                description=file.description,
                licence=file.licence,
                attribution=file.attribution,
                training={**self._record(done), **more},
            )

    def _record(self, done: int) -> dict[str, Any]:
        """Return a bundle's training record: the training file without local paths, the data and the environment."""
        return {
            "file": {**portable(self.plan), "initial": self._initial},
            "steps": done,
            "seconds": round(self._seconds, 1),
            "data": dict(self.reader.description),
            "environment": environment(self.devices),
        }


def last_checkpoint(folder: RunFolder) -> str:
    """Say where the last checkpoint of a run is."""
    found = checkpoint.listed(folder.checkpoints)
    if not found:
        return "There is no checkpoint yet"
    return f"The last good checkpoint is {found[-1]}, after step {checkpoint.step_of(found[-1])}"


def portable(plan: TrainingPlan) -> dict[str, Any]:
    """Return the training file with all defaults and without the paths of this machine."""
    config = plan.resolved()
    config["data"], config["options"] = plan.data.options.record(), without_folders(config["options"])
    config["probe"] = Path(config["probe"]).name if config["probe"] else None
    config["initial"] = plan.initial.record() if plan.initial else None
    return config
