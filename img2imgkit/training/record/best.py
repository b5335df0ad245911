"""The checkpoint and the bundle that did best on the probe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from img2imgkit import bundle
from img2imgkit.errors import BundleError, TrainingError
from img2imgkit.metrics import PairMetric
from img2imgkit.training.record import checkpoint
from img2imgkit.training.record.probe import Probe, Scores
from img2imgkit.training.record.run_folder import RunFolder


class Best:
    """Keeps the state of a run's best moment; its bundle says how good it was, so a resumed run knows it too."""

    def __init__(self, folder: RunFolder, metric: type[PairMetric], probe: Probe | None, resumed: bool) -> None:
        """Begin, or take up where the folder's best bundle stands.

        Raises:
            TrainingError: there is nothing to measure by.
        """
        self._folder, self.metric = folder, metric
        if probe is None or metric.name not in probe.metrics:
            least = f" of {metric.minimum_size}x{metric.minimum_size} pixels" if metric.minimum_size > 1 else ""
            raise TrainingError(
                f"training.best: {metric.name} needs the truth of at least one picture of the probe, and there is none"
                f"{least}; add targets to the probe's folder, or leave training.best out"
            )
        self.value = self._known() if resumed else None

    def offer(
        self, done: int, scores: Scores, state: Mapping[str, Any], save_bundle: Callable[[Mapping[str, Any]], None]
    ) -> bool:
        """Keep this state when it is the best so far; whether it is.

        Args:
            save_bundle: writes the bundle, with this about the best in its training record
        """
        value = scores[self.metric.name]["mean"]
        if self.value is not None and not self.metric.is_better(value, self.value):
            return False
        checkpoint.write(self._folder.best_checkpoint, done, state)
        save_bundle({"metric": self.metric.name, "value": value, "step": done})
        self.value = value
        return True

    def _known(self) -> float | None:
        """What the best bundle had, if it was chosen by this metric."""
        try:
            record = bundle.describe(self._folder.best_bundle).training.get("best", {})
        except BundleError:
            return None
        return record["value"] if record.get("metric") == self.metric.name else None
