"""The probe: scores and sheets of fixed pictures."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from img2imgkit.training.probe import CEILING, GAP, MAX_ROWS, SHEET_SIDE, Probe

GREY = np.full((1, 10, 12, 3), 0.2, np.float32)


def probe_of(target: np.ndarray, gain: float, count: int = 1) -> Probe:
    """A probe over a task that repeats pixels and scales values."""
    batches = [(f"p{n}", {"source": target[:, ::2, ::2], "target": target}) for n in range(count)]

    def translate(_: Any, inputs: Any) -> Any:
        import tensorflow as tf

        assert set(inputs) == {"source"}
        return gain * tf.repeat(tf.repeat(inputs["source"], 2, axis=1), 2, axis=2)

    reader = SimpleNamespace(probe=lambda folder: batches)
    task = SimpleNamespace(translate=translate)
    return Probe(reader, Path("probe"), task, None)  # type: ignore[arg-type]


def test_equal_pictures_reach_the_ceiling() -> None:
    scores, _ = probe_of(GREY, gain=1.0).look()
    assert scores == {"mean": CEILING, "p0": CEILING}


def test_score_is_psnr_of_rounded_levels() -> None:
    scores, _ = probe_of(GREY, gain=0.5).look()
    levels = round(1.2 * 127.5) - round(1.1 * 127.5)
    assert scores["p0"] == pytest.approx(20 * np.log10(255 / levels))


def test_sheet_shows_source_output_and_target_side_by_side() -> None:
    _, sheet = probe_of(GREY, gain=0.0, count=2).look()
    assert sheet.shape == (2 * SHEET_SIDE + GAP, 3 * SHEET_SIDE + 2 * GAP, 3)
    cells = [sheet[5, 6 + n * (SHEET_SIDE + GAP)] for n in range(3)]
    assert [int(cell[0]) for cell in cells] == [153, 128, 153]
    assert (sheet[:, SHEET_SIDE : SHEET_SIDE + GAP] == 255).all()


def test_large_pictures_are_cut_to_their_middle_and_long_lists_to_a_page() -> None:
    large = np.zeros((1, 400, 300, 3), np.float32)
    large[:, 200, 150] = 1
    scores, sheet = probe_of(large, gain=1.0, count=MAX_ROWS + 3).look()
    assert len(scores) == 1 + MAX_ROWS + 3
    assert sheet.shape[0] == MAX_ROWS * (SHEET_SIDE + GAP) - GAP
    assert sheet[SHEET_SIDE // 2, -SHEET_SIDE // 2].max() == 255
