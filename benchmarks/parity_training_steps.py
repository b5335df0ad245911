"""Three steps of the official training code from the same weights: differences of all losses (relative) and of the
generated images (absolute, in [-1, 1]). For comparison, the other columns show how much the official numbers change if
the initial weights change by 1e-6. CUT is compared with its official code with an explicit instance normalization,
because PyTorch's has a wrong gradient on a CPU: `benchmarks/cut_in_pytorch.py` reproduces the official numbers and
computes the right ones."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

import official_funit
import official_steps as official

COLUMNS = ("fixture", "after step", "losses", "official sensitivity", "images", "official sensitivity")
FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures"


def rows(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield one row per task and step."""
    del folder  # these fixtures are always those of the tests
    for case in official.cases():
        found = list(official.differences(case, FIXTURES / case.name))
        yield from _rows(case.name, found, case.probes)
    yield from _rows(official_funit.NAME, list(official_funit.differences()), official_funit.PROBES)


def _rows(name: str, found: Sequence[official.Difference], probes: Container[str]) -> Iterator[tuple[str, ...]]:
    config = json.loads((FIXTURES / name / "config.json").read_text(encoding="utf-8"))
    noise = config["sensitivity_to_1e-6_relative_weight_noise"]
    for step in range(1, official.STEPS + 1):
        losses = max(each.apart for each in found if each.step == step and each.figure not in probes)
        images = max(each.apart for each in found if each.step == step and each.figure in probes)
        beside = (noise["losses_rel_per_iteration"][step - 1], max(noise["probe_abs_per_iteration"][step].values()))
        yield f"`{name}`", str(step), f"{losses:.1e}", f"{beside[0]:.1e}", f"{images:.1e}", f"{beside[1]:.1e}"
